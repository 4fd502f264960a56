"""What a new password must look like."""

import secrets
import string
from dataclasses import dataclass

from postreeve.errors import Code, refuse

_GENERATED_LENGTH = 20
_PLAIN_SPECIALS = "-_.+:=,@%/"
"""Special characters that survive a shell, a form and a telephone."""


@dataclass(frozen=True)
class Policy:
    """The rules for new passwords of one domain, or of the whole site."""

    min_length: int = 8
    max_length: int = 0
    """0 is unlimited."""
    has_letter: bool = True
    has_uppercase: bool = True
    has_number: bool = True
    has_special_char: bool = True
    special_characters: str = "#$%&*+-,.:;!=<>'\"?@[]/(){}_`~^\\"


def check_policy(plain: str, policy: Policy) -> None:
    """Refuse a password that breaks the policy, with the codes of all broken rules together."""
    if not plain:
        refuse(Code.PW_EMPTY)
    broken = {
        Code.PW_NON_ASCII: not (plain.isascii() and plain.isprintable()),
        Code.PW_SHORTER_THAN_MIN_LENGTH: len(plain) < policy.min_length,
        Code.PW_GREATER_THAN_MAX_LENGTH: 0 < policy.max_length < len(plain),
        Code.PW_NO_LETTER: policy.has_letter and _has_none(plain, string.ascii_letters),
        Code.PW_NO_UPPERCASE: policy.has_uppercase and _has_none(plain, string.ascii_uppercase),
        Code.PW_NO_DIGIT_NUMBER: policy.has_number and _has_none(plain, string.digits),
        Code.PW_NO_SPECIAL_CHAR: policy.has_special_char and _has_none(plain, policy.special_characters),
    }
    if codes := [code for code, is_broken in broken.items() if is_broken]:
        refuse(*codes)


def generated(policy: Policy) -> str:
    """Return a random password with every class of characters, as long as the policy allows."""
    special = set(policy.special_characters)
    specials = sorted(special.intersection(_PLAIN_SPECIALS) or special) or ["-"]
    classes = [string.ascii_lowercase, string.ascii_uppercase, string.digits, specials]
    length = max(_GENERATED_LENGTH, policy.min_length)
    length = min(length, policy.max_length or length)
    one_of_each = [secrets.choice(characters) for characters in classes]
    others = [secrets.choice(string.ascii_letters + string.digits) for _ in range(length - len(classes))]
    characters = (one_of_each + others)[:length]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def _has_none(plain: str, characters: str) -> bool:
    return set(plain).isdisjoint(characters)
