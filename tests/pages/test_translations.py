"""The catalogues of translations fit the texts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from postreeve.translations import TRANSLATED, chosen

ROOT = Path(__file__).parent.parent.parent
CATALOGUES = ROOT / "postreeve" / "web" / "locale"


def test_the_catalogues_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "tools/translations.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", TRANSLATED)
def test_a_translation_has_the_places_of_its_text(name: str) -> None:
    with (CATALOGUES / name / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, name)
    assert len(catalogue) > 600
    for message in catalogue:
        ids = _texts(message.id)
        assert not ids or (_texts(message.string) and not message.fuzzy), f"{message.id} is not translated."
        for text in _texts(message.string) if ids else ():
            assert _places(text) <= _places(" ".join(ids)), text
            assert _places(text) >= _places(ids[0]) - {"%(num)d"}, text


def _texts(given: object) -> list[str]:
    """Return a text, or those for one and for many; what is not translated is empty."""
    return [str(text) for text in (given if isinstance(given, tuple) else (given,)) if text]


def _places(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[sd]", text)) | set(re.findall(r"`[^`]+`", text))


@pytest.mark.parametrize(
    ("account", "accepted", "tag"),
    [
        ("", "", "en"),
        ("de_DE", "fr", "de"),
        ("zh_CN", "", "zh-CN"),
        ("zh_TW", "", "en"),
        ("nonsense", "fr", "en"),
        ("", "pt-BR, fr-CH;q=0.9, de;q=0.8", "fr"),
        ("", "de;q=0, es;q=0.1", "es"),
        ("", "zh-Hans-CN", "zh-CN"),
        ("", "zh-Hant-TW, de;q=0.5", "de"),
        ("", ";;q=,,*", "en"),
    ],
)
def test_a_reader_gets_the_best_language_that_there_is(account: str, accepted: str, tag: str) -> None:
    assert chosen(account, accepted).tag == tag
