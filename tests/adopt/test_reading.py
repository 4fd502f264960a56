"""iRedAdmin's settings file is read and never run."""

import textwrap
from pathlib import Path

import pytest

from postreeve.adopt.reading import ANY, MOST_OCTETS, Written, read
from postreeve.settings import SettingsError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.py"


def written(file: Path, text: str) -> Written:
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    return read(file)


def values(found: Written) -> dict[str, object]:
    return {name: literal.value for name, literal in found.literals.items()}


def test_literals_are_read_with_their_lines(file: Path) -> None:
    found = written(
        file,
        '''
        # -*- coding: utf-8 -*-
        """Settings."""
        from libs.default_settings import *
        backend = 'mysql'
        one = two = 1
        typed: int = -3
        clients = ['127.0.0.1',
                   u'10.0.0.0/8', ("a" "b")]
        table = {'a': (1, None), 'b': True}
        empty: str
        pass
        ''',
    )
    assert values(found) == {
        "backend": "mysql", "one": 1, "two": 1, "typed": -3, "clients": ["127.0.0.1", "10.0.0.0/8", "ab"],
        "table": {"a": (1, None), "b": True},
    }  # fmt: skip
    assert found.literals["clients"].line == 8
    assert [(unread.line, unread.name) for unread in found.unread] == [(11, "empty")]


def test_nothing_is_run(file: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    found = written(
        file,
        f"""
        __import__('pathlib').Path({str(trace)!r}).touch()
        password = open({str(trace)!r}, 'w').name
        """,
    )
    assert not trace.exists()
    assert values(found) == {}
    assert [(unread.line, unread.name, unread.reason) for unread in found.unread] == [
        (2, "", "it would have to be run"), (3, "password", "its value is computed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("size = 60 * 60", "its value is computed"),
        ("size = other", "its value is computed"),
        ("size += 1", "it adds to what stands elsewhere"),
        ("size.append(1)", "it would have to be run"),
        ("size['a'] = 1", "it would have to be run"),
        ("del size", "it would have to be run"),
        ("size, other = 1, 2", "it would have to be run"),
        ("if True:\n    size = 2", "it depends on a condition"),
        ("try:\n    size = 2\nexcept Exception:\n    pass", "it depends on a condition"),
        ("from os import size", "it imports other code"),
        ("import os as size", "it imports other code"),
        ("def size():\n    return 1", "it defines code"),
    ],
)
def test_the_last_word_about_a_name_counts_and_may_be_none(file: Path, text: str, reason: str) -> None:
    found = written(file, f"size = 1\n{text}\n")
    assert "size" not in values(found)
    assert ("size", reason) in [(unread.name, unread.reason) for unread in found.unread]
    assert values(written(file, f"size = 1\n{text}\nsize = 3\n"))["size"] == 3


def test_what_a_function_does_to_names_of_its_own_does_not_matter(file: Path) -> None:
    assert values(written(file, "size = 1\ndef f():\n    size = 2\n")) == {"size": 1}


def test_foreign_settings_that_are_imported_are_told(file: Path) -> None:
    [unread] = written(file, "from custom import *\n").unread
    assert (unread.name, unread.reason) == (ANY, "it imports other code")


@pytest.mark.parametrize(
    "text", ["from custom import *\n", "try:\n    from custom import *\nexcept ImportError:\n    pass\n"]
)
def test_what_stands_above_such_an_import_may_not_be_the_last_word(file: Path, text: str) -> None:
    found = written(file, f"above = 1\nboth = 1\n{text}both = below = 2\n").literals
    assert {name: literal.is_last for name, literal in found.items()} == {"above": False, "both": True, "below": True}


def test_secrets_of_lines_that_are_not_read_are_nowhere(file: Path) -> None:
    assert "hunter2" not in repr(written(file, "vmail_db_password = 'hunter2' + ''\n"))


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"backend = 'mysql\n", "is no Python: line 1, "),
        (b"print 'old'\n", "is no Python: line 1, "),
        (b"\xff\xfe", "is no"),
        (b"a = '\0'\n", "is no"),
        (b"a = " + b"(" * 5000 + b")" * 5000, "is no"),
        (b"#" * (MOST_OCTETS + 1), "is too large for settings."),
    ],
)
def test_what_is_no_settings_file_is_refused(file: Path, octets: bytes, words: str) -> None:
    file.write_bytes(octets)
    with pytest.raises(SettingsError, match=words):
        read(file)


def test_a_file_that_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"can not be read: No such file or directory\."):
        read(file)


# Files beside


@pytest.mark.parametrize(
    "text",
    [
        "from custom_settings import *\n",
        "from .custom_settings import *\n",
        "try:\n    from custom_settings import *\nexcept ImportError:\n    pass\n",
    ],
)
def test_what_is_imported_from_a_file_beside_is_read_and_never_run(file: Path, tmp_path: Path, text: str) -> None:
    own = f"size = 2\nclients = ['10.0.0.1']\nother = open({str(tmp_path / 'trace')!r}, 'w').name\nfrom more import *\n"
    (tmp_path / "custom_settings.py").write_text(own)
    (tmp_path / "more.py").write_text("size = 4\n")
    found = written(file, f"size = 1\nother = 1\n{text}")
    assert values(found) == {"size": 2, "clients": ["10.0.0.1"]}
    assert found.literals["clients"].line == 3
    assert [(unread.line, unread.name, unread.reason) for unread in found.unread] == [
        (3, "other", "custom_settings.py line 3: its value is computed"),
        (3, ANY, "custom_settings.py line 4: it imports other code"),
    ]
    assert [literal.is_last for literal in found.literals.values()] == [False, False]
    assert not (tmp_path / "trace").exists()
    below = written(file, f"{text}size = 3\n").literals
    assert (below["size"].value, below["size"].is_last, below["clients"].is_last) == (3, True, False)


def test_a_file_beside_may_import_first_and_say_the_last_word_itself(file: Path, tmp_path: Path) -> None:
    (tmp_path / "custom_settings.py").write_text("from more import *\nsize = 2\n")
    found = written(file, "other = 1\nfrom custom_settings import *\n").literals
    assert {name: literal.is_last for name, literal in found.items()} == {"other": False, "size": True}
