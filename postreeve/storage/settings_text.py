"""The `settings` text of a domain, user or admin: `key:value;key:value;`.

What iRedMail's other programs have put there survives, whatever it is.
"""

from collections.abc import Mapping
from typing import Any

INTEGERS = frozenset({
    "default_user_quota", "max_user_quota", "min_passwd_length", "max_passwd_length", "create_max_domains",
    "create_max_users", "create_max_aliases", "create_max_lists", "create_max_quota",
})  # fmt: skip
LISTS = frozenset({
    "enabled_services", "disabled_mail_services", "default_groups", "default_mailing_lists",
    "disabled_domain_profiles", "disabled_user_profiles", "disabled_user_preferences",
})  # fmt: skip


def pieces(text: str | None) -> dict[str, str | None]:
    """Split a text into its keys and values; a piece without a colon has no value and is kept."""
    found: dict[str, str | None] = {}
    for piece in (text or "").split(";"):
        key, colon, value = piece.strip().partition(":")
        if key:
            found[key] = value if colon else None
    return found


def joined(values: Mapping[str, str | None]) -> str:
    """Return the text of keys and values, with its semicolon at the end unless it is empty."""
    return "".join(f"{key}:{value};" if value is not None else f"{key};" for key, value in values.items())


def changed(text: str | None, changes: Mapping[str, Any]) -> str:
    """Return a text with some keys changed: a list is sorted, and a value that is empty or 0 takes its key away."""
    values = pieces(text)
    for key, value in changes.items():
        if isinstance(value, list | set | frozenset):
            value = ",".join(sorted(value))  # noqa: PLW2901 - the same value in the text's own form
        if value in ("", 0, None, False):
            values.pop(key, None)
        else:
            values[key] = "yes" if value is True else str(value)
    return joined(values)


def shown(text: str | None) -> dict[str, Any]:
    """Return a text as an object: numbers where the key is numeric, lists where it is a list."""
    return {key: _typed(key, value or "") for key, value in pieces(text).items()}


def number(text: str | None, key: str) -> int:
    """Return a number of a text; 0 when it is not there or no number."""
    value = pieces(text).get(key) or ""
    return int(value) if value.removeprefix("-").isdecimal() else 0


def words(text: str | None, key: str) -> list[str]:
    """Return a list of a text."""
    return [word for part in (pieces(text).get(key) or "").split(",") if (word := part.strip())]


def _typed(key: str, value: str) -> Any:
    if key in LISTS:
        return [word for part in value.split(",") if (word := part.strip())]
    if key in INTEGERS and value.removeprefix("-").isdecimal():
        return int(value)
    return value
