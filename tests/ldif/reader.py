"""A reader of LDIF that shares nothing with the writer."""

import base64
import re

Read = tuple[str, dict[str, list[bytes]]]


def read(text: str) -> list[Read]:
    """Return the entries of a text."""
    unfolded = text.replace("\n ", "")
    return [_entry(block.splitlines()) for block in unfolded.split("\n\n") if block]


def _entry(lines: list[str]) -> Read:
    (first, dn), *others = map(_value, lines)
    assert first == "dn"
    found: dict[str, list[bytes]] = {}
    for name, value in others:
        found.setdefault(name, []).append(value)
    return dn.decode(), found


def _value(line: str) -> tuple[str, bytes]:
    match = re.fullmatch(r"([\w;-]+):(:)?(?: (.*))?", line)
    assert match, line
    text = match[3] or ""
    return match[1], base64.b64decode(text, validate=True) if match[2] else text.encode()
