"""Settings files are written whole, for their owner alone, and never over others."""

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postreeve.adopt.files import text_of, write
from postreeve.settings import SettingsError

TEXTS = st.text(st.characters(codec="utf-8"))
SETTINGS = st.dictionaries(
    st.from_regex(r"[a-z_]{1,9}", fullmatch=True),
    TEXTS | st.integers(-(2**60), 2**60) | st.booleans() | st.lists(TEXTS)
    | st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), TEXTS | st.integers(0, 65535)),
)  # fmt: skip


@pytest.mark.slow  # a command
@given(SETTINGS)
def test_what_is_written_is_read_again(settings: dict[str, object]) -> None:
    assert tomllib.loads(text_of(settings, "A remark.")) == settings


def test_a_file_is_for_its_owner_alone_whatever_the_mask_is(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write({tmp_path / "new" / "a": "1\n", tmp_path / "b": "2\n"}, is_forced=False)
    finally:
        os.umask(before)
    for file in (tmp_path / "new" / "a", tmp_path / "b"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b", "a"]


def test_nothing_is_written_over_a_file_that_is_there_and_the_first_is_not_either(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("old")
    with pytest.raises(SettingsError, match=r"There is a file .*/b already; --force replaces it\. Nothing "):
        write({tmp_path / "a": "1", tmp_path / "b": "2"}, is_forced=False)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("b", "old")]


def test_what_is_forced_replaces_the_file_and_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "b"
    file.write_text("old")
    file.chmod(0o644)
    write({file: "2"}, is_forced=True)
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("2", 0o600)


@pytest.mark.parametrize(("before", "after"), [(0o640, 0o640), (0o600, 0o600), (0o644, 0o600), (0o660, 0o640)])
def test_what_is_forced_is_for_whom_the_file_was(tmp_path: Path, before: int, after: int) -> None:
    """A service that runs as another user than who forces it can read its settings."""
    file = tmp_path / "b"
    file.write_text("old")
    owner = (12345, 12346) if os.geteuid() == 0 else (os.geteuid(), os.getgroups()[-1])
    os.chown(file, *owner)
    file.chmod(before)
    write({file: "2"}, is_forced=True)
    status = file.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (*owner, after)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("other")
    (tmp_path / "b").symlink_to(tmp_path / "elsewhere")
    write({tmp_path / "b": "2"}, is_forced=True)
    assert (tmp_path / "elsewhere").read_text() == "other"
    assert not (tmp_path / "b").is_symlink()


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"/file/.* can not be written: Not a directory\.|File exists\."):
        write({tmp_path / "file" / "b": "2"}, is_forced=False)
