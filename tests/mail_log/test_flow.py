"""How much mail there was in the last hours, as the dashboard shows it."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from postreeve.dashboard import recent
from postreeve.mail_log import sql as mail_log
from tests.mail_log.test_mail_log import furnished
from tests.mails import log_mail, quarantine_mail
from tests.site import Client, Site

HOUR = 3600


def flow(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.data("panel/dashboard")["mail"]
    return found


def counted(found: Mapping[str, Any]) -> dict[int, dict[str, int]]:
    """Return what is not zero in the hours, by how many hours ago they began."""
    assert len(found["hours"]) == 24
    numbers = [{name: number for name, number in hour.items() if name != "hour" and number} for hour in found["hours"]]
    return {23 - index: hour for index, hour in enumerate(numbers) if hour}


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that took long are not given again."""
    monkeypatch.setattr(recent, "CHEAP_SECONDS", 3600)


@pytest.fixture
def now() -> int:
    """The present, in an hour that does not end while a test runs."""
    left = HOUR - time.time() % HOUR
    if left < 60:
        time.sleep(left)
    return int(time.time())


def test_mails_are_counted_by_hour_and_kind(site: Site, now: int) -> None:
    root = furnished(site)
    assert counted(flow(root)) == {}
    start = now - now % HOUR
    log_mail(site, "x@far.test", "ann@a.test", at=now)
    log_mail(site, "ann@a.test", "x@far.test", "y@far.test", at=start, originating="Y")
    log_mail(site, "x@far.test", "ann@a.test", at=start - 1, content="Y")
    quarantine_mail(site, "x@far.test", "ann@a.test", "sales@a.test", at=start - HOUR, content="V")
    quarantine_mail(site, "x@far.test", "bob@b.test", at=start - 5 * HOUR, content="B")
    log_mail(site, "x@far.test", "ann@a.test", at=start - 23 * HOUR, content="H")
    log_mail(site, "x@far.test", "ann@a.test", at=start - 23 * HOUR - 1)
    log_mail(site, "x@far.test", "ann@a.test", at=now, content=None)
    everybody = flow(root)
    assert counted(everybody) == {
        0: {"received": 1, "sent": 1},
        1: {"received": 2, "spam": 1, "virus": 1, "quarantined": 1},
        5: {"received": 1, "banned": 1, "quarantined": 1},
        23: {"received": 1, "bad_header": 1},
    }
    assert everybody["hours"][-1]["hour"] == f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(start))}"
    assert everybody["counted_since"] == everybody["hours"][0]["hour"]


def test_domain_admins_count_the_mails_of_their_domains(site: Site, now: int) -> None:
    furnished(site)
    log_mail(site, "ann@a.test", "bob@b.test", "x@far.test", at=now, originating="Y", content="S")
    log_mail(site, "x@far.test", "ann@a.example", "ann@a.test", at=now)
    log_mail(site, "ann@a.test", "sales@a.test", at=now, originating="Y")
    assert counted(flow(site.admin("al@admins.test", "a.test"))) == {0: {"received": 2, "sent": 2}}
    assert counted(flow(site.admin("bo@admins.test", "b.test"))) == {0: {"received": 1, "spam": 1}}
    assert counted(flow(site.admin("cy@admins.test", "a.test", "b.test"))) == {0: {"received": 3, "sent": 2, "spam": 1}}


def test_who_sends_and_receives_most_is_named(site: Site, now: int) -> None:
    root = furnished(site)
    for number in range(12):
        log_mail(site, f"u{number}@a.test", "x@far.test", at=now, originating="Y")
        log_mail(site, "", f"u{number}@a.test", "ann@a.test", at=now)
    log_mail(site, "u7@a.test", "x@far.test", "y@far.test", at=now, originating="Y")
    log_mail(site, "bob@b.test", "x@far.test", at=now, originating="Y")
    log_mail(site, "x@far.test", "bob@b.test", at=now)
    for client in (root, site.admin("al@admins.test", "a.test")):
        found = flow(client)
        assert len(found["top_senders"]) == len(found["top_recipients"]) == 10
        assert found["top_senders"][0] == {"address": "u7@a.test", "mails": 2}
        assert found["top_recipients"][0] == {"address": "ann@a.test", "mails": 12}
        assert {top["mails"] for top in found["top_senders"][1:] + found["top_recipients"][1:]} == {1}
    found = flow(site.admin("bo@admins.test", "b.test"))
    assert found["top_senders"] == found["top_recipients"] == [{"address": "bob@b.test", "mails": 1}]


def test_of_very_many_mails_only_the_newest_are_counted(site: Site, now: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_log, "MOST_COUNTED", 3)
    monkeypatch.setattr(mail_log, "MOST_COUNTED_OF_SOME", 2)
    root = furnished(site)
    for hours in range(6):
        log_mail(site, "x@far.test", "ann@a.test", at=now - hours * HOUR)
    found = flow(root)
    assert counted(found) == {0: {"received": 1}, 1: {"received": 1}, 2: {"received": 1}}
    assert found["counted_since"] == time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now - 2 * HOUR))
    assert counted(flow(site.admin("al@admins.test", "a.test"))) == {0: {"received": 1}, 1: {"received": 1}}


def test_whoever_sees_no_log_counts_no_mail(site: Site) -> None:
    root = furnished(site)
    al = site.admin("al@admins.test", "a.test")
    assert flow(al) is not None
    root.ok("PUT", "admin/al@admins.test", disableViewingMailLog="yes")
    assert flow(al) is None
    assert flow(site.admin("no@admins.test")) is None
