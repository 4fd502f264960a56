"""The log of mails: whose it shows to whom, what can be looked for, and that pages meet each mail once."""

import time
from typing import Any

import pytest

from postreeve.storage import mails
from postreeve.storage.sql import Session
from tests.mails import log_mail, octets
from tests.site import PASSWORD, Client, Site

NOW = int(time.time())


def furnished(site: Site) -> Client:
    """Create two domains with a user each, one with an alias domain, and return the global admin's client."""
    root = site.root()
    root.ok("POST", "domain/a.test", aliasDomains="a.example", services="self-service")
    root.ok("POST", "domain/b.test")
    root.ok("POST", "user/ann@a.test", password=PASSWORD)
    root.ok("PUT", "user/ann@a.test", aliases="sales@a.test")
    root.ok("POST", "user/bob@b.test", password=PASSWORD)
    return root


def listed(client: Client, side: str, **parameters: str) -> list[str]:
    """Return the subjects of the mails of all pages."""
    return [mail["subject"] for mail in everything(client, f"mail_log/{side}", **parameters)]


def everything(client: Client, path: str, **parameters: str) -> list[dict[str, Any]]:
    """Return the mails of all pages."""
    found, after = [], ""
    while True:
        page = client.data(path, **parameters, **({"after": after} if after else {}))
        found += page["mails"]
        after = page["next"]
        if not after:
            return found


def some_mail(site: Site) -> None:
    """Log a mail of each kind of way, the oldest first; its subject says from where to where."""
    ways = [
        ("x@far.test", "ann@a.test"), ("x@far.test", "bob@b.test"), ("ann@a.test", "x@far.test"),
        ("bob@b.test", "y@far.test"), ("ann@a.test", "bob@b.test"), ("x@far.test", "ann+news@a.test"),
        ("x@far.test", "sales@a.test"), ("y@far.test", "ann@a.example"), ("x@far.test", "y@far.test"),
    ]  # fmt: skip
    for number, (sender, recipient) in enumerate(ways):
        at = NOW - 100 + number
        is_ours = "Y" if sender.endswith(("a.test", "b.test")) else "N"
        log_mail(site, sender, recipient, at=at, subject=f"{sender} {recipient}", originating=is_ours)


def test_a_mail_is_shown_as_amavisd_has_seen_it(site: Site) -> None:
    root = furnished(site)
    mail_id = log_mail(
        site, "x@far.test", "ann@a.test", "bob@b.test", at=1767225600, content="S", originating="N", size=4711,
        deliveries={"ann@a.test": "D", "bob@b.test": "P"}, subject="Grüße", from_addr="Xaver <x@far.test>",
    )  # fmt: skip
    assert root.data("mail_log/received") == {
        "mails": [
            {
                "mail_id": mail_id, "time": "2026-01-01 00:00:00", "sender": "x@far.test",
                "recipients": [
                    {"address": "ann@a.test", "fate": "discarded"}, {"address": "bob@b.test", "fate": "delivered"},
                ],
                "num_recipients": 2, "author": "Xaver <x@far.test>", "subject": "Grüße", "kind": "spam", "score": 1.5,
                "size": 4711, "client_address": "203.0.113.7", "is_outgoing": False, "is_quarantined": False,
            }
        ],
        "next": "",
    }  # fmt: skip


def test_global_admins_see_what_is_for_or_from_our_domains(site: Site) -> None:
    root = furnished(site)
    some_mail(site)
    assert listed(root, "received") == [
        "y@far.test ann@a.example", "x@far.test sales@a.test", "x@far.test ann+news@a.test", "ann@a.test bob@b.test",
        "x@far.test bob@b.test", "x@far.test ann@a.test",
    ]  # fmt: skip
    assert listed(root, "sent") == ["ann@a.test bob@b.test", "bob@b.test y@far.test", "ann@a.test x@far.test"]


def test_domain_admins_see_their_domains_alone(site: Site) -> None:
    furnished(site)
    some_mail(site)
    al, bo = site.admin("al@admins.test", "a.test"), site.admin("bo@admins.test", "b.test")
    assert listed(al, "received") == [
        "y@far.test ann@a.example", "x@far.test sales@a.test", "x@far.test ann+news@a.test", "x@far.test ann@a.test"
    ]  # fmt: skip
    assert listed(bo, "received") == ["ann@a.test bob@b.test", "x@far.test bob@b.test"]
    assert listed(al, "sent") == ["ann@a.test bob@b.test", "ann@a.test x@far.test"]
    for path in ("mail_log/received", "mail_log/sent"):
        assert al.refused("GET", f"{path}?domain=b.test") == "PERMISSION_DENIED"
        assert al.refused("GET", f"{path}?account=bob@b.test") == "PERMISSION_DENIED"
        assert al.refused("GET", f"{path}?domain=far.test") == "PERMISSION_DENIED"


def test_of_a_mail_to_several_only_ones_own_recipients_are_shown(site: Site) -> None:
    furnished(site)
    log_mail(site, "x@far.test", "ann@a.test", "bob@b.test", "sales@a.test", "z@far.test")
    [mail] = site.admin("al@admins.test", "a.test").data("mail_log/received")["mails"]
    assert [recipient["address"] for recipient in mail["recipients"]] == ["ann@a.test", "sales@a.test"]
    assert mail["num_recipients"] == 2


def test_a_domain_that_waits_for_its_proof_shows_nobodys_mail(site: Site) -> None:
    furnished(site)
    some_mail(site)
    al = site.admin("al@admins.test", "a.test", maxDomains="5")
    al.post("domain/far.test")
    al.put("domain/a.test", addAliasDomain="far.example")
    log_mail(site, "x@far.test", "y@far.example", subject="secret")
    assert listed(al, "received", domain="far.test") == []
    assert "secret" not in listed(al, "received")
    assert listed(al, "sent") == ["ann@a.test bob@b.test", "ann@a.test x@far.test"]


def test_users_see_what_they_have_received_and_nothing_else(site: Site) -> None:
    root = furnished(site)
    some_mail(site)
    ann = site.client().login_user("ann@a.test")
    mine = [
        "y@far.test ann@a.example", "x@far.test sales@a.test", "x@far.test ann+news@a.test", "x@far.test ann@a.test"
    ]  # fmt: skip
    assert listed(ann, "received") == listed(ann, "received", account="ann@a.test") == mine
    assert ann.refused("GET", "mail_log/sent") == "PERMISSION_DENIED"
    for theirs in ("account=bob@b.test", "account=sales@a.test", "domain=a.test", "domain=b.test"):
        assert ann.refused("GET", f"mail_log/received?{theirs}") == "PERMISSION_DENIED"
    root.ok("PUT", "domain/a.test", disableUserPreference="rcvd_mails")
    assert ann.refused("GET", "mail_log/received") == "PERMISSION_DENIED"


def test_admins_from_whom_the_log_is_kept_do_not_see_it(site: Site) -> None:
    root = furnished(site)
    al = site.admin("al@admins.test", "a.test")
    root.ok("PUT", "admin/al@admins.test", disableViewingMailLog="yes")
    for path in ("mail_log/received", "mail_log/sent"):
        assert al.refused("GET", path) == "PERMISSION_DENIED"
    al.data("quarantine")
    root.ok("PUT", "admin/al@admins.test", disableViewingMailLog="no")
    al.data("mail_log/received")


def test_an_account_has_the_mails_of_its_alias_addresses_too(site: Site) -> None:
    root = furnished(site)
    some_mail(site)
    log_mail(site, "sales@a.example", "x@far.test", subject="as sales")
    assert len(listed(root, "received", account="ann@a.test")) == 4
    assert listed(root, "sent", account="ann@a.test")[0] == "as sales"
    assert listed(root, "received", account="sales@a.test") == ["x@far.test sales@a.test"]
    assert listed(root, "received", domain="b.test", account="ann@a.test") == listed(
        root, "received", account="ann@a.test"
    )
    assert root.refused("GET", "mail_log/received?domain=nothing.test") == "NO_SUCH_DOMAIN"


@pytest.mark.parametrize("side", ["received", "sent"])
def test_what_is_looked_for_may_be_a_part_in_any_case(site: Site, side: str) -> None:
    root = furnished(site)
    log_mail(
        site, "bounces+ann=a@lists.far.test", "ann@a.test", subject="100% Grüße_\\*", from_addr="Bea <b@news.test>"
    )
    log_mail(site, "ann@a.test", "bob@b.test", subject="100 percent", from_addr="Ann Example")
    received = {
        ("subject", "GRÜSSE"): 1, ("subject", "grüße"): 1, ("subject", "100%"): 1, ("subject", "_\\*"): 1,
        ("subject", "%"): 1, ("sender", "BEA"): 1, ("sender", "news.test"): 1, ("sender", "@lists.far"): 1,
        ("sender", "b@news.test"): 0, ("sender", "bounces+ann=a@lists.far.test"): 1, ("sender", "'"): 0,
        ("recipient", "ANN@"): 1, ("recipient", "ann@a.test"): 1, ("recipient", "a.test"): 1, ("recipient", "bob"): 1,
        ("sender", ""): 2, ("subject", "100"): 2,
    }  # fmt: skip
    sent = {
        ("subject", "100"): 1, ("subject", "grüße"): 0, ("sender", "ann@a.test"): 1, ("sender", "example"): 1,
        ("recipient", "bob@b.test"): 1, ("recipient", "ann"): 0,
    }  # fmt: skip
    for (name, text), number in (received if side == "received" else sent).items():
        assert len(listed(root, side, **{name: text})) == number, (name, text)


def test_mails_are_found_by_kind_and_by_time(site: Site) -> None:
    root = furnished(site)
    for number, letter in enumerate("CSYVBMHUOT?"):
        log_mail(site, "x@far.test", "ann@a.test", content=letter, subject=letter, at=1767225600 + number * 3600)
    kinds = {"clean": "C", "spam": "YS", "virus": "V", "banned": "B", "bad_header": "HM", "other": "?TOU"}
    assert {kind: "".join(listed(root, "received", kind=kind)) for kind in kinds} == kinds
    assert "".join(listed(root, "received", **{"from": "2026-01-01 08:00:00"})) == "?TO"
    assert "".join(listed(root, "received", to="2026-01-01 01:00:00")) == "SC"
    assert "".join(listed(root, "received", **{"from": "2026-01-01", "to": "2026-01-01"})) == "?TOUHMBVYSC"
    assert "".join(listed(root, "received", **{"from": "2026-01-02"})) == ""
    assert root.refused("GET", "mail_log/received?kind=ham") == "INVALID_VALUE"


def test_a_mail_that_amavisd_has_not_done_with_is_not_shown(site: Site) -> None:
    root = furnished(site)
    log_mail(site, "x@far.test", "ann@a.test", content=None)
    assert listed(root, "received") == []


def test_pages_meet_each_mail_once_while_others_come_and_go(site: Site) -> None:
    root = furnished(site)
    there = {
        log_mail(site, "x@far.test", "ann@a.test", at=NOW - number // 4, partition=number % 2) for number in range(30)
    }
    seen: list[str] = []
    after = ""
    while True:
        page = root.data("mail_log/received", page_size="7", **({"after": after} if after else {}))
        assert len(page["mails"]) <= 7
        seen += [mail["mail_id"] for mail in page["mails"]]
        log_mail(site, "x@far.test", "ann@a.test", at=NOW + 10)
        after = page["next"]
        if not after:
            break
    assert sorted(seen) == sorted(there)
    for wrong in ("1", "a:b:c", "1:2:3:4", "1:0:ab'cd", "99999999999:0:abc"):
        assert root.refused("GET", f"mail_log/received?after={wrong}") == "INVALID_VALUE"


@pytest.mark.parametrize("few", [0, 5000])
def test_what_is_found_does_not_depend_on_the_way_to_it(site: Site, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """With no mails being few, every search goes back through the time."""
    monkeypatch.setattr(mails, "FEW", few)
    monkeypatch.setattr(mails, "_FIRST", 3)
    monkeypatch.setattr(mails, "MOST_READ", 6)
    root = furnished(site)
    some_mail(site)
    some_mail(site)
    al = site.admin("al@admins.test", "a.test")
    assert len(listed(al, "received", page_size="2")) == 8
    assert len(listed(al, "sent", page_size="3")) == 4
    assert len(listed(root, "received", sender="x@far.test")) == 8
    assert len(listed(root, "received", recipient="bob@b.test", kind="clean")) == 4
    assert listed(root, "received", kind="virus") == []
    assert len(listed(root, "received", account="ann@a.test", subject="sales")) == 2
    assert len(listed(site.client().login_user("ann@a.test"), "received", page_size="1")) == 8


def test_a_page_may_be_empty_and_not_the_last(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mails, "MOST_READ", 4)
    monkeypatch.setattr(mails, "_FIRST", 2)
    root = furnished(site)
    for number in range(10):
        log_mail(site, "x@far.test", "ann@a.test", at=NOW - number, subject=f"number {number}")
    page = root.data("mail_log/received", subject="number 9")
    assert (page["mails"], bool(page["next"])) == ([], True)
    assert listed(root, "received", subject="number 9") == ["number 9"]


def test_what_strangers_write_is_shown_without_tricks(site: Site) -> None:
    root = furnished(site)
    log_mail(
        site, "x@far.test", "ann@a.test", subject="\u202eexe.cod\x07\r\n <script>alert(1)</script>",
        from_addr="\u2066You\x1b[31m",
    )  # fmt: skip
    [mail] = root.data("mail_log/received")["mails"]
    assert mail["subject"] == "\ufffdexe.cod\ufffd <script>alert(1)</script>"
    assert mail["author"] == "\ufffdYou\ufffd[31m"


def test_octets_that_are_no_text_do_not_hide_the_others(site: Site) -> None:
    root = furnished(site)
    mail_id = log_mail(site, "x@far.test", "ann@a.test", subject="?")
    with Session(site.storage.databases["amavisd"]) as session:
        no_text = octets(session, b"\xffA")
        session.text_execute(f"UPDATE msgs SET subject = {no_text}, from_addr = {no_text} WHERE mail_id = '{mail_id}'")
    [mail] = root.data("mail_log/received")["mails"]
    assert (mail["subject"], mail["author"]) == ("\ufffdA", "\ufffdA")


def test_without_amavisds_database_there_is_no_log(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    root = furnished(site)
    monkeypatch.delitem(site.storage.databases, "amavisd")
    for path in ("mail_log/received", "mail_log/sent", "quarantine", "quarantine/Yt7-hE2mWq4K"):
        assert root.refused("GET", path) == "NOT_AVAILABLE"
