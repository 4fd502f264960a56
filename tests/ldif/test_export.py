"""The exports through the API: what is in them, for whom, and what the log says of it."""

import pytest

from tests.ldif.reader import read
from tests.site import PASSWORD, ROOT, Client, Site

ANN, ADMIN = "ann@ex.com", "admin@far.test"
ROUTES = (
    "domain/ex.com",
    "catchall/ex.com",
    f"admin/{ADMIN}",
    f"user/{ANN}",
    "maillist/news@ex.com",
    "alias/team@ex.com",
)
MISSING = {
    **dict.fromkeys(("domain/ghost.test",), "NO_SUCH_DOMAIN"),
    **dict.fromkeys(
        ("catchall/ex.org", "catchall/ghost.test", "admin/ann@ex.com", "user/team@ex.com"), "NO_SUCH_ACCOUNT"
    ),
    **dict.fromkeys(("maillist/team@ex.com", "alias/ann@ex.com"), "NO_SUCH_ACCOUNT"),
    **dict.fromkeys(("user/@ex.com", "user/", "user/x,ou=Users@ex.com"), "INVALID_MAIL"),
}


@pytest.fixture
def root(site: Site) -> Client:
    """The global admin, with accounts of every kind."""
    root = site.root()
    root.ok("POST", f"admin/{ADMIN}", password=PASSWORD)
    root.ok("POST", "domain/ex.com", name="Ex & Söhne")
    root.ok("POST", "domain/ex.org")
    root.ok("PUT", "domain/admins/ex.com", addAdmin=ADMIN)
    root.ok("POST", f"user/{ANN}", password=PASSWORD, name="Ännchen", quota="5", aliases="info@ex.com")
    root.ok("PUT", f"user/{ANN}", forwarding="someone@far.test", senderBcc="copy@far.test")
    root.ok("POST", "alias/team@ex.com", members=ANN)
    root.ok("POST", "ml/news@ex.com", name="News")
    root.ok("PUT", "domain/ex.com", catchall=ANN, minPasswordLength="9")
    return root


def exported(client: Client, path: str, **parameters: str) -> dict[str, dict[str, set[str]]]:
    """Return what an export says, by the names of the entries without the suffix."""
    return {
        dn.rpartition(",dc=s")[0]: {
            name: {value.decode("utf-8", "backslashreplace") for value in values} for name, values in entry.items()
        }
        for dn, entry in read(client.data(f"ldif/{path}", **parameters))
    }


def stored(site: Site) -> dict[str, dict[str, set[str]]]:
    """Return what the directory has, in the same form."""
    return {dn: {name: set(values) for name, values in entry.items()} for dn, entry in site.entries().items()}


@pytest.mark.ldap
def test_an_export_is_the_entry_as_it_is_stored(site: Site, root: Client) -> None:
    there = stored(site)
    assert next(iter(exported(root, "domain/ex.com"))) == "domainName=ex.com,o=domains"
    names = {
        "domain/ex.com": {
            dn for dn in there if dn.endswith("domainName=ex.com,o=domains") and not dn.startswith("mail")
        },
        "catchall/ex.com": {"mail=@ex.com,ou=Users,domainName=ex.com,o=domains"},
        f"admin/{ADMIN}": {f"mail={ADMIN},o=domainAdmins"},
        f"user/{ANN}": {f"mail={ANN},ou=Users,domainName=ex.com,o=domains"},
        "maillist/news@ex.com": {"mail=news@ex.com,ou=Groups,domainName=ex.com,o=domains"},
        "alias/team@ex.com": {"mail=team@ex.com,ou=Aliases,domainName=ex.com,o=domains"},
    }
    for path, dns in names.items():
        assert exported(root, path) == {dn: there[dn] for dn in dns}, path
    within = {dn: entry for dn, entry in there.items() if dn.endswith("domainName=ex.com,o=domains")}
    assert exported(root, "domain/ex.com", with_accounts="yes") == within
    assert exported(root, "all") == there


@pytest.mark.ldap
def test_what_is_not_there_is_refused(root: Client) -> None:
    assert {path: root.refused("GET", f"ldif/{path}") for path in MISSING} == MISSING


@pytest.mark.ldap
def test_hashes_are_for_global_admins_and_each_export_with_one_is_logged(site: Site, root: Client) -> None:
    admin = site.client().login(ADMIN)
    before = len(site.rows("log"))
    for path in ROUTES:
        exported(root, path)
    for path in ("domain/ex.com", f"user/{ANN}", "alias/team@ex.com"):
        exported(admin, path, with_accounts="yes")
    exported(root, "domain/ex.com", with_accounts="yes")
    exported(root, "all")
    lines = sorted(site.rows("log"), key=lambda row: int(row["id"]))[before:]
    assert [(row["event"], row["admin"], row["domain"], row["username"], row["msg"]) for row in lines] == [
        ("backup", ROOT, "far.test", ADMIN, f"[API] Export an admin as LDIF, with password hashes: {ADMIN}."),
        ("backup", ROOT, "ex.com", ANN, f"[API] Export a mail user as LDIF, with password hashes: {ANN}."),
        ("backup", ROOT, "ex.com", "", "[API] Export a domain as LDIF, with password hashes: ex.com."),
        ("backup", ROOT, "", "", "[API] Export everything as LDIF, with password hashes."),
    ]
    assert any("userPassword" in entry for entry in exported(root, f"user/{ANN}").values())
    for entry in exported(admin, "domain/ex.com", with_accounts="yes").values():
        assert "userPassword" not in entry


@pytest.mark.ldap
def test_a_domain_admin_exports_what_is_open(site: Site, root: Client) -> None:
    admin = site.client().login(ADMIN)
    for path in (f"admin/{ADMIN}", "all", "domain/ex.org", "user/eve@ex.org"):
        assert admin.refused("GET", f"ldif/{path}") == "PERMISSION_DENIED"
    there = stored(site)
    user = f"mail={ANN},ou=Users,domainName=ex.com,o=domains"
    without_hash = {name: values for name, values in there[user].items() if name != "userPassword"}
    assert exported(admin, f"user/{ANN}") == {user: without_hash}
    root.ok(
        "PUT", "domain/ex.com", disableUserProfile="bcc,forwarding", disableDomainProfile="catchall,password_policies"
    )
    closed = {"userSenderBccAddress", "userRecipientBccAddress", "mailForwardingAddress"}
    open_ones = {name: values for name, values in without_hash.items() if name not in closed}
    assert open_ones != without_hash
    assert exported(admin, f"user/{ANN}") == {user: open_ones}
    assert admin.refused("GET", "ldif/catchall/ex.com") == "PERMISSION_DENIED"
    domain = exported(admin, "domain/ex.com", with_accounts="yes")
    assert "mail=@ex.com,ou=Users,domainName=ex.com,o=domains" not in domain
    settings = domain["domainName=ex.com,o=domains"]["accountSetting"]
    assert not any(text.startswith("minPasswordLength") for text in settings)
    assert any(text.startswith("disabledDomainProfile") for text in settings)


@pytest.mark.ldap
def test_a_long_export_is_written_as_it_is_read(site: Site, root: Client) -> None:
    assert site.directory
    tree, words = site.directory.tree, ["x" * 60_000]
    for number in range(12):
        mail = f"long{number}@ex.com"
        site.directory.add(tree.alias(mail), objectClass=["mailAlias"], mail=[mail], description=words)
    answer = root.raw("GET", "ldif/domain/ex.com", params={"with_accounts": "yes"})
    assert "content-length" not in answer.headers
    assert answer.json()["_success"] is True
    found = read(answer.json()["_data"])
    assert sum(entry.get("description") == [words[0].encode()] for _, entry in found) == 12
    assert "content-length" in root.raw("GET", f"ldif/user/{ANN}").headers


@pytest.mark.sql
def test_accounts_in_sql_have_no_ldif(site: Site) -> None:
    root = site.root()
    for path in (*ROUTES, "all"):
        assert root.refused("GET", f"ldif/{path}") == "NOT_AVAILABLE"
