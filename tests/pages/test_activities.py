"""The first page, the logs, settings, tables, the quarantine, and the search."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from postreeve.storage import mails
from tests.mails import log_mail, quarantine_mail
from tests.pages.visitor import Visitor
from tests.site import PASSWORD, ROOT, Client, Site

pytestmark = pytest.mark.faces

SAVED = "Saved."


@pytest.fixture
def api(site: Site) -> Client:
    """A domain with a user."""
    api = site.root()
    api.ok("POST", "domain/ex.com")
    api.ok("POST", "user/ann@ex.com", password=PASSWORD, name="Ann Example")
    return api


@pytest.mark.usefixtures("api")
def test_the_first_page_tells_numbers_and_what_is_new(root: Visitor) -> None:
    page = root.see("/")
    assert ("Newest accounts" in page, "/iredadmin/user/ann@ex.com" in page) == (True, True)
    assert "Received in the last 24 hours" in page


@pytest.mark.usefixtures("api")
def test_accounts_are_found(root: Visitor) -> None:
    assert "/iredadmin/user/ann@ex.com" in root.see("/search?search=example")
    assert "Nothing was found." in root.see("/search?search=nobody")
    assert root.see("/search")


@pytest.mark.usefixtures("api")
def test_the_log_is_filtered_and_lines_go(site: Site, root: Visitor) -> None:
    assert "ann@ex.com" in root.see("/log?event=create")
    assert "There is no such line." in root.see("/log?event=spampolicy")
    number = next(row["id"] for row in site.rows("log", event="create"))
    assert "1 line was deleted." in root.done("/log", mark=[str(number)])
    assert [row for row in site.rows("log") if row["id"] == number] == []


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(
    ("zone", "shown", "days"),
    [
        ("", "11/21/26, 11:30 PM", "from=2026-11-21&to=2026-11-21"),
        ("Asia/Kathmandu", "11/22/26, 5:15 AM", "from=2026-11-22&to=2026-11-22"),
        ("America/New_York", "11/21/26, 6:30 PM", "from=2026-11-21&to=2026-11-21"),
    ],
)
def test_days_are_those_of_the_readers_time_zone(site: Site, root: Visitor, zone: str, shown: str, days: str) -> None:
    """Threefold: what is shown, what is looked for, and what is said about it."""
    site.root().ok("PUT", f"admin/{ROOT}", timezone=zone)
    seconds = int(datetime(2026, 11, 21, 23, 30, tzinfo=UTC).timestamp())
    log_mail(site, "x@far.test", "ann@ex.com", at=seconds, subject="Half past")
    site.execute("iredadmin", "UPDATE log SET timestamp = '2026-11-21 23:30:00'")
    for path, text in (("/received", "Half past"), ("/log", ROOT)):
        page = root.see(f"{path}?{days}").partition("<main")[2].replace("\u202f", " ")
        assert (text in page, shown in page) == (True, True), page
        assert f"Days and times are in the time zone {zone or 'UTC'}." in page
        day = date.fromisoformat(days[-10:])
        for other in (f"to={day - timedelta(days=1)}", f"from={day + timedelta(days=1)}"):
            assert shown not in root.see(f"{path}?{other}").replace("\u202f", " "), other


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_no_day_is_too_early_or_too_late_to_be_asked_for(site: Site, root: Visitor, day: str) -> None:
    for zone in ("Asia/Kathmandu", "America/New_York"):
        site.root().ok("PUT", f"admin/{ROOT}", timezone=zone)
        assert root.get(f"/log?from={day}").status_code == root.get(f"/log?to={day}").status_code == 200
    assert root.get("/log?from=yesterday").status_code == 422


@pytest.mark.usefixtures("api")
def test_settings_are_changed_and_forgotten(site: Site, root: Visitor) -> None:
    for section in ("access", "passwords", "mailboxes", "retention"):
        assert "Nothing was changed." in root.done(f"/settings?section={section}"), section
    assert SAVED in root.done("/settings?section=passwords", min_passwd_length="12")
    assert site.root().refused("POST", "user/bob@ex.com", password="Short-1a")
    assert "Set here, and not in the settings file" in root.page.text
    form = {"csrf": root.csrf, "mark": "min_passwd_length"}
    answer = root.session.post(f"{root.base}/settings?section=passwords", data=form, timeout=60)
    assert SAVED in answer.text
    assert "Set here" not in answer.text


def test_a_table_is_shown_before_it_is_written(site: Site, root: Visitor, api: Client) -> None:
    table = f"mail,name,password\nbob@ex.com,Bob,{PASSWORD}\nann@ex.com,Ann,{PASSWORD}\nx@far.test,X,{PASSWORD}\n"
    before = site.dump()
    root.see("/import/users")
    form, file = {"csrf": root.csrf}, {"file": ("users.csv", table, "text/csv")}
    answer = root.session.post(f"{root.base}/import/users", data=form, files=file, timeout=60)
    assert answer.status_code == 200, answer.text
    for text in ("Will be added", "Is there already", "NO_SUCH_DOMAIN", "Add 1 account"):
        assert text in answer.text
    assert site.dump() == before
    answer = root.session.post(f"{root.base}/import/users", data={**form, "sure": "yes", "csv": table}, timeout=60)
    assert "What became of each row" in answer.text
    assert api.data("users/ex.com", email_only="yes") == ["ann@ex.com", "bob@ex.com"]
    assert root.get("/export/users/ex.com").text.splitlines()[0].startswith("mail,")
    assert root.get("/import/domains").status_code == 404


@pytest.mark.usefixtures("api")
def test_mails_are_listed_where_there_are_none(root: Visitor) -> None:
    for path in ("/quarantine", "/received", "/sent"):
        assert "There is no such mail." in root.see(f"{path}?subject=x&kind=spam&from=2026-01-01")


def test_users_look_after_their_own_account(visitor: Visitor, api: Client) -> None:
    api.ok("PUT", "domain/ex.com", addService="self-service")
    ann = visitor.log_in("ann@ex.com", path="/self-service/login")
    for section in ("personal_info", "forwarding", "wblist", "spampolicy"):
        assert "Nothing was changed." in ann.done(f"/self-service?section={section}"), section
    assert SAVED in ann.done("/self-service?section=personal_info", name="Ann Doe")
    assert SAVED in ann.done("/self-service?section=forwarding", forwarding="ann@ex.com\nx@far.test")
    assert SAVED in ann.done("/self-service?section=wblist", blacklist="@evil.test")
    assert SAVED in ann.done("/self-service?section=spampolicy", quarantine_spam="no")
    assert api.data("user/ann@ex.com")["forwardings"] == ["ann@ex.com", "x@far.test"]
    assert api.data("wblist/inbound/blacklist/ann@ex.com") == ["@evil.test"]
    assert api.data("spampolicy/user/ann@ex.com") == {"quarantine_spam": "no"}
    for path in ("/self-service/quarantine", "/self-service/received"):
        assert "There is no such mail." in ann.see(path)
    new = {"password": "Another1Password.", "password_again": "Another1Password."}
    assert SAVED in ann.done("/self-service?section=password", oldPassword=PASSWORD, **new)
    api.ok("PUT", "domain/ex.com", disableUserPreference="wblist,forwarding,quarantine")
    page = ann.see("/self-service")
    assert ("section=wblist" in page, "section=spampolicy" in page) == (False, True)
    assert ann.get("/self-service/quarantine").status_code == 403
    form = {"csrf": ann.csrf, "forwarding": "z@evil.test", "anyway": "yes"}
    ann.see("/self-service")
    ann.session.post(f"{ann.base}/self-service?section=forwarding", data={**form, "csrf": ann.csrf}, timeout=60)
    assert api.data("user/ann@ex.com")["forwardings"] == ["ann@ex.com", "x@far.test"]
    assert ann.get("/domains", allow_redirects=False).status_code in {302, 303, 403}


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("path", ["/received", "/quarantine"])
def test_where_older_mails_were_not_looked_at_a_link_leads_on(
    site: Site, root: Visitor, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(mails, "MOST_READ", 4)
    monkeypatch.setattr(mails, "_FIRST", 2)
    for number in range(10):
        write = log_mail if path == "/received" else quarantine_mail
        write(site, "x@far.test", "ann@ex.com", at=1_700_000_000 - number, subject=f"number {number}")
    page = root.see(f"{path}?subject=number+9")
    assert "There is no such mail among the newest." in page
    for _ in range(5):
        if "number 9<" in page:
            break
        [older] = re.findall(r'rel="next"[^>]*href="/iredadmin([^"]+)">Search older mails', page)
        page = root.see(older.replace("&amp;", "&"))
    assert "number 9<" in page
    assert "There is no such mail." in root.see(f"{path}?subject=number+9&to=2020-01-01")


def test_sizes_are_called_as_the_language_calls_them(root: Visitor, api: Client) -> None:
    api.ok("PUT", "user/ann@ex.com", quota="2048")
    for language, size in (("en", "0 B of 2 GB"), ("de", "0 B von 2 GB"), ("fr", "0 o sur 2 Go")):
        assert size in root.get("/users/ex.com", headers={"accept-language": language}).text
