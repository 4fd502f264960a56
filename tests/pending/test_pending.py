"""Pending work: done once whoever does it, one step after the other, and never lost."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from postreeve.app import App, storage_of
from postreeve.jobs import pending
from postreeve.pending.sql import SqlPending
from postreeve.settings import SettingsError
from postreeve.storage import amavisd, claims, engines, schema
from postreeve.storage.sql import Session
from postreeve.work import StoreUnavailableError
from tests.outages.processes import both, ran, serving, settings_file
from tests.pending.policies import create_domains, create_user, facts, give, renamed, told_of
from tests.profiles import accounts
from tests.site import PASSWORD, Client, Site
from tests.site import serving as serving_here
from tests.wire.raw import COOKIE, token

pytestmark = pytest.mark.slow  # many works after each other

ANN, BOB, CAT = "ann@ex.com", "bob@ex.com", "cat@ex.net"
ROUNDS = 4


def populated(site: Site, *mails: str) -> Client:
    """Create two domains, and users with policies."""
    root = site.root()
    create_domains(root, "ex.com", "ex.net")
    for number, mail in enumerate(mails, 5):
        create_user(root, mail)
        give(root, mail, number)
    return root


def leave(site: Site, deed: str, name: str, new: str = "", stores: Iterable[str] = ("amavisd", "iredapd")) -> None:
    """Leave steps behind as a work does that is committed and whose stores do not answer."""
    for store in stores:
        values = f"('{store}', '{deed}', '{name}', '{new}', 'mailbox 2020-01-01 00:00:00', {int(time.time())})"
        columns = "store, deed, name, new_name, witness, created"
        site.execute("iredadmin", f"INSERT INTO postreeve_pending ({columns}) VALUES {values}")


def delete_user_alone(site: Site, mail: str) -> None:
    """Delete a user, and nothing else."""
    if site.directory:
        site.directory.delete(site.directory.tree.user(mail))
    else:
        site.execute("vmail", f"DELETE FROM mailbox WHERE username = '{mail}'")


def rename_accounts_alone(site: Site, root: Client, old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rename a user, and let all stores follow later."""
    with monkeypatch.context() as patch:
        patch.setattr(site.storage.following, "after", lambda work: work.steps)
        assert len(root.post(f"user/{old}/change_email/{new}")["_pending"]) == 3


@pytest.mark.slow  # server processes
def test_two_processes_that_finish_the_same_at_once_do_it_once(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four works at once: the former address and the new one are wanted, and two jobs do what is pending."""
    root = populated(site)
    file = settings_file(tmp_path, site.stores)
    with both(file) as processes, ThreadPoolExecutor(6) as workers:
        session = token(root)
        for number in range(ROUNDS):
            ann, bob, cat = f"ann{number}@ex.com", f"bob{number}@ex.net", f"cat{number}@ex.net"
            create_user(root, ann)
            give(root, ann)
            before = told_of(ann, facts(site))
            rename_accounts_alone(site, root, ann, bob, monkeypatch)

            def ask(base: str, method: str, path: str, **given: str) -> "tuple[int, dict[str, object]]":
                client = Client(base)
                client.session.cookies.set(COOKIE, session)
                answer = client.raw(method, path, data=given)
                return answer.status_code, answer.json()

            creating = [
                workers.submit(ask, process.base, "POST", f"user/{ann}", password=PASSWORD) for process in processes
            ]
            renaming = [
                workers.submit(ask, process.base, "POST", f"user/{bob}/change_email/{cat}") for process in processes
            ]
            jobs = [workers.submit(pending.run, site.storage) for _ in range(2)]
            answers = [future.result() for future in [*creating, *renaming]]
            assert {status for status, _ in answers} <= {200, 503}
            for asked, refusal in ((creating, "ALREADY_EXISTS"), (renaming, "NO_SUCH_ACCOUNT")):
                messages = sorted(str(future.result()[1].get("_msg")) for future in asked)
                assert set(messages) <= {"None", refusal, "SERVICE_UNAVAILABLE"}
                assert messages.count("None") <= 1
            assert sum(settled for settled, _ in (job.result() for job in jobs)) <= 12
            pending.run(site.storage)
            assert site.rows("postreeve_pending") == []
            [home] = {bob, cat}.intersection(accounts(site, "mailbox"))
            assert told_of(home, facts(site)) == renamed(before, ann, home)
            assert told_of(ann, facts(site)) == []
    assert len(facts(site)) == ROUNDS * len(before)


def test_a_name_that_a_dead_process_holds_waits_until_the_claim_expires(site: Site) -> None:
    populated(site, BOB)
    before = facts(site)
    delete_user_alone(site, BOB)
    leave(site, "forget", BOB)
    now = int(time.time())
    dead = f"('{BOB}', 'dead', {now + claims.LIFETIME_SECONDS})"
    site.execute("iredadmin", f"INSERT INTO postreeve_claims (name, holder, expires) VALUES {dead}")
    assert pending.run(site.storage) == (0, 2)
    assert facts(site) == before
    site.execute("iredadmin", f"UPDATE postreeve_claims SET expires = {now - 1}")
    assert pending.run(site.storage) == (2, 0)
    assert facts(site) == []
    assert site.rows("postreeve_claims") == []


@pytest.mark.slow  # a server process
def test_the_next_start_settles_what_is_pending(site: Site, tmp_path: Path) -> None:
    populated(site, ANN)
    before = facts(site)
    delete_user_alone(site, ANN)
    leave(site, "forget", ANN, stores=["iredapd"])
    leave(site, "swallow", "x@ex.com", stores=["amavisd"])
    with serving(settings_file(tmp_path, site.stores)) as process:
        assert [row["deed"] for row in site.rows("postreeve_pending")] == ["swallow"]
    assert "Pending: amavisd: swallow x@ex.com. " in process.log.read_text()
    assert facts(site) == facts(site, "amavisd") == [fact for fact in before if fact in facts(site, "amavisd")]


@pytest.mark.slow  # a start of the command
def test_a_step_that_always_fails_keeps_back_only_its_own_names(site: Site, tmp_path: Path) -> None:
    """Some that a later release has written down, and some in a table that somebody has changed."""
    populated(site, ANN)
    before = facts(site)
    leave(site, "swallow", "x@ex.com", stores=["amavisd"])
    leave(site, "forget", "y@ex.com", stores=["elsewhere"])
    leave(site, "forget", "x@ex.com", stores=["amavisd"])
    leave(site, "rename", "gone@ex.com", "new@ex.com")
    leave(site, "rename", "former@ex.com", ANN)
    leave(site, "forget", "z@ex.com")
    site.execute("iredapd", "ALTER TABLE greylisting RENAME COLUMN sender TO changed")
    done = ran("job pending", settings_file(tmp_path, site.stores))
    site.execute("iredapd", "ALTER TABLE greylisting RENAME COLUMN changed TO sender")
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    unknown, elsewhere, *changed, sentence = done.stderr.splitlines()
    assert sentence == "4 settled, 5 left."
    assert unknown == "Pending: amavisd: swallow x@ex.com. This release does not know how to do that."
    assert elsewhere.startswith("Pending: elsewhere: y@ex.com is to be forgotten. ")
    assert [line.partition(". ")[0] for line in changed] == [
        "Pending: iredapd: gone@ex.com is to become new@ex.com",
        f"Pending: iredapd: former@ex.com is to become {ANN}",
    ]
    assert facts(site) == before
    assert pending.run(site.storage) == (2, 3)
    assert [row["deed"] for row in site.rows("postreeve_pending", store="amavisd")] == ["swallow", "forget"]


def test_a_statement_that_a_store_does_not_take_is_no_defect(site: Site) -> None:
    root = populated(site, ANN)
    before = facts(site)
    site.execute("iredapd", "ALTER TABLE greylisting RENAME COLUMN sender TO changed")
    answer = root.post(f"user/{ANN}/change_email/{CAT}")
    site.execute("iredapd", "ALTER TABLE greylisting RENAME COLUMN changed TO sender")
    assert answer == {"_success": True, "_pending": [f"iredapd: {ANN} is to become {CAT}"]}
    assert pending.run(site.storage) == (1, 0)
    assert facts(site) == renamed(before, ANN, CAT)


def test_a_store_whose_rows_are_locked_follows_later(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "LOCK_SECONDS", 1)
    root = populated(site, ANN)
    before = facts(site)
    session = token(root)
    storage = storage_of(site.settings)
    with serving_here(App(storage, site.settings)) as base, Session(site.storage.databases["amavisd"]) as other:
        client = Client(base)
        client.session.cookies.set(COOKIE, session)
        amavisd.lock(other, ANN)
        answer = client.post(f"user/{ANN}/change_email/{CAT}")
        assert answer == {"_success": True, "_pending": [f"amavisd: {ANN} is to become {CAT}"]}
        other.rollback()
    storage.close()
    assert pending.run(site.storage) == (1, 0)
    assert facts(site) == renamed(before, ANN, CAT)


def test_an_answer_tells_what_is_pending_when_the_database_of_our_own_goes_after_the_commit(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change stands, so it is no refusal."""
    root = populated(site, ANN)
    before = facts(site)

    def lose(*_: object) -> None:
        raise StoreUnavailableError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(SqlPending, "linked", lose)
        answer = root.post(f"user/{ANN}/change_email/{CAT}")
    words = f"{ANN} is to become {CAT}"
    assert answer == {"_success": True, "_pending": [f"{store}: {words}" for store in ("amavisd", "iredapd", "mlmmj")]}
    assert pending.run(site.storage) == (3, 0)
    assert facts(site) == renamed(before, ANN, CAT)


def lost(site: Site, patch: pytest.MonkeyPatch, method: str, path: str) -> None:
    """Ask for a change whose commit the store of the accounts does not answer, and does not carry out."""
    commit = Session.commit

    def lose(session: Session) -> None:
        if session.database is site.storage.databases.get("vmail") and session.is_in_transaction:
            session.rollback()
            raise StoreUnavailableError("gone")
        commit(session)

    def lose_entries(session: Any) -> None:
        session.rollback()
        raise StoreUnavailableError("gone")

    root = site.root()
    with patch.context() as lossy:
        lossy.setattr(Session, "commit", lose)
        if site.directory:
            lossy.setattr("postreeve.storage.directory.session.Session.commit", lose_entries)
        assert root.raw(method, path).status_code == 503


def test_what_was_never_committed_does_not_come_true_with_the_next_change(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = populated(site, ANN)
    before = facts(site)
    lost(site, monkeypatch, "POST", f"user/{ANN}/change_email/{CAT}")
    lost(site, monkeypatch, "DELETE", f"user/{ANN}")
    assert {row["deed"] for row in site.rows("postreeve_pending")} == {"forget"}  # it has dropped those before it
    root.ok("POST", f"user/{ANN}/change_email/{BOB}")
    assert facts(site) == renamed(before, ANN, BOB)
    assert site.rows("postreeve_pending") == []


def test_what_was_never_committed_is_dropped_by_the_job(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    populated(site, ANN)
    before = facts(site)
    lost(site, monkeypatch, "POST", f"user/{ANN}/change_email/{CAT}")
    lost(site, monkeypatch, "DELETE", "domain/ex.com")
    assert {row["name"] for row in site.rows("postreeve_pending")} == {"ex.com"}
    assert pending.run(site.storage) == (3, 0)
    assert facts(site) == before


def test_a_user_whose_renaming_was_never_committed_goes_with_the_domain(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = populated(site, ANN)
    lost(site, monkeypatch, "POST", f"user/{ANN}/change_email/{CAT}")
    root.ok("DELETE", "domain/ex.com")
    create_user(root, CAT)
    assert facts(site) == []
    assert site.rows("postreeve_pending") == []


def test_our_tables_go_back_only_when_nothing_is_pending(site: Site) -> None:
    """The release before does not know that table: what is in it would be lost."""
    populated(site, ANN)
    database = site.storage.iredadmin
    leave(site, "rename", "former@ex.com", ANN)
    left = site.rows("postreeve_pending")
    with pytest.raises(SettingsError, match="postreeve job pending"):
        schema.migrate(database, to=1)
    schema.migrate(database)
    assert site.rows("postreeve_pending") == left
    assert pending.run(site.storage) == (2, 0)
    for _ in range(2):
        schema.migrate(database, to=1)
        assert not database.schema.has("postreeve_pending")
        assert [row["version"] for row in site.rows("postreeve_versions")] == [1]
        schema.migrate(database, to=2)
        assert [row["version"] for row in site.rows("postreeve_versions")] == [1, 2]
        leave(site, "forget", "x@ex.com")
        assert pending.run(site.storage) == (2, 0)
