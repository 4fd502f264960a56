"""Who may log in, and what ends a session."""

import pytest

from tests.site import PASSWORD, ROOT, Client, Site


@pytest.fixture
def root(site: Site) -> Client:
    """Ann, who administers her domain, and Bob, who administers nothing."""
    root = site.root()
    root.ok("POST", "domain/ex.com")
    for name in ("ann", "bob"):
        root.ok("POST", f"user/{name}@ex.com", password=PASSWORD)
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    return root


@pytest.mark.parametrize(
    ("username", "password", "code"),
    [("", PASSWORD, "INVALID_USERNAME"), ("root", PASSWORD, "INVALID_USERNAME"), (ROOT, "", "EMPTY_PASSWORD"),
     (ROOT, "wrong", "INVALID_CREDENTIALS"), ("no@admins.test", PASSWORD, "INVALID_CREDENTIALS"),
     ("bob@ex.com", PASSWORD, "INVALID_CREDENTIALS")],
)  # fmt: skip
def test_a_login_is_refused_without_saying_more_than_needed(
    site: Site, root: Client, username: str, password: str, code: str
) -> None:
    assert root.data("domains", name_only="yes") == ["ex.com"]
    assert site.client().refused("POST", "login", username=username, password=password) == code


def test_a_second_login_on_a_live_session_succeeds(root: Client) -> None:
    root.login(ROOT)
    root.login(ROOT)
    assert root.data("domains", name_only="yes") == ["ex.com"]


def test_a_user_with_a_domain_logs_in_and_sees_it_alone(site: Site, root: Client) -> None:
    root.ok("POST", "domain/far.com")
    ann = site.client().login("Ann@Ex.com")
    assert ann.data("domains", name_only="yes") == ["ex.com"]
    assert ann.refused("GET", "domain/far.com") == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("path", "parameters"),
    [("user/ann@ex.com", {"accountStatus": "disabled"}), ("user/ann@ex.com", {"password": "Another@Password3"}),
     ("user/ann@ex.com", {"isGlobalAdmin": "yes"}), ("domain/admins/ex.com", {"removeAllAdmins": ""})],
)  # fmt: skip
def test_changed_credentials_or_rights_end_the_session(
    site: Site, root: Client, path: str, parameters: dict[str, str]
) -> None:
    ann = site.client().login("ann@ex.com")
    root.ok("PUT", path, **parameters)
    assert ann.refused("GET", "domain/ex.com") == "SESSION_EXPIRED"
    assert ann.refused("GET", "domain/ex.com") == "LOGIN_REQUIRED"


def test_logging_out_ends_the_session_on_the_server(site: Site, root: Client) -> None:
    again = site.client()
    again.session.cookies.update(root.session.cookies)
    root.ok("POST", "logout")
    assert again.refused("GET", "domains") == "LOGIN_REQUIRED"


def test_an_idle_session_expires(site: Site, root: Client) -> None:
    site.execute("iredadmin", "UPDATE postreeve_sessions SET used = used - 1801")
    assert root.refused("GET", "domains") == "SESSION_EXPIRED"


def test_only_the_hash_of_a_sessions_id_is_kept(site: Site, root: Client) -> None:
    [row] = site.rows("postreeve_sessions")
    [token] = root.session.cookies.values()
    assert str(token) not in str(row)
