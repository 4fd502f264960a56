"""Entries as they were read, and edits that wait for the end of a work."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

Value = str | bytes | int
Values = Value | Iterable[Value] | None
"""What an attribute is to hold; an empty text is no value, as the directory has none."""


class Entry:
    """An entry as it was read. Names of attributes match in any case, as everything in a directory does."""

    def __init__(self, dn: str, attributes: Mapping[str, list[bytes]]) -> None:
        self.dn = dn
        self.attributes = attributes
        self._found = {name.lower(): values for name, values in attributes.items()}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._found

    def octets(self, name: str) -> list[bytes]:
        """Return the values as they are."""
        return self._found.get(name.lower(), [])

    def texts(self, name: str) -> list[str]:
        """Return the values as texts; octets that are no UTF-8 survive, and are written back as they were."""
        return [value.decode("utf-8", "surrogateescape") for value in self.octets(name)]

    def text(self, name: str, default: str = "") -> str:
        """Return the first value as a text."""
        return next(iter(self.texts(name)), default)

    def number(self, name: str, default: int = 0) -> int:
        """Return the first value as a number; what is none counts as absent."""
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def has(self, name: str, value: str) -> bool:
        """Tell whether one of the values is this, in any case."""
        return value.lower() in (text.lower() for text in self.texts(name))

    def shown(self) -> dict[str, list[str]]:
        """Return all attributes for an answer: lists of texts, with base64 for values that are no UTF-8."""
        return {name: [_shown(value) for value in values] for name, values in self.attributes.items()}


class Edit:
    """What changes in one entry; it is sent as one modification, which may be repeated."""

    def __init__(self, dn: str) -> None:
        self.dn = dn
        self.stamp = ""
        """The entry's `entryCSN` when it was locked: the modification fails if it has another by then."""
        self._changes: dict[str, _Change] = {}

    def replace(self, name: str, values: Values) -> Self:
        """Let an attribute hold exactly these values; none of them removes it."""
        self._changes[name] = _Change(dict.fromkeys(octets_of(values)))
        return self

    def insert(self, name: str, values: Values) -> Self:
        """Let an attribute hold these values besides its others; those that it holds already do not matter."""
        change = self._changes.setdefault(name, _Change(None))
        for value in octets_of(values):
            change.insert(value)
        return self

    def remove(self, name: str, values: Values) -> Self:
        """Take values from an attribute; those that it does not hold do not matter."""
        change = self._changes.setdefault(name, _Change(None))
        for value in octets_of(values):
            change.remove(value)
        return self

    def changes(self) -> Iterator[tuple[str, "_Change"]]:
        """Yield what is to change, by attribute, in the order in which it was said."""
        yield from self._changes.items()


class _Change:
    """What becomes of one attribute: it is replaced, or some values come and some go."""

    def __init__(self, replaced: dict[bytes, None] | None) -> None:
        self.replaced = replaced
        self.inserted: dict[bytes, None] = {}
        self.removed: dict[bytes, None] = {}

    def insert(self, value: bytes) -> None:
        if self.replaced is not None:
            self.replaced[value] = None
        else:
            self.inserted[value] = None
            _discard(self.removed, value)

    def remove(self, value: bytes) -> None:
        if self.replaced is not None:
            _discard(self.replaced, value)
        else:
            self.removed[value] = None
            _discard(self.inserted, value)


def _discard(values: dict[bytes, None], value: bytes) -> None:
    for held in [held for held in values if held.lower() == value.lower()]:
        del values[held]


def octets_of(values: Values) -> list[bytes]:
    """Return values as a directory takes them."""
    if values is None:
        return []
    several = [values] if isinstance(values, str | bytes | int) else list(values)
    return [octets for value in several if (octets := _octets(value))]


def _octets(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def _shown(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
