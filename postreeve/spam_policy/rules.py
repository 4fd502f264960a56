"""How Amavisd reads the columns of a policy, and how its values are told to people.

Two columns decide about each kind of unwanted mail: `…_lover` whether it is delivered, `…_quarantine_to` whether a copy
is kept. Neither of both loses the mail without a word, so both are always written together.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from postreeve.fields import AnyField
from postreeve.shapes import Column
from postreeve.spam_policy.fields import (
    BANNED_RULES,
    INSERT_HEADERS,
    PREFIX_SUBJECT,
    QUARANTINE_BAD_HEADER,
    QUARANTINE_BANNED,
    QUARANTINE_SPAM,
    QUARANTINE_VIRUS,
    SPAM_POLICY,
    SPAM_SCORE,
)
from postreeve.spam_policy.store import SpamPolicy, Stored

QUARANTINES: Mapping[str, tuple[str, str, str]] = {
    QUARANTINE_SPAM.name: ("spam_lover", "spam_quarantine_to", "spam-quarantine"),
    QUARANTINE_VIRUS.name: ("virus_lover", "virus_quarantine_to", "virus-quarantine"),
    QUARANTINE_BANNED.name: ("banned_files_lover", "banned_quarantine_to", "banned-quarantine"),
    QUARANTINE_BAD_HEADER.name: ("bad_header_lover", "bad_header_quarantine_to", "bad-header-quarantine"),
}
"""For each parameter the columns that say whether mail is delivered and whether a copy is kept, and its label."""
ALWAYS = -999.0
"""The score from which headers are inserted, when they always are."""
CONFIGURED_TAG_LEVEL = 2.0
"""The same score in iRedMail's configuration of Amavisd."""


def is_yes(stored: object) -> bool:
    """Read a truth value as Amavisd does: N, F, 0 and a blank are no."""
    return str(stored)[:1] not in set("NnFf 0\0") and stored != ""


def shown(columns: Stored) -> SpamPolicy:
    """Return what a policy says, under the names of the parameters."""
    values = {of.name: value_of(of, columns) for of in SPAM_POLICY}
    return cast("SpamPolicy", {name: value for name, value in values.items() if value is not None})


def value_of(of: AnyField, columns: Stored) -> str | float | None:
    """Return one parameter's value in a policy; None if it says nothing about that."""
    if of.name in QUARANTINES:
        lover, label, _ = (columns.get(name) for name in QUARANTINES[of.name])
        return None if lover is None and label is None else _yes_no(not (lover and is_yes(lover)) and label != "")
    if of is SPAM_SCORE:
        score = columns.get("spam_tag2_level")
        return None if score is None else round(float(score), 3)  # as it was written: the columns hold four bytes
    if of is PREFIX_SUBJECT:
        return _of(columns.get("spam_subject_tag2"), bool)
    if of is INSERT_HEADERS:
        return _of(columns.get("spam_tag_level"), lambda level: level <= ALWAYS)
    assert isinstance(of.sql, Column)
    stored = columns.get(of.sql.name)
    return stored if of is BANNED_RULES else _of(stored, is_yes)


def _of(stored: Any, reading: Callable[[Any], bool]) -> str | None:  # noqa: ANN401 - text or number, as the column has it
    return None if stored is None else _yes_no(reading(stored))


def _yes_no(value: bool) -> str:  # noqa: FBT001 - the value itself
    return "yes" if value else "no"
