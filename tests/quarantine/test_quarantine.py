"""The quarantine: whose mails it shows and lets go to whom, what is left when some have had enough of one."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from postreeve.storage import mails
from tests.mail_log.test_mail_log import NOW, everything, furnished
from tests.mails import log_mail, quarantine_mail
from tests.site import ROOT, Client, Site
from tests.spam_policy.world import log_lines

BOTH = ("ann@a.test", "bob@b.test")


def waiting(client: Client, **parameters: str) -> dict[str, list[str]]:
    """Return the ids of the mails of all pages, with the recipients that are shown."""
    found = everything(client, "quarantine", **parameters)
    return {mail["mail_id"]: [recipient["address"] for recipient in mail["recipients"]] for mail in found}


def states(site: Site, mail_id: str) -> dict[int, str]:
    """Return what is noted of each recipient."""
    return {row["rseqnum"]: row["rs"].strip() for row in site.rows("msgrcpt") if row["mail_id"] == mail_id}


def test_a_mail_waits_for_whoever_did_not_get_it(site: Site) -> None:
    root = furnished(site)
    first = quarantine_mail(site, "x@far.test", "ann@a.test", at=NOW - 3, content="V")
    shared = quarantine_mail(
        site, "x@far.test", *BOTH, "x@far.test", at=NOW - 2, deliveries={**dict.fromkeys(BOTH, "D"), "x@far.test": "P"}
    )
    quarantine_mail(site, "x@far.test", "ann@a.test", deliveries="P")
    log_mail(site, "x@far.test", "ann@a.test", content="S", deliveries="D")
    out = quarantine_mail(site, "ann@a.test", "y@far.test", at=NOW - 1, content="B")
    assert waiting(root) == {out: ["y@far.test"], shared: [*BOTH], first: ["ann@a.test"]}
    assert list(waiting(root)) == [out, shared, first]
    assert {mail["kind"]: mail["recipients"][0]["fate"] for mail in everything(root, "quarantine")} == {
        "virus": "quarantined", "spam": "quarantined", "banned": "quarantined"
    }  # fmt: skip
    assert waiting(site.admin("al@admins.test", "a.test")) == {shared: ["ann@a.test"], first: ["ann@a.test"]}
    assert waiting(site.admin("bo@admins.test", "b.test")) == {shared: ["bob@b.test"]}
    assert waiting(site.client().login_user("ann@a.test")) == {shared: ["ann@a.test"], first: ["ann@a.test"]}


def test_mails_are_looked_for_as_in_the_log(site: Site) -> None:
    root = furnished(site)
    spam = quarantine_mail(site, "x@far.test", "ann@a.test", subject="Lottery", at=NOW - 2)
    virus = quarantine_mail(site, "y@near.test", "bob@b.test", subject="Invoice", content="V", at=NOW - 1)
    for parameters, expected in (
        ({"kind": "spam"}, [spam]), ({"kind": "virus"}, [virus]), ({"kind": "banned"}, []),
        ({"sender": "near"}, [virus]), ({"subject": "LOTT"}, [spam]), ({"recipient": "bob@b.test"}, [virus]),
        ({"domain": "a.test"}, [spam]), ({"account": "bob@b.test"}, [virus]), ({"page_size": "1"}, [virus, spam]),
        ({"fate": "released"}, []), ({"to": "2020-01-01"}, []),
    ):  # fmt: skip
        assert list(waiting(root, **parameters)) == expected, parameters


@pytest.mark.parametrize("few", [0, 5000])
def test_pages_meet_each_mail_once(site: Site, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(mails, "FEW", few)
    monkeypatch.setattr(mails, "_FIRST", 3)
    root = furnished(site)
    expected = []
    for number in range(12):
        log_mail(site, "x@far.test", "ann@a.test", at=NOW - number)
        expected.append(quarantine_mail(site, "x@far.test", "ann@a.test", at=NOW - number))
    for client in (root, site.admin("al@admins.test", "a.test")):
        assert list(waiting(client, page_size="5")) == expected


def test_a_mail_is_shown_as_text(site: Site) -> None:
    root = furnished(site)
    text = (
        b"X-Envelope-From: <x@far.test>\nX-Envelope-To: <ann@a.test>, <bob@b.test>\n"
        b"X-Envelope-To-Blocked: <ann@a.test>, <bob@b.test>\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Type: text/html; charset=latin1\n\n<p>Gr\xfc\xdfe &amp; <b>K\xfcsse</b>"
        b"<script>alert(1)</script>\n"
        b"--b\nContent-Type: application/pdf; name=x.pdf\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--\n"
    )
    mail_id = quarantine_mail(site, "x@far.test", *BOTH, text=text)
    shown: dict[str, Any] = root.data(f"quarantine/{mail_id}")
    assert shown["headers"] == [
        {"name": "X-Envelope-From", "value": "<x@far.test>"},
        {"name": "Subject", "value": "Grüße"},
        {"name": "Content-Type", "value": "multipart/mixed; boundary=b"},
    ]
    assert shown["text"] == "Grüße & Küsse"
    assert shown["attachments"] == [{"name": "x.pdf", "type": "application/pdf", "size": 3}]
    assert (shown["is_cut"], shown["kind"], shown["mail_id"]) == (False, "spam", mail_id)
    mine = site.client().login_user("ann@a.test").data(f"quarantine/{mail_id}")
    assert [recipient["address"] for recipient in mine["recipients"]] == ["ann@a.test"]
    assert "bob" not in str(mine)
    assert "s3cr3t" not in str(shown)


def test_a_large_mail_is_shown_in_part(site: Site) -> None:
    root = furnished(site)
    mail_id = quarantine_mail(site, "x@far.test", "ann@a.test", text=b"Subject: x\n\n" + b"word " * 200_000)
    shown = root.data(f"quarantine/{mail_id}")
    assert shown["is_cut"]
    assert 60_000 < len(shown["text"]) <= 65_536


def test_the_parts_of_a_mail_are_joined_in_their_order(site: Site) -> None:
    root = furnished(site)
    words = " ".join(map(str, range(9000)))
    mail_id = quarantine_mail(site, "x@far.test", "ann@a.test", text=f"Subject: x\n\n{words}".encode())
    assert len(site.rows("quarantine")) == 3
    assert root.data(f"quarantine/{mail_id}")["text"] == words


def test_a_mail_of_somebody_else_is_not_there(site: Site) -> None:
    root = furnished(site)
    site.change_settings(amavisd_release_server="")
    theirs = quarantine_mail(site, "x@far.test", "bob@b.test")
    sent = quarantine_mail(site, "ann@a.test", "bob@b.test")
    delivered = quarantine_mail(site, "x@far.test", *BOTH, deliveries={"ann@a.test": "P", "bob@b.test": "D"})
    never = log_mail(site, "x@far.test", "ann@a.test")
    before = site.dump()
    for client in (site.admin("al@admins.test", "a.test"), site.client().login_user("ann@a.test")):
        before = {**site.dump(), "log": []}
        for mail_id in (theirs, sent, delivered, never, "abcdefghijkl"):
            path = f"quarantine/{mail_id}"
            assert client.refused("GET", path) == "NO_SUCH_MAIL"
            assert client.refused("DELETE", path) == "NO_SUCH_MAIL"
            assert client.refused("PUT", path, action="release") == "NO_SUCH_MAIL"
        assert {**site.dump(), "log": []} == before
    for strange in ("a'b", "x" * 17, "%2Fetc", "a%00b"):
        assert root.refused("GET", f"quarantine/{strange}") == "INVALID_VALUE"


def test_a_deleted_mail_stays_for_the_others_and_goes_with_the_last(site: Site) -> None:
    root = furnished(site)
    mail_id = quarantine_mail(site, "x@far.test", *BOTH, "z@far.test")
    site.client().login_user("ann@a.test").ok("DELETE", f"quarantine/{mail_id}")
    assert states(site, mail_id) == {1: "D", 2: "", 3: ""}
    assert waiting(root) == {mail_id: ["bob@b.test", "z@far.test"]}
    assert waiting(site.admin("al@admins.test", "a.test")) == {}
    site.admin("bo@admins.test", "b.test").ok("DELETE", f"quarantine/{mail_id}")
    assert (len(site.rows("quarantine")), waiting(root)) == (1, {mail_id: ["z@far.test"]})
    root.ok("DELETE", f"quarantine/{mail_id}")
    assert (site.rows("quarantine"), waiting(root)) == ([], {})
    assert root.refused("DELETE", f"quarantine/{mail_id}") == "NO_SUCH_MAIL"
    [mail] = root.data("mail_log/received")["mails"]
    assert [recipient["fate"] for recipient in mail["recipients"]] == ["deleted", "deleted"]


def test_the_last_two_shares_deleted_at_once_leave_no_text(site: Site) -> None:
    furnished(site)
    admins = [site.admin("al@admins.test", "a.test"), site.admin("bo@admins.test", "b.test")]
    shared = [quarantine_mail(site, "x@far.test", *BOTH) for _ in range(10)]
    with ThreadPoolExecutor(2) as pool:
        for mail_id in shared:
            list(pool.map(lambda admin, path: admin.ok("DELETE", path), admins, [f"quarantine/{mail_id}"] * 2))
    assert site.rows("quarantine") == []
    assert {tuple(states(site, mail_id).values()) for mail_id in shared} == {("D", "D")}


def test_deleting_touches_nothing_else(site: Site) -> None:
    root = furnished(site)
    other = quarantine_mail(site, "x@far.test", "ann@a.test")
    same_id = quarantine_mail(site, "x@far.test", "ann@a.test", partition=7, at=NOW - 100)
    quarantine_mail(site, "x@far.test", "ann@a.test", mail_id=same_id, at=NOW)
    root.ok("DELETE", f"quarantine/{same_id}")
    assert sorted((row["partition_tag"], row["mail_id"]) for row in site.rows("quarantine")) == sorted(
        [(0, other), (7, same_id)]
    )
    assert states(site, other) == {1: ""}
    assert len(site.rows("msgs")) == len(site.rows("msgrcpt")) == 3


def test_recipients_have_to_be_those_of_the_mail(site: Site) -> None:
    root = furnished(site)
    mail_id = quarantine_mail(site, "x@far.test", *BOTH)
    al = site.admin("al@admins.test", "a.test")
    for client, recipients, code in (
        (root, "ann@a.test,eve@a.test", "NO_SUCH_MAIL"), (al, "bob@b.test", "NO_SUCH_MAIL"),
        (root, "nonsense", "INVALID_MAIL"),
    ):  # fmt: skip
        assert client.refused("PUT", f"quarantine/{mail_id}", action="release", recipients=recipients) == code
    assert waiting(root) == {mail_id: [*BOTH]}


def test_the_sender_is_listed_in_the_same_request(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", "wblist/inbound/whitelist/ann@a.test", addresses="x@far.test")
    for scope, expected in {
        "": ["ann@a.test", "bob@b.test"], "recipient": ["ann@a.test", "bob@b.test"],
        "domain": ["a.test", "b.test"], "global": ["global"],
    }.items():  # fmt: skip
        mail_id = quarantine_mail(site, "x@far.test", "ann+news@a.test", "sales@a.example", "bob@b.test")
        root.ok("DELETE", f"quarantine/{mail_id}", list="blacklist", **({"scope": scope} if scope else {}))
        for where in expected:
            path = f"wblist/inbound/blacklist/{where}"
            assert root.data(path) == ["x@far.test"]
            root.ok("DELETE", path)
    assert root.data("wblist/inbound/whitelist/ann@a.test") == []
    mail_id = quarantine_mail(site, "x@far.test", "ann@a.test")
    assert root.refused("DELETE", f"quarantine/{mail_id}", scope="domain") == "MISSING_PARAMETER"


def test_whoever_may_not_change_a_list_does_not_get_to_it_this_way(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", "user/boss@a.test", password="A@StrongPassword2", isGlobalAdmin="yes")
    al, ann = site.admin("al@admins.test", "a.test"), site.client().login_user("ann@a.test")
    mine, boss = quarantine_mail(site, "x@far.test", "ann@a.test"), quarantine_mail(site, "x@far.test", "boss@a.test")
    reports = quarantine_mail(site, "", "ann@a.test")
    odd = quarantine_mail(site, "a,@.,b@far.test", "ann@a.test")
    abroad = quarantine_mail(site, "ann@a.test", "z@far.test")

    def refused(client: Client, mail_id: str, scope: str = "recipient") -> str:
        before = {**site.dump(), "log": []}
        code = client.refused("DELETE", f"quarantine/{mail_id}", list="whitelist", scope=scope)
        assert {**site.dump(), "log": []} == before
        return code

    assert refused(al, mine, "global") == "PERMISSION_DENIED"
    assert refused(al, boss) == "PERMISSION_DENIED"
    assert refused(ann, mine, "domain") == refused(ann, mine, "global") == "PERMISSION_DENIED"
    assert refused(root, reports) == refused(root, odd) == "INVALID_VALUE"
    assert refused(root, abroad) == "NO_SUCH_ACCOUNT"
    root.ok("PUT", "domain/a.test", disableUserProfile="wblist", disableUserPreference="wblist")
    assert refused(al, mine) == refused(ann, mine) == "PERMISSION_DENIED"
    root.ok("PUT", "domain/a.test", disableDomainProfile="wblist")
    assert refused(al, mine, "domain") == "PERMISSION_DENIED"
    al.ok("DELETE", f"quarantine/{mine}")


def test_admins_from_whom_the_quarantine_is_kept_and_users_whose_domain_closes_it(site: Site) -> None:
    root = furnished(site)
    mail_id = quarantine_mail(site, "x@far.test", "ann@a.test")
    al, ann = site.admin("al@admins.test", "a.test"), site.client().login_user("ann@a.test")
    root.ok("PUT", "admin/al@admins.test", disableManagingQuarantinedMails="yes")
    root.ok("PUT", "domain/a.test", disableUserPreference="quarantine")
    for client in (al, ann):
        for method, path in (("GET", "quarantine"), *((verb, f"quarantine/{mail_id}") for verb in ("GET", "DELETE"))):
            assert client.refused(method, path) == "PERMISSION_DENIED"
    al.data("mail_log/received")
    ann.data("mail_log/received")


def test_the_log_says_who_did_what_with_whose_mail(site: Site) -> None:
    root = furnished(site)
    mail_id = quarantine_mail(site, "x@far.test", *BOTH)
    root.ok("DELETE", f"quarantine/{mail_id}", list="blacklist")
    ann = site.client().login_user("ann@a.test")
    other = quarantine_mail(site, "x@far.test", "ann@a.test")
    ann.ok("DELETE", f"quarantine/{other}")
    assert log_lines(site, "quarantine") == [
        (
            ROOT, "a.test", "ann@a.test",
            f"[API] Delete a quarantined mail: {mail_id} ann@a.test, bob@b.test (list).",
        ),
        ("ann@a.test", "a.test", "ann@a.test", f"[API] Delete a quarantined mail: {other} ann@a.test."),
    ]  # fmt: skip


def test_without_a_place_to_ask_nothing_is_released(site: Site) -> None:
    root = furnished(site)
    site.change_settings(amavisd_release_server="")
    mail_id = quarantine_mail(site, "x@far.test", "ann@a.test")
    assert root.refused("PUT", f"quarantine/{mail_id}", action="release") == "NOT_AVAILABLE"
    assert root.refused("PUT", f"quarantine/{mail_id}") == "MISSING_PARAMETER"
    assert root.refused("PUT", f"quarantine/{mail_id}", action="burn") == "INVALID_VALUE"
    assert states(site, mail_id) == {1: ""}
