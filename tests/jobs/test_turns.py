"""One runner at a time over all nodes, and what is due."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from postreeve import app as assembly
from postreeve.backends.common import Stores
from postreeve.commands.shared import SETUP
from postreeve.jobs.running import Job, Outcome, Run, Schedule, due, run, run_due
from postreeve.storage import runners
from postreeve.work import AlreadyRunningError, StoreUnavailableError, TurnLostError
from tests.site import Site

DAILY = Schedule(1440, "", "")


@pytest.fixture
def other(site: Site) -> Iterator[Stores]:
    """Another node."""
    storage = assembly.storage_of(site.settings)
    yield storage
    storage.close()


def sweeps(of: Run) -> Outcome:
    of.check()
    return Outcome("Swept.", {"swept": 1})


def fails(_: Run) -> Outcome:
    raise StoreUnavailableError("Nobody is there.")


def breaks(_: Run) -> Outcome:
    raise KeyError("the text of a driver")


SWEEP, FAIL = Job("sweep", "Sweep", sweeps, DAILY), Job("fail", "Fail", fails, DAILY)


def test_another_node_has_to_wait(site: Site, other: Stores) -> None:
    with site.storage.turn("sweep"):
        with pytest.raises(AlreadyRunningError), other.turn("sweep"):
            pass
        assert run(SWEEP, other, SETUP).is_elsewhere
        with other.turn("other"):
            pass
    with other.turn("sweep") as turn:
        turn.check()


def test_of_many_that_begin_at_once_one_runs(site: Site, other: Stores) -> None:
    def tried(storage: Stores) -> bool:
        try:
            with storage.turn("sweep"):
                time.sleep(1)
        except AlreadyRunningError:
            return False
        return True

    for _ in range(2):  # once without a row, and once with one
        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(tried, [site.storage, other] * 3)) == 1


def test_a_runner_that_died_is_followed_when_its_turn_has_expired(site: Site, other: Stores) -> None:
    with site.storage.turn("sweep"):
        site.execute("iredadmin", f"UPDATE postreeve_jobs SET expires = {int(time.time()) - 1}")
        with other.turn("sweep"):
            (row,) = site.rows("postreeve_jobs")
    (after,) = site.rows("postreeve_jobs")
    assert row["expires"] > time.time() + runners.LIFETIME_SECONDS - 10
    assert after["holder"] == row["holder"]


def test_a_turn_is_renewed_while_it_is_held(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "RENEWED_SECONDS", 0.05)
    with site.storage.turn("sweep") as turn:
        site.execute("iredadmin", "UPDATE postreeve_jobs SET expires = 5")
        _await(lambda: site.rows("postreeve_jobs")[0]["expires"] > time.time())
        turn.check()


def test_a_turn_that_somebody_else_has_is_lost(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "RENEWED_SECONDS", 0.05)
    with site.storage.turn("sweep") as turn:
        site.execute("iredadmin", "UPDATE postreeve_jobs SET holder = 'x'")

        def is_lost() -> bool:
            try:
                turn.check()
            except TurnLostError:
                return True
            return False

        _await(is_lost)
    assert site.rows("postreeve_jobs")[0]["holder"].strip() == "x"


def test_a_turn_that_can_not_be_renewed_is_lost_before_it_expires(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with site.storage.turn("sweep") as turn:
        turn.check()
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + runners.LIFETIME_SECONDS - runners.MARGIN_SECONDS + 1)
        with pytest.raises(TurnLostError):
            turn.check()


def _await(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# What is due


def ran(site: Site, *jobs: Job) -> list[tuple[str, Outcome]]:
    return [(job.name, outcome) for job, outcome in run_due(jobs, site.storage, SETUP)]


def test_a_job_is_due_when_its_time_has_come_on_whichever_node(site: Site, other: Stores) -> None:
    assert [name for name, _ in ran(site, SWEEP)] == ["sweep"]
    assert due((SWEEP,), other) == []
    for age, is_due in ((86_300, False), (86_401, True)):
        site.execute("iredadmin", f"UPDATE postreeve_jobs SET begun = {int(time.time()) - age}")
        assert bool(due((SWEEP,), other)) is is_due


def test_a_job_that_runs_is_not_due(site: Site) -> None:
    with site.storage.turn("sweep"):
        site.execute("iredadmin", "UPDATE postreeve_jobs SET begun = 1")
        assert due((SWEEP,), site.storage) == []
    assert due((SWEEP,), site.storage) == [SWEEP]


def test_a_job_whose_stores_the_site_does_not_have_is_never_due(site: Site) -> None:
    assert due((Job("sweep", "Sweep", sweeps, DAILY, needs=frozenset({"no-such-store"})),), site.storage) == []


def test_a_job_that_fails_keeps_no_other_back(site: Site) -> None:
    (failed, broken), (name, done) = ran(site, FAIL, SWEEP)
    assert (failed, broken.problems, broken.is_well) == ("fail", ("Nobody is there.",), False)
    assert (name, done.is_well) == ("sweep", True)


def test_a_defect_of_a_job_keeps_no_other_back_and_is_in_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    (broken, outcome), (name, done) = ran(site, Job("break", "Break", breaks, DAILY), SWEEP)
    assert (broken, outcome.problems) == ("break", ("It has a defect; the log tells more.",))
    assert (name, done.is_well) == ("sweep", True)
    assert "the text of a driver" in caplog.text


def test_a_process_that_ends_begins_no_job_and_ends_the_one_at_work(site: Site) -> None:
    assert list(run_due((SWEEP,), site.storage, SETUP, is_ending=lambda: True)) == []
    with pytest.raises(TurnLostError):
        run(SWEEP, site.storage, SETUP, is_ending=lambda: True)
