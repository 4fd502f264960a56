"""The job that removes what is kept for a time only."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from postreeve.commands.shared import SETUP
from postreeve.jobs.running import GRANT, LOCALHOST, Outcome, run
from postreeve.jobs.table import BY_NAME
from postreeve.retention import sql as retention
from postreeve.retention.store import Kept
from postreeve.settings import Store
from postreeve.storage.sql import Database, Session
from postreeve.storage.tables import amavisd, iredadmin, postreeve
from tests.outages.processes import free_port
from tests.site import ROOT, Site

DAY = 86400


def cleaned(site: Site, *, is_dry: bool = False) -> Outcome:
    return run(BY_NAME["cleanup"], site.storage, SETUP, is_dry=is_dry)


def removed(outcome: Outcome) -> dict[str, int]:
    assert outcome.is_well, outcome.problems
    return {name: number for name, number in outcome.counts.items() if number}


def insert(site: Site, database: str, table: sa.Table, *rows: Mapping[str, Any]) -> None:
    with Session(site.storage.databases[database]) as session:
        for row in rows:
            session.insert(table, row)
        session.commit()


def line(days: float, msg: str, level: str = "info") -> dict[str, str]:
    at = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d %H:%M:%S}"
    return {"timestamp": at, "admin": "", "ip": "", "event": "update", "loglevel": level, "msg": msg}


def messages(site: Site) -> list[str]:
    return sorted(row["msg"] for row in site.rows("log") if ROOT not in row["msg"])


# The database iredadmin


def test_old_lines_of_the_log_go_but_for_intents(site: Site) -> None:
    site.change_settings(iredadmin_log_kept_days=10)
    insert(site, "iredadmin", iredadmin.log, line(11, "old"), line(9, "young"), line(11, "meant", "intent"))
    assert removed(cleaned(site)) == {"log": 1}
    assert messages(site) == ["[job] Clean up: 1 lines of the activity log.", "meant", "young"]


def test_what_admins_have_set_counts(site: Site) -> None:
    insert(site, "iredadmin", iredadmin.log, line(20, "old"))
    site.root().ok("PUT", "panel/settings", iredadmin_log_kept_days="15")
    assert removed(cleaned(site))["log"] == 1


@pytest.mark.parametrize("number", [3, 4, 5, 9])
def test_much_goes_in_pieces(site: Site, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PIECE", 4)
    rows = [line(400 + at, f"old {at}") for at in range(number)]
    insert(site, "iredadmin", iredadmin.log, *rows)
    assert removed(cleaned(site)) == {"log": number}
    assert messages(site) == [f"[job] Clean up: {number} lines of the activity log."]


def test_old_sessions_logins_and_claims_go(site: Site) -> None:
    now = int(time.time())
    root = site.root()
    for age in (6, 8, 80, 100):
        at = now - age * DAY
        session = {"account": "a@ex.com", "kind": "api", "created": at, "used": at, "stamp": "0" * 64}
        insert(site, "iredadmin", postreeve.sessions, {"id_hash": f"{age:064}", **session})
        insert(site, "iredadmin", postreeve.login_failures, {"account": "a@ex.com", "network": "n", "at": at})
        insert(site, "iredadmin", postreeve.known_networks, {"account": "a@ex.com", "network": str(age), "at": at})
        insert(site, "iredadmin", postreeve.claims, {"name": f"{age}@ex.com", "holder": "0" * 32, "expires": at})
        mail = {"address": "a@ex.com", "network": "n", "at": at}
        insert(site, "iredadmin", postreeve.newsletter_mails, mail)
    assert removed(cleaned(site)) == {
        "sessions": 3, "login_failures": 3, "networks": 1, "claims": 4, "newsletter_mails": 3,
    }  # fmt: skip
    assert root.data("domains") == []


def test_confirmations_and_proofs_that_are_over_go(site: Site) -> None:
    now = int(time.time())
    kept = site.settings.newsletter_subscription_request_keep_hours * 3600
    for number, expired in enumerate((now - kept - 60, now - 60, now + 60)):
        waiting = {"mail": "l@ex.com", "mlid": "x", "subscriber": str(number), "kind": "subscribe", "token": "t"}
        insert(site, "iredadmin", iredadmin.newsletter_subunsub_confirms, {**waiting, "expired": expired})
    for number, (verified, expire) in enumerate(((1, now - 60), (1, now + 60), (0, 0))):
        proof = {"admin": "a@ex.com", "domain": str(number), "alias_domain": "", "verify_code": "c"}
        insert(site, "iredadmin", iredadmin.domain_ownership, {**proof, "verified": verified, "expire": expire})
    assert removed(cleaned(site, is_dry=True)) == {"confirmations": 1, "proofs": 1}
    assert removed(cleaned(site)) == {"confirmations": 1, "proofs": 1}
    assert len(site.rows("newsletter_subunsub_confirms")) == 2
    assert len(site.rows("domain_ownership")) == 2


def test_a_dry_run_counts_and_changes_nothing(site: Site) -> None:
    insert(site, "iredadmin", iredadmin.log, line(400, "old"), line(401, "older"))
    mail(site, "old", 100, "Q")
    before = site.dump()
    outcome = cleaned(site, is_dry=True)
    assert removed(outcome) == {"log": 2, "quarantine": 1, "mail_log": 1}
    assert outcome.sentence.startswith("Would be removed: 2 lines of the activity log, 1 mails in the quarantine")
    assert site.dump() == before


def test_where_nothing_is_old_nothing_is_changed_and_nothing_logged(site: Site) -> None:
    mail(site, "young", 0, "Q")
    before = site.dump()
    outcome = cleaned(site)
    assert (removed(outcome), outcome.sentence) == ({}, "Removed: nothing.")
    assert site.dump() == before


# Amavisd's database


def address(number: int) -> dict[str, Any]:
    return {"id": number, "email": f"a{number}@ex.com", "domain": "com.ex"}


def mail(
    site: Site, mail_id: str, days: float, quarantined: str | None, sender: int = 1, recipients: tuple[int, ...] = (2,),
    fates: str = "D",
) -> None:  # fmt: skip
    """Let Amavisd have looked at a mail."""
    known = {row["id"] for row in site.rows("maddr")}
    insert(site, "amavisd", amavisd.maddr, *(address(one) for one in {sender, *recipients} - known))
    at = datetime.now(UTC) - timedelta(days=days)
    row = {
        "partition_tag": 0, "mail_id": mail_id, "am_id": "1", "time_num": int(at.timestamp()),
        "time_iso": f"{at:%Y%m%dT%H%M%SZ}", "sid": sender, "size": 1,
        "content": "S" if quarantined else "C", "quar_type": quarantined, "host": "h",
    }  # fmt: skip
    insert(site, "amavisd", amavisd.msgs, row)
    for number, recipient in enumerate(recipients, 1):
        ds, rs = fates[number - 1 : number] or "D", " "
        share = {
            "partition_tag": 0,
            "mail_id": mail_id,
            "rseqnum": number,
            "rid": recipient,
            "ds": ds,
            "rs": rs,
            "content": "S",
        }
        insert(site, "amavisd", amavisd.msgrcpt, share)
    if quarantined == "Q":
        chunks = (
            {"partition_tag": 0, "mail_id": mail_id, "chunk_ind": number, "mail_text": "text"} for number in (1, 2)
        )
        insert(site, "amavisd", amavisd.quarantine, *chunks)


def ids(site: Site, table: str) -> list[str]:
    return sorted({row["mail_id"] for row in site.rows(table)})


def test_old_mails_go_with_all_theirs(site: Site) -> None:
    site.change_settings(amavisd_remove_maillog_in_days=3, amavisd_remove_quarantined_in_days=7)
    for name, days, quarantined in (
        ("clean-2", 2, None), ("clean-4", 4, None), ("file-4", 4, "M"), ("held-4", 4, "Q"), ("held-8", 8, "Q"),
    ):  # fmt: skip
        mail(site, name, days, quarantined)
    assert removed(cleaned(site)) == {"quarantine": 1, "mail_log": 3}
    assert ids(site, "msgs") == ids(site, "msgrcpt") == ["clean-2", "held-4"]
    assert ids(site, "quarantine") == ["held-4"]


def test_texts_go_in_smaller_pieces(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PIECE_WITH_TEXTS", 2)
    site.change_settings(amavisd_remove_maillog_in_days=30, amavisd_remove_quarantined_in_days=7)
    for number in range(5):
        mail(site, f"held{number}", 8 + number, "Q")
    with site.storage.open(GRANT, LOCALHOST) as work:
        assert work.retention.remove(Kept.QUARANTINE) == 2
    assert removed(cleaned(site)) == {"quarantine": 5}
    assert ids(site, "quarantine") == []


def test_what_leaves_the_quarantine_stays_in_the_log_as_deleted(site: Site) -> None:
    """But for the recipient who got the mail at once, and for the one for whom it was released."""
    site.change_settings(amavisd_remove_maillog_in_days=30, amavisd_remove_quarantined_in_days=7)
    mail(site, "held", 8, "Q", recipients=(2, 3, 4), fates="DPD")
    site.execute("amavisd", "UPDATE msgrcpt SET rs = 'R' WHERE rid = 4")
    assert removed(cleaned(site)) == {"quarantine": 1}
    assert [(row["rid"], row["rs"].strip()) for row in site.rows("msgrcpt")] == [(2, "D"), (3, ""), (4, "R")]
    assert (ids(site, "msgs"), ids(site, "quarantine")) == (["held"], [])
    assert removed(cleaned(site)) == {}


def test_addresses_that_nobody_has_any_more_go(site: Site) -> None:
    mail(site, "old", 100, None, sender=1, recipients=(2, 3, 4))
    mail(site, "young", 0, None, sender=4, recipients=(2,))
    insert(site, "amavisd", amavisd.maddr, address(9))
    cleaned(site)
    assert sorted(row["id"] for row in site.rows("maddr")) == [2, 4, 9]


def test_mails_of_several_partitions_go(site: Site) -> None:
    for number, partition in enumerate((7, 3, 7)):
        mail(site, f"old{number}", 100 + number, None)
        for table in ("msgs", "msgrcpt"):
            site.execute("amavisd", f"UPDATE {table} SET partition_tag = {partition} WHERE partition_tag = 0")
    assert removed(cleaned(site)) == {"mail_log": 3}
    assert site.rows("msgs") == site.rows("msgrcpt") == site.rows("maddr") == []


def test_without_amavisd_the_rest_is_cleaned(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    insert(site, "iredadmin", iredadmin.log, line(400, "old"))
    monkeypatch.delitem(site.storage.databases, "amavisd")
    assert removed(cleaned(site)) == {"log": 1}


def test_an_amavisd_that_does_not_answer_keeps_nothing_else_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    insert(site, "iredadmin", iredadmin.log, line(400, "old"))
    nowhere = Store(engine="mariadb", port=free_port(), database="amavisd", user="amavisd")
    monkeypatch.setitem(site.storage.databases, "amavisd", Database(nowhere, 1))
    outcome = cleaned(site)
    assert [problem.partition(" are removed: ")[0] for problem in outcome.problems] == [
        "Not all mails in the quarantine",
        "Not all mails in the log of mails",
    ]
    assert outcome.counts["log"] == 1
    assert messages(site) == ["[job] Clean up: 1 lines of the activity log."]
