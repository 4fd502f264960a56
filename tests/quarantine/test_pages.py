"""The quarantine on pages: what is asked before a mail goes, how mails are called, and who is shown the way to it."""

import msgspec
import pytest

from postreeve import app as assembly
from postreeve.web.pages import MOUNT
from tests.mails import quarantine_mail
from tests.pages.visitor import Visitor
from tests.site import PASSWORD, ROOT, Client, Site, serving

pytestmark = pytest.mark.faces

WAYS = ("/quarantine", "/received", "/sent")
OWN_WAYS = ("/self-service/quarantine", "/self-service/received")


@pytest.fixture
def api(site: Site) -> Client:
    """A domain with self-service, and a user."""
    api = site.root()
    api.ok("POST", "domain/ex.com", addService="self-service")
    api.ok("POST", "user/ann@ex.com", password=PASSWORD)
    return api


@pytest.fixture
def root(site: Site, api: Client) -> Visitor:
    assert api
    return Visitor(site).log_in(ROOT)


def ways(page: str, paths: tuple[str, ...]) -> list[str]:
    """Return those of some paths to which the menu leads."""
    return [path for path in paths if f'href="{MOUNT}{path}"' in page]


def test_before_marked_mails_are_deleted_they_are_told_by_subject_and_sender(site: Site, root: Visitor) -> None:
    ids = [
        quarantine_mail(site, "x@far.test", "ann@ex.com", subject=f"<b>Lottery</b> {number}", at=1_700_000_000 + number)
        for number in range(3)
    ]
    assert "Mark x@far.test: &lt;b&gt;Lottery&lt;/b&gt; 2" in root.see("/quarantine")
    page = root.done("/quarantine", mark=ids[:2], button="deed=delete").partition("<main")[2]
    assert "Delete these 2 mails?" in page
    assert [f">x@far.test: &lt;b&gt;Lottery&lt;/b&gt; {number}<" in page for number in range(3)] == [True, True, False]
    assert not any(f">{mail_id}<" in page for mail_id in ids)
    assert len(site.rows("quarantine")) == 3
    assert "Delete: 2 mails." in root.send().text
    assert len(site.rows("quarantine")) == 1


def test_a_mail_that_could_not_be_deleted_is_told_by_its_subject(site: Site, root: Visitor) -> None:
    ids = [quarantine_mail(site, "x@far.test", "ann@ex.com", subject=subject) for subject in ("Stays", "Gone")]
    root.done("/quarantine", mark=ids, button="deed=delete")
    site.root().ok("DELETE", f"quarantine/{ids[1]}")
    page = root.send().text.partition("<main")[2]
    assert ("x@far.test: Gone" in page, "There is no such mail in the quarantine." in page, "Account" in page) == (
        True,
        True,
        False,
    )


def test_before_one_mail_is_deleted_on_its_own_page_this_is_asked(site: Site, root: Visitor) -> None:
    mail_id = quarantine_mail(site, "x@far.test", "ann@ex.com", subject="Lottery")
    page = root.done(f"/quarantine/{mail_id}", button="deed=delete")
    assert ("Delete this mail?" in page, "x@far.test: Lottery" in page) == (True, True)
    assert f'href="{MOUNT}/quarantine/{mail_id}"' in page
    assert site.rows("quarantine")
    assert "Delete: 1 mail." in root.send().text
    assert root.page.url.endswith("/quarantine")
    assert site.rows("quarantine") == []


def test_users_are_asked_as_well(site: Site, api: Client) -> None:
    assert api
    mail_id = quarantine_mail(site, "x@far.test", "ann@ex.com", subject="Lottery")
    ann = Visitor(site).log_in("ann@ex.com", path="/self-service/login")
    assert "Delete this mail?" in ann.done(f"/self-service/quarantine/{mail_id}", button="deed=delete")
    assert "Delete: 1 mail." in ann.send().text
    assert ann.page.url.endswith("/self-service/quarantine")


def test_the_menu_of_users_has_what_is_open_to_them(site: Site, api: Client) -> None:
    ann = Visitor(site).log_in("ann@ex.com", path="/self-service/login")
    for closed, left in (("", OWN_WAYS), ("quarantine", OWN_WAYS[1:]), ("quarantine,rcvd_mails", ())):
        api.ok("PUT", "domain/ex.com", disableUserPreference=closed)
        assert ways(ann.see("/self-service"), OWN_WAYS) == list(left), closed
    assert ways(ann.get("/self-service/quarantine").text, OWN_WAYS) == []


def test_where_there_is_no_amavisd_the_menu_leads_to_no_mails(site: Site, root: Visitor) -> None:
    assert ways(root.see("/"), WAYS) == list(WAYS)
    settings = msgspec.structs.replace(site.settings, amavisd=None)
    storage = assembly.storage_of(settings)
    with serving(assembly.App(storage, settings)) as base:
        for account, path, all_ways in ((ROOT, "/login", WAYS), ("ann@ex.com", "/self-service/login", OWN_WAYS)):
            lacking = Visitor(site)
            lacking.base = base.removesuffix("/api")
            assert ways(lacking.log_in(account, path=path).page.text, all_ways) == []
            assert 'class="main"' in lacking.page.text
    storage.close()
