"""Lists on this host: what is written is what mlmmj reads, whatever else lies in its directories."""

import errno
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from postreeve.storage.folders import Folder
from postreeve.storage.mlmmj import DIRECTORIES, Host, NativeLists
from postreeve.subscribable_lists.fields import CONTROLS
from postreeve.subscribable_lists.store import Version
from postreeve.work import ListServerError
from tests.mlmmj import LIST, OWNER, PROGRAMS, Lists, Mail

pytestmark = pytest.mark.slow  # mlmmj and servers

ANN, BOB, CARL, EVE = "ann@ex.com", "bob@ex.com", "carl@ex.com", "eve@far.test"
VERSIONS: Mapping[Version, tuple[str, str]] = {
    "normal": ("subscribers.d", "-s"), "digest": ("digesters.d", "-d"), "nomail": ("nomailsubs.d", "-n"),
}  # fmt: skip
OPTIONS = {"normal": (), "digest": ("-d",), "nomail": ("-n",)}


def files(directory: Path) -> dict[str, str]:
    """Return what is in the files of a directory, those with dots too."""
    return {str(file.relative_to(directory)): file.read_text() for file in directory.rglob("*") if file.is_file()}


def everything(lists: Lists) -> Iterator[Path]:
    yield from (lists.host.spool, *lists.host.spool.rglob("*"))


@pytest.mark.parametrize("version", VERSIONS)
def test_subscribers_are_where_mlmmj_puts_them(lists: Lists, version: Version) -> None:
    lists.create()
    lists.create("other@lists.test")
    for mail in ("zoe@ex.com", ANN, "al@ex.com", "0@ex.com", "_x@ex.com", "-y@ex.com", "#z@ex.com", BOB):
        lists.server.subscribe(LIST, [mail], version, has_to_confirm=False)
        lists.run("mlmmj-sub", "-f", "-q", "-s", *OPTIONS[version], "-a", mail, mail="other@lists.test")
    name, option = VERSIONS[version]
    assert files(lists.directory() / name) == files(lists.directory("other@lists.test") / name)
    assert len(lists.listed(option)) == 8
    lists.server.unsubscribe(LIST, [ANN, "al@ex.com", BOB])
    for mail in (ANN, "al@ex.com", BOB):
        lists.run("mlmmj-unsub", "-q", "-s", "-a", mail, mail="other@lists.test")
    assert files(lists.directory() / name) == files(lists.directory("other@lists.test") / name)


def test_who_subscribes_to_another_version_moves(lists: Lists) -> None:
    lists.create(LIST, ANN, BOB)
    lists.server.subscribe(LIST, [ANN], "digest", has_to_confirm=False)
    lists.run("mlmmj-sub", "-f", "-q", "-s", "-n", "-a", ANN)
    lists.server.subscribe(LIST, [BOB], "nomail", has_to_confirm=False)
    lists.server.subscribe(LIST, [ANN], "normal", has_to_confirm=False)
    assert [lists.listed(option) for _, option in VERSIONS.values()] == [{ANN}, set(), {BOB}]


@pytest.mark.parametrize("name, content", [
    ("a", "ann@ex.com\r\nalf@ex.com\r\n"),
    ("a", " ann@ex.com \n\n\nalf@ex.com"),
    ("a", "ann@ex.com\nalf@ex.com\nann@ex.com\nAnn@Ex.com\n"),
    ("all", "bert@ex.com\nann@ex.com\nalf@ex.com\n"),
    ("z.bak", "alf@ex.com\nann@ex.com\n"),
    (".hidden", "alf@ex.com\nann@ex.com\n"),
    ("a.new", "ann@ex.com\nalf@ex.com\n"),
])  # fmt: skip
@pytest.mark.parametrize("version", VERSIONS)
def test_every_file_is_one_of_subscribers(lists: Lists, version: Version, name: str, content: str) -> None:
    lists.create()
    folder, option = VERSIONS[version]
    (lists.directory() / folder / name).write_bytes(content.encode())
    assert {ANN, "alf@ex.com"} <= set(lists.subscribed())
    lists.server.unsubscribe(LIST, [ANN])
    assert ANN not in {line.strip().lower() for line in lists.listed(option)}
    assert "alf@ex.com" in lists.listed(option)
    lists.server.subscribe(LIST, ["amy@ex.com", "alf@ex.com"], version, has_to_confirm=False)
    lines = lists.run("mlmmj-list", option).split("\n")
    assert (lines.count("amy@ex.com"), lines.count("alf@ex.com")) == (1, 1)
    assert ANN not in lists.subscribed()


def test_an_address_may_be_in_several_versions(lists: Lists) -> None:
    lists.create(LIST, ANN)
    for folder in ("digesters.d", "nomailsubs.d"):
        (lists.directory() / folder / "a").write_text(f"{ANN}\n")
    assert [each["subscription"] for each in lists.server.subscribers(LIST)] == ["normal", "digest", "nomail"]
    assert lists.server.subscriptions([LIST], ANN) == {LIST: "normal"}
    lists.server.unsubscribe(LIST, [ANN])
    assert lists.subscribed() == {}


def test_a_hundred_thousand_subscribers_come_sorted(lists: Lists) -> None:
    lists.create()
    letters = "abcdefghij"
    for letter in letters:
        lines = "".join(f"{letter}{number}@ex.com\n" for number in range(10_000, 0, -1))
        (lists.directory() / "subscribers.d" / letter).write_text(lines)
    lists.server.subscribe(LIST, [EVE], "digest", has_to_confirm=False)
    found = [each["mail"] for each in lists.server.subscribers(LIST)]
    assert found == [*sorted(f"{letter}{number}@ex.com" for letter in letters for number in range(1, 10_001)), EVE]


def test_directories_that_are_missing_are_made_when_they_are_needed(lists: Lists) -> None:
    lists.create(LIST, ANN)
    for name in DIRECTORIES:
        shutil.rmtree(lists.directory() / name)
    assert lists.subscribed() == {}
    lists.server.write(LIST, {"subject_prefix": "[News]"})
    lists.server.subscribe(LIST, [BOB], "digest", has_to_confirm=False)
    lists.server.subscribe(LIST, [ANN], "normal", has_to_confirm=False)
    assert (lists.server.settings(LIST) or {})["subject_prefix"] == "[News]"
    assert lists.subscribed() == {ANN: "normal", BOB: "digest"}


def test_everything_belongs_to_the_owner_of_the_spool_alone(lists: Lists) -> None:
    lists.create(LIST, ANN, BOB, CARL)
    lists.server.write(LIST, {"subject_prefix": "[News]"})
    lists.server.unsubscribe(LIST, [BOB])
    lists.server.subscribe(LIST, [EVE], "digest", has_to_confirm=True)
    assert set(lists.mails.taken()) == {EVE}
    assert set(lists.post(ANN)) == {CARL}
    lists.create("old@lists.test")
    lists.server.remove("old@lists.test", is_kept=True)
    found = [*everything(lists), lists.host.archive, *lists.host.archive.rglob("*")]
    owner = (OWNER, OWNER) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    assert {(path.stat().st_uid, path.stat().st_gid) for path in found} == {owner}
    assert {stat.filemode(path.stat().st_mode) for path in found} == {"drwx------", "-rw-------"}


@pytest.mark.parametrize("mail", [
    "../news@lists.test", "news/../../etc@lists.test", "/etc@lists.test", ".news@lists.test", "news@../lists.test",
    "news@..", "a/b@lists.test", "news\0@lists.test", "@lists.test", "news@", "", "news", "news@lists.test/..",
])  # fmt: skip
def test_no_name_leaves_the_spool(lists: Lists, mail: str) -> None:
    server = lists.server
    for deed in (
        lambda: server.create(mail, {}), lambda: server.settings(mail), lambda: server.remove(mail, is_kept=False),
        lambda: server.subscribers(mail), lambda: server.write(mail, {}),
    ):  # fmt: skip
        with pytest.raises(ListServerError, match="no address of a list"):
            deed()
    assert [*everything(lists)] == [lists.host.spool]


@pytest.mark.parametrize("place", ["", "news", "news/control", "news/subscribers.d", "news/digesters.d"])
def test_links_lead_nowhere(lists: Lists, place: str) -> None:
    lists.create(LIST, ANN)
    outside = lists.host.spool.parent / "outside"
    linked = lists.host.spool / "lists.test" / place
    linked.rename(outside)
    linked.symlink_to(outside)
    before = files(outside)
    deeds: list[Callable[[], object]] = [
        lambda: lists.server.write(LIST, {"subject_prefix": "[X]"}), lambda: lists.server.unsubscribe(LIST, [ANN]),
        lambda: lists.subscribe(EVE), lambda: lists.server.remove(LIST, is_kept=False),
    ]  # fmt: skip
    for deed in deeds:
        with suppress(ListServerError):
            deed()
    assert files(outside) == before


@pytest.mark.parametrize("place", ["control/prefix", "control/listaddress", "subscribers.d/a", "index"])
def test_files_that_are_links_are_not_followed(lists: Lists, place: str) -> None:
    lists.create(LIST, ANN)
    secret = lists.host.spool.parent / "secret"
    secret.write_text("secret@ex.com\n")
    (lists.directory() / place).unlink(missing_ok=True)
    (lists.directory() / place).symlink_to(secret)
    deeds: list[Callable[[], object]] = [
        lambda: lists.server.settings(LIST), lists.subscribed, lambda: lists.subscribe(ANN),
        lambda: lists.server.write(LIST, {"subject_prefix": "[X]", "extra_addresses": ()}),
    ]  # fmt: skip
    for deed in deeds:
        with suppress(ListServerError):
            assert "secret" not in repr(deed())
    assert secret.read_text() == "secret@ex.com\n"


def test_a_change_of_settings_happens_wholly_or_not(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    lists.create(LIST, owner=ANN, subject_prefix="[Old]", moderated="yes")
    before = files(lists.directory() / "control")
    monkeypatch.setattr(os, "rename", _once_full(os.rename, after=2))
    with pytest.raises(ListServerError, match="No space left"):
        lists.server.write(
            LIST,
            {"owner": (BOB,), "subject_prefix": "[New]", "moderated": False, "disable_archive": True, "name": "News"},
        )
    assert files(lists.directory() / "control") == before


def _once_full(rename: Callable[..., None], after: int) -> Callable[..., None]:
    """Return a `rename` for which there is no space once, after some that succeed."""
    left = iter(range(after))

    def renamed(*arguments: str, **options: int) -> None:
        if next(left, None) is None and next(full, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rename(*arguments, **options)

    full = iter([True])
    return renamed


CRASH = """
import os, sys
from pathlib import Path
from postreeve.storage.mlmmj import Host, NativeLists
from postreeve.subscribable_lists.fields import CONTROLS
from postreeve.subscribable_lists.rules import DEFAULTS
spool, mail, deed, left = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
lists = NativeLists(Host(spool, spool.parent / "archive"), CONTROLS)
def dying(do):
    def deed(*arguments, **options):
        global left
        if left == 0:
            os.kill(os.getpid(), 9)
        left -= 1
        return do(*arguments, **options)
    return deed
os.rename, os.unlink = dying(os.rename), dying(os.unlink)
match deed:
    case "unsubscribe":
        lists.unsubscribe(mail, ["ann@ex.com"])
    case "subscribe":
        lists.subscribe(mail, ["new@ex.com", "ann@ex.com"], "digest", has_to_confirm=False)
    case "moderate":
        lists.write(mail, {"moderated": True, "moderators": ("mod@ex.com",)})
    case "create":
        lists.create(mail, DEFAULTS)
"""


def crash(lists: Lists, mail: str, deed: str, after: int) -> None:
    """Do something in a process that is killed before it replaces or removes another file."""
    done = subprocess.run([sys.executable, "-c", CRASH, lists.host.spool, mail, deed, str(after)], check=False)
    assert done.returncode == -9


@pytest.mark.parametrize("deed, after", [("unsubscribe", 0), ("unsubscribe", 1), ("subscribe", 0), ("subscribe", 2)])
def test_a_crash_leaves_no_strange_subscribers(lists: Lists, deed: str, after: int) -> None:
    lists.create(LIST, ANN, "alf@ex.com", BOB)
    crash(lists, LIST, deed, after)
    assert {"alf@ex.com", BOB} <= set(lists.subscribed()) <= {ANN, "alf@ex.com", BOB, "new@ex.com"}
    for folder, option in VERSIONS.values():
        lines = lists.run("mlmmj-list", option).split()
        assert len(lines) == len(set(lines))
        assert all(re.fullmatch(r".|\..\.lock", name) for name in files(lists.directory() / folder))
    lists.server.unsubscribe(LIST, [ANN, "new@ex.com"])
    assert lists.subscribed() == {"alf@ex.com": "normal", BOB: "normal"}
    assert list(lists.post("alf@ex.com", headers={"Subject": "Hi"})) == [BOB]


@pytest.mark.parametrize("after", [0, 2])
def test_a_crash_leaves_no_list_that_is_moderated_by_nobody(lists: Lists, after: int) -> None:
    """Mlmmj would lose its mail."""
    lists.create(LIST, ANN)
    (lists.directory() / "control/moderators").unlink()
    crash(lists, LIST, "moderate", after)
    present = files(lists.directory() / "control")
    assert ("moderators" in present) == (after > 0)
    assert "moderated" not in present


def test_an_unfinished_list_is_none_and_is_cleared_away(lists: Lists) -> None:
    crash(lists, LIST, "create", 20)
    assert lists.server.settings(LIST) is None
    assert not (lists.host.spool / "lists.test").exists()
    lists.create("other@lists.test")
    assert list((lists.host.spool / ".postreeve").iterdir()) == []
    assert [path.name for path in (lists.host.spool / "lists.test").iterdir()] == ["other"]


HOLD = """
import fcntl, sys, time

files = [open(name, "a+") for name in sys.argv[1:]]
for file in files:
    fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("names", [[".postreeve.lock"], ["subscribers.d/.a.lock"], ["subscribers.d/a"]])
def test_a_lock_is_waited_for_but_not_for_ever(lists: Lists, names: list[str]) -> None:
    lists.create(LIST, ANN, BOB)
    impatient = NativeLists(replace(lists.host, patience=0.1), CONTROLS)
    paths = [lists.directory() / name for name in names]
    with subprocess.Popen([sys.executable, "-c", HOLD, *paths], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            with pytest.raises(ListServerError, match="locked"):
                impatient.unsubscribe(LIST, [ANN])
            assert lists.subscribed() == {ANN: "normal", BOB: "normal"}
        finally:
            holder.kill()
    impatient.unsubscribe(LIST, [ANN])
    assert files(lists.directory() / "subscribers.d") == {"b": f"{BOB}\n"}


def test_reading_subscribers_does_not_let_go_of_a_lock(lists: Lists) -> None:
    """A process that closes a file loses its locks of the usual kind, even those of another thread."""
    lists.create(LIST, ANN)
    with Folder.opened(lists.directory() / "subscribers.d") as folder, folder.locked("a", 1):
        assert lists.subscribed() == {ANN: "normal"}
        taken = subprocess.run([sys.executable, "-c", TAKE, lists.directory() / "subscribers.d/a"], check=False)
        assert taken.returncode == 1


TAKE = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"


def test_a_list_goes_to_an_archive_on_another_file_system(lists: Lists) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        assert Path(memory).stat().st_dev != lists.host.spool.stat().st_dev
        lists.create(LIST, ANN, BOB)
        lists.post(ANN)
        post = lists.directory() / "archive/1"
        os.utime(post, (1_000_000_000, 1_000_000_000))
        before = files(lists.directory())
        archive = Path(memory) / "deep/archive"
        server = NativeLists(replace(lists.host, archive=archive), CONTROLS)
        server.remove(LIST, is_kept=True)
        (kept,) = (archive / "lists.test").iterdir()
        assert kept.name.startswith("news-20")
        assert files(kept) == before
        assert (kept / "archive/1").stat().st_mtime == 1_000_000_000
        owner = OWNER if os.geteuid() == 0 else os.geteuid()
        assert {path.stat().st_uid for path in [archive, *archive.rglob("*")]} == {owner}
    assert not (lists.host.spool / "lists.test").exists()


def test_lists_of_one_name_are_kept_beside_each_other(lists: Lists) -> None:
    for subscriber in (ANN, BOB, CARL):
        lists.create(LIST, subscriber)
        lists.server.remove(LIST, is_kept=True)
        lists.server.remove(LIST, is_kept=True)
    kept = [files(path / "subscribers.d") for path in (lists.host.archive / "lists.test").iterdir()]
    assert sorted(map(str, kept)) == sorted(str({mail[0]: f"{mail}\n"}) for mail in (ANN, BOB, CARL))


def test_maintenance_takes_nothing_else_for_a_list(lists: Lists) -> None:
    lists.create(LIST, ANN)
    before = files(lists.host.spool / ".postreeve")
    for directory in (lists.host.spool, lists.host.spool / ".postreeve"):
        command = lists.words("mlmmj-maintd", "-F")
        subprocess.run([*command[: command.index("-L")], "-F", "-d", directory], check=True, capture_output=True)
    assert files(lists.host.spool / ".postreeve") == before
    assert lists.subscribed() == {ANN: "normal"}


def test_a_second_confirmation_takes_the_place_of_the_first(lists: Lists) -> None:
    lists.create()
    first, second = (_asked(lists, version) for version in ("normal", "digest"))
    lists.answer(EVE, first)
    assert lists.subscribed() == {}
    assert set(lists.answer(EVE, second)) == {EVE}
    assert lists.subscribed() == {EVE: "digest"}


def _asked(lists: Lists, version: Version) -> Mail:
    lists.server.subscribe(LIST, [EVE], version, has_to_confirm=True)
    return lists.mails.taken()[EVE]


def test_who_is_subscribed_already_is_not_asked_again(lists: Lists) -> None:
    lists.create(LIST, ANN, BOB)
    lists.server.subscribe(LIST, [ANN, EVE], "normal", has_to_confirm=True)
    lists.server.subscribe(LIST, [BOB], "digest", has_to_confirm=True)
    assert set(lists.mails.taken()) == {EVE}
    assert lists.subscribed() == {ANN: "normal", BOB: "digest"}


def test_confirmation_comes_before_approval(lists: Lists) -> None:
    lists.create(LIST, ANN, moderate_subscription="yes", owner=BOB)
    assert set(lists.answer(EVE, _asked(lists, "normal"))) == {BOB, EVE}
    assert EVE not in lists.subscribed()


def test_confirmations_wait_while_there_is_no_mail_server(lists: Lists) -> None:
    lists.create()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    smtp_port = lists.directory() / "control/smtpport"
    at_work = smtp_port.read_text()
    smtp_port.write_text(f"{port}\n")
    lists.server.subscribe(LIST, [EVE], "normal", has_to_confirm=True)
    assert lists.mails.taken() == {}
    smtp_port.write_text(at_work)
    lists.run("mlmmj-maintd", "-F")
    lists.answer(EVE, lists.mails.taken()[EVE])
    assert lists.subscribed() == {EVE: "normal"}


@pytest.mark.parametrize("program", ["#!/bin/sh\nexit 3\n", "#!/bin/sh\nexit 0\n", ""])
def test_mlmmj_has_to_ask_in_fact(lists: Lists, program: str) -> None:
    lists.create(LIST, ANN)
    programs = lists.host.spool.parent / "programs"
    programs.mkdir()
    if program:
        (programs / "mlmmj-sub").write_text(program)
        (programs / "mlmmj-sub").chmod(0o755)
    broken = NativeLists(replace(lists.host, programs=programs), CONTROLS)
    with pytest.raises(ListServerError):
        broken.subscribe(LIST, [EVE], "normal", has_to_confirm=True)
    broken.subscribe(LIST, [EVE], "normal", has_to_confirm=False)


def test_texts_are_copied_or_mlmmjs_own(lists: Lists) -> None:
    lists.create()
    texts = lists.host.texts
    assert files(lists.directory() / "text").keys() == {file.name for file in texts.iterdir()}
    server = NativeLists(replace(lists.host, texts=Path("/nowhere")), CONTROLS)
    server.create("bare@lists.test", lists.server.settings(LIST) or {})
    assert files(lists.directory("bare@lists.test") / "text") == {}
    assert set(lists.command(EVE, "subscribe", "bare@lists.test")) == {EVE}


def test_a_spool_that_is_not_there_is_made(lists: Lists) -> None:
    host = Host(lists.host.spool / "deep/spool", lists.host.archive, programs=PROGRAMS)
    server = NativeLists(host, CONTROLS)
    assert server.settings(LIST) is None
    server.remove(LIST, is_kept=False)
    server.create(LIST, {"owner": (ANN,)})
    assert (server.settings(LIST) or {})["owner"] == (ANN,)
    assert host.spool.stat().st_uid == lists.host.spool.stat().st_uid
