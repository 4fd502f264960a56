#!/usr/bin/env python3
"""Bring the catalogues of translations up to date with the texts of the pages, of parameters and of message codes.

Texts that are new stand in them without a translation; `--check` only says whether anything would change.
"""

import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from postreeve import app  # noqa: F401 - registers all operations and pages
from postreeve.errors import Code
from postreeve.fields import AnyField
from postreeve.operations import REGISTRY
from postreeve.translations import TRANSLATED
from postreeve.web.forms import label, word_title

PACKAGE = Path(__file__).parent.parent / "postreeve"
METHODS = [("web/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {"web/templates/**.html": {"trimmed": "true", "newstyle_gettext": "false"}}
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""Dates in a catalogue would make it new each time."""


def texts() -> Iterator[str | tuple[str, str]]:
    """Yield every text that pages show, and pairs of texts for one and for many."""
    found = extract_from_dir(str(PACKAGE), METHODS, OPTIONS, KEYWORDS)
    yield from (message if isinstance(message, str) else tuple(message) for _, _, message, _, _ in found)
    yield from (code.value for code in Code)
    for of in fields():
        yield from (label(of), of.help)
        yield from (word_title(of, word) for word in of.kind.schema.get("enum", ()))
        yield from of.kind.titles.values()


@cache
def every_text() -> tuple[str | tuple[str, str], ...]:
    """Return these texts, each once and in order."""
    return tuple(sorted(set(texts()), key=lambda text: text if isinstance(text, str) else text[0]))


def fields() -> Iterator[AnyField]:
    """Yield the parameters that change something: pages have inputs for them."""
    for operation in REGISTRY.values():
        if operation.event:
            yield from operation.fields


def catalogue(language: str) -> str:
    """Return a language's catalogue as it is to be."""
    file = place(language)
    known = read_po(file.open("rb"), language) if file.exists() else Catalog(language)
    wanted = Catalog(
        language, project="Postreeve", version="", header_comment="# Postreeve's pages and mails.",
        msgid_bugs_address="", last_translator="", language_team="", creation_date=_NEVER, revision_date=_NEVER,
        fuzzy=False,
    )  # fmt: skip
    for text in every_text():
        one = text if isinstance(text, str) else text[0]
        before = known.get(one)
        wanted.add(text, before.string if before and before.pluralizable == isinstance(text, tuple) else None)
    output = io.BytesIO()
    write_po(output, wanted, width=120, no_location=True, sort_output=True, ignore_obsolete=True)
    return re.sub(r'"Generated-By: .*\n', "", output.getvalue().decode())


def place(language: str) -> Path:
    """Return the file of a language's catalogue."""
    return PACKAGE / "web" / "locale" / language / "LC_MESSAGES" / "messages.po"


def main() -> int:
    """Write the catalogues, or tell which are out of date."""
    is_check = "--check" in sys.argv[1:]
    stale = 0
    for language in TRANSLATED:
        text, file = catalogue(language), place(language)
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        sys.stdout.write(f"{file} is {'out of date' if is_check else 'written'}\n")
        if not is_check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return int(is_check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
