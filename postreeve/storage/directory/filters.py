"""Conditions of searches (RFC 4515), from values of any kind: the only place where one becomes part of a filter."""

from collections.abc import Collection
from typing import NewType

Filter = NewType("Filter", str)

ANYTHING = Filter("(objectClass=*)")
NOTHING = Filter("(|)")


def is_(object_class: str) -> Filter:
    """What is of a class, such as `mailUser`."""
    return equal("objectClass", object_class)


def equal(attribute: str, value: str | int) -> Filter:
    """What has this value."""
    return Filter(f"({attribute}={_escaped(value)})")


def among(attribute: str, values: Collection[str]) -> Filter:
    """What has one of these values; nothing, if there are none."""
    return either(*(equal(attribute, value) for value in values))


def present(attribute: str) -> Filter:
    """What has any value."""
    return Filter(f"({attribute}=*)")


def starting(attribute: str, text: str) -> Filter:
    """What has a value that starts with a text."""
    return Filter(f"({attribute}={_escaped(text)}*)")


def ending(attribute: str, text: str) -> Filter:
    """What has a value that ends with a text, such as `@ex.com`."""
    return Filter(f"({attribute}=*{_escaped(text)})")


def both(*conditions: Filter) -> Filter:
    """What meets all conditions."""
    return Filter(f"(&{''.join(conditions)})")


def either(*conditions: Filter) -> Filter:
    """What meets one of the conditions."""
    return Filter(f"(|{''.join(conditions)})")


def unless(condition: Filter) -> Filter:
    """What does not meet a condition."""
    return Filter(f"(!{condition})")


_PLAIN = frozenset(range(0x20, 0x7F)) - frozenset(b"\\*()")


def _escaped(value: str | int) -> str:
    octets = str(value).encode("utf-8", "surrogateescape")
    return "".join(chr(octet) if octet in _PLAIN else f"\\{octet:02x}" for octet in octets)
