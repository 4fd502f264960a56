"""Sessions of the API, of the panel and of self-service: each is worth something in its own place alone."""

import pytest

from postreeve import operations
from postreeve.errors import Refused
from postreeve.operations import REGISTRY, Call
from postreeve.permissions import Actor
from postreeve.sessions.operations import resume
from postreeve.sessions.store import SessionKind
from tests.site import PASSWORD, ROOT, Client, Site

ANN = "ann@ex.com"
API, PANEL, SELF_SERVICE = SessionKind.API, SessionKind.PANEL, SessionKind.SELF_SERVICE
HERE = "127.0.0.1"

pytestmark = pytest.mark.usefixtures("root")


@pytest.fixture
def root(site: Site) -> Client:
    """Ann, who administers her domain, which has self-service."""
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", f"user/{ANN}", password=PASSWORD, language="de_DE")
    root.ok("PUT", "domain/ex.com", addService="self-service")
    root.ok("PUT", "domain/admins/ex.com", addAdmin=ANN)
    return root


def _opened(site: Site, kind: SessionKind, account: str, *, client: str = HERE, token: str = "") -> str:
    """Log in as a face with such sessions does, and return the session's id."""
    form = {"username": [account], "password": [PASSWORD]}
    call = Call(None, (), form, client, token=token, kind=kind)
    return str(operations.run(REGISTRY["POST /api/login"], call, site.storage).data.token)


def _resumed(site: Site, token: str, kind: SessionKind, client: str = HERE) -> Actor | str:
    try:
        return resume(site.storage, token, client, kind)
    except Refused as no:
        return str(no)


@pytest.mark.parametrize("kind", [API, PANEL, SELF_SERVICE])
def test_a_session_is_of_its_own_kind_alone(site: Site, kind: SessionKind) -> None:
    token = _opened(site, kind, ANN)
    for other in (API, PANEL, SELF_SERVICE):
        found = _resumed(site, token, other)
        assert isinstance(found, Actor) == (other is kind), other
        assert isinstance(found, Actor) or found == "LOGIN_REQUIRED"


def test_each_kind_of_session_has_a_cookie_of_its_own(site: Site, root: Client) -> None:
    assert len({API.cookie, PANEL.cookie, SELF_SERVICE.cookie}) == 3
    user = site.client().login_user(ANN)
    for client, cookie in ((root, API.cookie), (user, SessionKind.API_USER.cookie)):
        assert client.session.cookies.keys() == [cookie] == ["postreeve_api"]
    for kind in (PANEL, SELF_SERVICE):
        stranger = site.client()
        stranger.session.cookies.set(API.cookie, _opened(site, kind, ANN))
        assert stranger.refused("GET", "domains") == stranger.refused("GET", "self-service") == "LOGIN_REQUIRED"


@pytest.mark.parametrize("kind", [PANEL, SELF_SERVICE])
def test_a_browsers_former_session_ends_with_the_login(site: Site, kind: SessionKind) -> None:
    first = _opened(site, kind, ANN)
    second = _opened(site, kind, ANN, token=first)
    assert first != second
    assert _resumed(site, first, kind) == "LOGIN_REQUIRED"
    assert isinstance(_resumed(site, second, kind), Actor)


@pytest.mark.parametrize("kind", [PANEL, SELF_SERVICE])
def test_sessions_of_browsers_expire_and_end_with_a_changed_password(
    site: Site, root: Client, kind: SessionKind
) -> None:
    token = _opened(site, kind, ANN)
    site.execute("iredadmin", f"UPDATE postreeve_sessions SET used = used - 1801 WHERE kind = '{kind}'")
    assert _resumed(site, token, kind) == "SESSION_EXPIRED"
    token = _opened(site, kind, ANN)
    root.ok("PUT", f"user/{ANN}", password="Another@Password3")
    assert _resumed(site, token, kind) == "SESSION_EXPIRED"
    assert _resumed(site, token, kind) == "LOGIN_REQUIRED"


@pytest.mark.parametrize(
    ("path", "parameters"),
    [(f"user/{ANN}", {"accountStatus": "disabled"}), (f"user/{ANN}", {"isGlobalAdmin": "yes"}),
     ("domain/admins/ex.com", {"removeAdmin": ANN})],
)  # fmt: skip
def test_rights_that_end_or_grow_end_a_session_of_the_panel(
    site: Site, root: Client, path: str, parameters: dict[str, str]
) -> None:
    token = _opened(site, PANEL, ANN)
    root.ok("PUT", path, **parameters)
    assert _resumed(site, token, PANEL) == "SESSION_EXPIRED"


def test_an_admin_who_adds_a_domain_in_the_panel_stays(site: Site, root: Client) -> None:
    root.ok("POST", "admin/al@admins.test", password=PASSWORD, maxDomains="2")
    tokens = [_opened(site, PANEL, "al@admins.test") for _ in range(2)]
    _run(site, "POST /api/domain/<domain>", tokens[0], PANEL, "new.com")
    for token in tokens:
        actor = _resumed(site, token, PANEL)
        assert isinstance(actor, Actor)
        assert set(actor.domains) == {"new.com"}


@pytest.mark.parametrize(
    ("kind", "route"),
    [(PANEL, "PUT /api/panel/password"), (SELF_SERVICE, "PUT /api/self-service/password")],
)
def test_whoever_changes_the_own_password_stays_and_other_sessions_end(
    site: Site, kind: SessionKind, route: str
) -> None:
    token, other = (_opened(site, kind, ANN) for _ in range(2))
    elsewhere = {which: _opened(site, which, ANN) for which in (API, PANEL, SELF_SERVICE)}
    _run(site, route, token, kind, oldPassword=PASSWORD, password="Another@Password3")
    assert isinstance(_resumed(site, token, kind), Actor)
    assert _resumed(site, other, kind) == "SESSION_EXPIRED"
    assert {_resumed(site, former, which) for which, former in elsewhere.items()} == {"SESSION_EXPIRED"}


def _run(site: Site, route: str, token: str, kind: SessionKind, *path: str, **form: str) -> None:
    """Do something as a face with such sessions does."""
    given = {name: [value] for name, value in form.items()}
    actor = resume(site.storage, token, HERE, kind)
    operations.run(REGISTRY[route], Call(actor, path, given, HERE, token=token, kind=kind), site.storage)


def test_the_panel_asks_who_administers_and_self_service_does_not(site: Site) -> None:
    admin, user = (_resumed(site, _opened(site, kind, ANN), kind) for kind in (PANEL, SELF_SERVICE))
    assert isinstance(admin, Actor)
    assert isinstance(user, Actor)
    assert (admin.is_admin, set(admin.domains), admin.language) == (True, {"ex.com"}, "de_DE")
    assert (user.is_admin, set(user.domains), user.is_global, user.language) == (False, set(), False, "de_DE")


def test_times_are_told_in_the_accounts_time_zone(site: Site) -> None:
    client = site.client().login(ANN)
    client.ok("PUT", "panel/profile", timezone="Asia/Tokyo")
    for kind in (PANEL, SELF_SERVICE):
        actor = _resumed(site, _opened(site, kind, ANN), kind)
        assert isinstance(actor, Actor)
        assert actor.time_zone == "Asia/Tokyo"


@pytest.mark.ldap
@pytest.mark.parametrize(
    ("stored", "known"), [("GMT+08:00", "Etc/GMT-8"), ("GMT-03:00", "Etc/GMT+3"), ("GMT+05:30", ""), ("x:y", "")]
)
def test_an_offset_is_a_time_zone_where_there_is_one(site: Site, stored: str, known: str) -> None:
    assert site.directory
    site.directory.change(site.directory.tree.user(ANN), accountSetting=[f"timezone:{stored}"])
    actor = _resumed(site, _opened(site, PANEL, ANN), PANEL)
    assert isinstance(actor, Actor)
    assert actor.time_zone == known


def test_admins_may_be_bound_to_networks_in_the_panel(site: Site) -> None:
    tokens = {kind: _opened(site, kind, ANN) for kind in (API, PANEL, SELF_SERVICE)}
    site.change_settings(admin_login_ip_list=["192.0.2.0/24", "2001:db8::/32"])
    assert _resumed(site, tokens[PANEL], PANEL) == "NOT_ALLOWED_IP"
    assert isinstance(_resumed(site, tokens[PANEL], PANEL, "192.0.2.7"), Actor)
    with pytest.raises(Refused, match="NOT_ALLOWED_IP"):
        _opened(site, PANEL, ANN)
    assert _opened(site, PANEL, ANN, client="2001:db8::7")
    for kind in (API, SELF_SERVICE):
        assert isinstance(_resumed(site, tokens[kind], kind), Actor)


def test_global_admins_are_bound_to_their_networks_as_long_as_they_are_here(site: Site, root: Client) -> None:
    token = _opened(site, PANEL, ROOT)
    site.change_settings(global_admin_ip_list=["192.0.2.0/24"])
    assert _resumed(site, token, PANEL) == root.refused("GET", "domains") == "NOT_ALLOWED_IP"
    assert isinstance(_resumed(site, _opened(site, PANEL, ANN), PANEL), Actor)
    root.session.headers["X-Forwarded-For"] = "192.0.2.7"
    assert root.refused("GET", "domains") == "NOT_ALLOWED_IP"
    site.change_settings(trusted_proxies=[HERE])
    assert root.data("domains", name_only="yes") == ["ex.com"]
