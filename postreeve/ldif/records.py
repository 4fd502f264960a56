"""Entries as LDIF writes them down (RFC 2849)."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LINE = 76
"""Octets of a line; what is longer goes on in the next one after a blank."""
_SAFE = re.compile(rb"[!-9;=-~]([ -~]*[!-~])?")
"""What stands as it is: printable, without blanks at the ends, with no sign at the beginning that means something."""


@dataclass(frozen=True)
class Record:
    """An entry: its name, and its attributes in the order in which the server has them."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]

    def values(self, name: str) -> Sequence[bytes]:
        """Return the values of an attribute, which is named in any case."""
        return next((values for known, values in self.attributes.items() if known.lower() == name.lower()), ())

    @property
    def is_catch_all(self) -> bool:
        """Tell whether it is the account that gets what nobody has: its address has no local part."""
        return any(value.startswith(b"@") for value in self.values("mail"))

    def is_a(self, object_class: str) -> bool:
        """Tell whether it is of a class."""
        return object_class.lower().encode() in (value.lower() for value in self.values("objectClass"))

    def __str__(self) -> str:
        """Return its lines, with an empty one at the end."""
        return "".join(f"{line}\n" for line in self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from _line("dn", self.dn.encode("utf-8", "surrogateescape"))
        for name, values in self.attributes.items():
            for value in values:
                yield from _line(name, value)


def _line(name: str, value: bytes) -> Iterator[str]:
    """Yield one value on as many lines as it needs."""
    text = f"{name}:"
    if value:
        text += f" {value.decode()}" if _SAFE.fullmatch(value) else f": {b64encode(value).decode()}"
    yield text[:LINE]
    for start in range(LINE, len(text), LINE - 1):
        yield f" {text[start : start + LINE - 1]}"
