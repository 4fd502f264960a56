"""Locks on entries: claims in the database, because a directory has no locks."""

import threading
from contextlib import closing

import pytest

from postreeve.settings import Ldap
from postreeve.storage import claims
from postreeve.storage.claims import Locks
from postreeve.storage.directory.connections import Directory
from postreeve.storage.directory.session import Session
from postreeve.work import StoreUnavailableError
from tests.directory.test_session import DOMAIN, add_alias, add_domain, texts
from tests.site import Site

WRITERS = 20


def test_a_lock_is_for_one_work_until_it_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "PATIENCE_SECONDS", 0.1)
    database = site.storage.iredadmin
    one, other = Locks(database), Locks(database)
    one.take("a.test")
    one.take("info@a.test", "a.test")
    with claims.held(database, {"a.test", "info@a.test"}):  # as the door holds them for the same work
        for wanted in ("a.test", "info@a.test"):
            with pytest.raises(StoreUnavailableError, match=f"Another work holds ~{wanted}"):
                other.take(wanted)
    one.release()
    other.take("a.test", "info@a.test")
    other.release()
    assert site.rows("postreeve_claims") == []


def test_writers_that_lock_wait_for_each_other(site: Site, filled: Ldap) -> None:
    with closing(Directory(filled, 4)) as directory:
        with Session(directory) as session:
            add_domain(session, DOMAIN)
            session.commit()
        dn = add_alias(directory, "info@a.test", description="0")
        failed: list[Exception] = []

        def count_one_more() -> None:
            locks = Locks(site.storage.iredadmin)
            try:
                with Session(directory, locks) as session:
                    entry = session.lock(dn)
                    assert entry
                    session.edit(dn).replace("description", entry.number("description") + 1)
                    session.commit()
            except Exception as error:  # noqa: BLE001 - threads keep theirs to themselves
                failed.append(error)
            finally:
                locks.release()

        writers = [threading.Thread(target=count_one_more) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert failed == []
        assert texts(directory, dn, "description") == [str(WRITERS)]
