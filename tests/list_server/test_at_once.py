"""Many at work on one list at the same time: threads, processes, and mlmmj's own programs."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial

import pytest

from postreeve.storage.folders import Folder
from postreeve.subscribable_lists.rules import DEFAULTS
from postreeve.subscribable_lists.store import ListSettings
from postreeve.work import ListServerError
from tests.mail_system import wait_until
from tests.mlmmj import LIST, SECONDS, Lists

pytestmark = pytest.mark.slow  # mlmmj and servers

FIFTY = [f"a{number}@ex.com" for number in range(50)]
"""All in one file."""
STAYS = "astays@ex.com"
ONE: ListSettings = {"subject_prefix": "[One]", "moderated": True, "owner": ("one@ex.com",)}
TWO: ListSettings = {"subject_prefix": "[Two]", "moderated": False, "owner": ("two@ex.com",)}
PROCESS = """
import sys
from pathlib import Path
from concurrent.futures import ThreadPoolExecutor
from postreeve.storage.mlmmj import Host, NativeLists
from postreeve.subscribable_lists.fields import CONTROLS

spool, mail, *addresses = sys.argv[1:]
lists = NativeLists(Host(Path(spool), Path(spool)), CONTROLS)
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(5) as threads:
    list(threads.map(lambda address: lists.unsubscribe(mail, [address]), addresses))
"""


def at_once(*deeds: Callable[[], object]) -> None:
    """Do all of this in threads; what is raised is raised here."""
    with ThreadPoolExecutor(len(deeds)) as threads:
        for done in [threads.submit(deed) for deed in deeds]:
            done.result()


def unsubscribing(lists: Lists, *addresses: str) -> list[Callable[[], object]]:
    return [partial(lists.server.unsubscribe, LIST, [address]) for address in addresses]


def test_fifty_removals_by_threads_all_happen(lists: Lists) -> None:
    lists.create(LIST, STAYS, *FIFTY)
    at_once(*unsubscribing(lists, *FIFTY))
    assert lists.listed("-s") == {STAYS}


def test_fifty_removals_by_processes_all_happen(lists: Lists) -> None:
    lists.create(LIST, STAYS, *FIFTY)
    command = [sys.executable, "-c", PROCESS, str(lists.host.spool), LIST]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen([*command, *share], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            for share in (FIFTY[:17], FIFTY[17:34], FIFTY[34:])
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        assert [process.wait(SECONDS) for process in processes] == [0, 0, 0]
    assert lists.listed("-s") == {STAYS}


def test_subscribers_who_come_by_mail_bring_nobody_back(lists: Lists) -> None:
    lists.create(LIST, STAYS, *FIFTY)
    come = [f"anew{number}@ex.com" for number in range(12)]
    at_once(
        *(partial(lists.run, "mlmmj-sub", "-f", "-q", "-s", "-a", new) for new in come),
        *unsubscribing(lists, *FIFTY),
    )
    left = lists.listed("-s")
    assert STAYS in left
    assert left <= {STAYS, *come}
    assert len(lists.run("mlmmj-list", "-s").split()) == len(left)
    assert [file.name for file in (lists.directory() / "subscribers.d").iterdir()] == ["a"]


def test_mlmmj_waits_for_our_locks(lists: Lists) -> None:
    lists.create(LIST, STAYS, "agoes@ex.com")
    changes = [("mlmmj-sub", "-f", "-a", "anew@ex.com"), ("mlmmj-unsub", "-a", "agoes@ex.com")]
    for program, *options in changes:
        file = lists.directory() / "subscribers.d/a"
        before = file.read_text()
        with Folder.opened(file.parent) as folder, folder.locked(".a.lock", 1):
            process = subprocess.Popen([*lists.words(program, *options), "-q", "-s"])
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
            assert (process.poll(), file.read_text()) == (None, before)
        assert process.wait(SECONDS) == 0
    assert file.read_text() == f"{STAYS}\nanew@ex.com\n"


@pytest.mark.parametrize("is_replaced", [False, True])
def test_what_mlmmj_adds_at_the_last_moment_stays(lists: Lists, is_replaced: bool) -> None:  # noqa: FBT001 - a case
    """It has the file's lock then, and may have waited for another lock that nobody sees any more."""
    lists.create(LIST, STAYS, "agoes@ex.com")
    file = lists.directory() / "subscribers.d/a"
    with ThreadPoolExecutor(1) as thread:
        with Folder.opened(file.parent) as folder, folder.locked("a", 1):
            removal = thread.submit(lists.server.unsubscribe, LIST, ["agoes@ex.com"])
            wait_until((file.parent / ".a.lock").exists, "Nobody removes anything.")
            time.sleep(0.1)
            content = file.read_text() + "alate@ex.com\n"
            folder.write("a", content.encode()) if is_replaced else file.write_text(content)
        removal.result()
    assert file.read_text() == f"{STAYS}\nalate@ex.com\n"


def test_who_waits_for_a_list_that_goes_hears_of_it(lists: Lists) -> None:
    lists.create(LIST, STAYS)
    with ThreadPoolExecutor(2) as threads:
        with Folder.opened(lists.directory()) as folder, folder.locked(".postreeve.lock", 1):
            removal = threads.submit(lists.server.remove, LIST, is_kept=False)
            change = threads.submit(lists.server.unsubscribe, LIST, [STAYS])
            time.sleep(0.1)
            shutil.rmtree(lists.directory())
        assert removal.result() is None
        assert str(change.exception()) == f"There is no list {LIST} in the spool."


def test_settings_that_are_written_at_once_are_one_or_the_other(lists: Lists) -> None:
    lists.create()
    for _ in range(5):
        at_once(*[partial(lists.server.write, LIST, settings) for settings in [ONE, TWO] * 5])
        found = lists.server.settings(LIST) or {}
        assert {name: found[name] for name in ONE} in (ONE, TWO)


def test_a_list_that_comes_and_goes_is_whole_or_not_there(lists: Lists) -> None:
    """Its domain's directory goes with the last list and comes back with the next one."""
    others = ["other@lists.test", "third@lists.test"]

    def come_and_go(mail: str) -> None:
        for is_kept in (True, False, True, False):
            lists.server.create(mail, DEFAULTS)
            assert lists.server.settings(mail) is not None
            lists.server.remove(mail, is_kept=is_kept)
            assert lists.server.settings(mail) is None

    at_once(*(partial(come_and_go, mail) for mail in [LIST, *others]))
    assert [path.name for path in lists.host.spool.iterdir() if not path.name.startswith(".")] == []
    kept = sorted(path.name.partition("-")[0] for path in (lists.host.archive / "lists.test").iterdir())
    assert kept == sorted(["news", "other", "third"] * 2)


def test_of_creations_at_once_one_list_remains(lists: Lists) -> None:
    at_once(*[partial(lists.server.create, LIST, {**DEFAULTS, "owner": ("ann@ex.com",)})] * 6)
    assert (lists.server.settings(LIST) or {})["owner"] == ("ann@ex.com",)
    assert len(list((lists.host.archive / "lists.test").iterdir())) == 5
    assert list((lists.host.spool / ".postreeve").iterdir()) == []


def test_of_removals_at_once_each_succeeds(lists: Lists) -> None:
    for is_kept in (True, False):
        lists.create(LIST, *FIFTY)
        at_once(*[partial(lists.server.remove, LIST, is_kept=is_kept)] * 6)
        assert lists.server.settings(LIST) is None
    assert len(list((lists.host.archive / "lists.test").iterdir())) == 1


def test_work_on_a_list_that_is_removed_is_done_or_refused(lists: Lists) -> None:
    lists.create(LIST, STAYS, *FIFTY)
    refused: list[str] = []

    def work(address: str) -> None:
        try:
            lists.server.unsubscribe(LIST, [address])
        except ListServerError as error:
            refused.append(str(error))

    at_once(
        *(partial(work, address) for address in FIFTY[:20]),
        partial(lists.server.remove, LIST, is_kept=True),
    )
    assert set(refused) <= {f"There is no list {LIST} in the spool."}
    (kept,) = (lists.host.archive / "lists.test").iterdir()
    left = (kept / "subscribers.d/a").read_text().split()
    assert len(left) == 31 + len(refused)
    assert not (lists.host.spool / "lists.test").exists()
