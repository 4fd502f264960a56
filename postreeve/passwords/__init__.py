"""Passwords: hashing new ones, checking them against whatever Dovecot reads, and the policy."""

import base64
import hashlib
import os
import secrets
import string
import threading
from collections.abc import Callable
from contextlib import nullcontext

import argon2.low_level
import legacycrypt  # type: ignore[import-untyped]

from postreeve.errors import Code, refuse
from postreeve.passwords.policy import Policy, check_policy, generated
from postreeve.passwords.stored import LONGEST_BCRYPT, LONGEST_CRYPT, read
from postreeve.settings import Scheme

__all__ = [
    "Policy", "accept_hash", "check_policy", "generated", "hash_password", "is_slow", "verify_password", "waste_time",
]  # fmt: skip

LONGEST_STORED = 255
"""Characters of the columns `password`."""

BCRYPT_COST = 10
PBKDF2_ROUNDS = 5000
ARGON2_KIBIBYTES, ARGON2_PASSES, ARGON2_LANES = 64 * 1024, 3, 1

_slots = threading.BoundedSemaphore(os.cpu_count() or 1)
"""Slow hashing at the same time, as many as cores: a burst of logins leaves memory and time to others."""


def hash_password(plain: str, scheme: Scheme) -> str:
    """Return the text to store for a new password, with the prefix of its scheme.

    Refuses what the scheme could not tell from another password: nothing, NUL, and what bcrypt and libcrypt
    would cut off.
    """
    if not plain:
        refuse(Code.PW_EMPTY)
    if (password := _bytes(plain)) is None:
        refuse(Code.PW_NON_ASCII)
    if len(password) > _LONGEST.get(scheme, len(password)):
        refuse(Code.PW_GREATER_THAN_MAX_LENGTH)
    with _slots if is_slow(scheme) else nullcontext():
        return _MAKERS[scheme](password)


def is_slow(scheme: Scheme) -> bool:
    """Tell whether hashing takes its time, as it should."""
    return scheme not in {"SSHA", "SSHA512"}


def verify_password(plain: str, stored: str, user: str = "") -> bool:
    """Tell whether the password is the stored one; whatever is wrong with either, the answer is no.

    Only DIGEST-MD5 needs the user's address.
    """
    password = _bytes(plain)
    if not password or (understood := read(stored)) is None:
        return False
    with _slots if understood.is_slow else nullcontext():
        return understood.matches(password, user)


def accept_hash(text: str) -> str:
    """Return the hash to store for a `password_hash`; refuse what Dovecot would not read.

    `{BCRYPT}`, which the panel accepts and Dovecot does not know, becomes `{CRYPT}`.
    """
    if text[:8].upper() == "{BCRYPT}":
        text = "{CRYPT}" + text[8:]
    if not text.startswith("{") or not text.isprintable() or len(text) > LONGEST_STORED or read(text) is None:
        refuse(Code.INVALID_PASSWORD_SCHEME, hint="password_hash")
    return text


def waste_time(plain: str, scheme: Scheme) -> None:
    """Do the work of `verify_password` for an account that does not exist."""
    verify_password(plain, _NOBODY[scheme])


def _bytes(plain: str) -> bytes | None:
    if "\0" in plain:
        return None
    try:
        return plain.encode()
    except UnicodeEncodeError:
        return None


def _ssha(password: bytes) -> str:
    salt = os.urandom(8)
    return "{SSHA}" + _base64(hashlib.sha1(password + salt, usedforsecurity=False).digest() + salt)


def _ssha512(password: bytes) -> str:
    salt = os.urandom(8)
    return "{SSHA512}" + _base64(hashlib.sha512(password + salt).digest() + salt)


def _bcrypt(password: bytes) -> str:
    # Every Dovecot 2.3 and 2.4 on a libcrypt with bcrypt reads this prefix, and it is what iRedAdmin writes.
    return "{CRYPT}" + _crypted(password, f"$2b${BCRYPT_COST:02}${_salt(21)}.")


def _sha512_crypt(password: bytes) -> str:
    return "{SHA512-CRYPT}" + _crypted(password, f"$6${_salt(16)}")


def _argon2id(password: bytes) -> str:
    made = argon2.low_level.hash_secret(
        password, os.urandom(16), ARGON2_PASSES, ARGON2_KIBIBYTES, ARGON2_LANES, 32, argon2.low_level.Type.ID
    )
    return "{ARGON2ID}" + made.decode()


def _pbkdf2(password: bytes) -> str:
    salt = _salt(16)
    derived = hashlib.pbkdf2_hmac("sha1", password, salt.encode(), PBKDF2_ROUNDS)
    return f"{{PBKDF2}}$1${salt}${PBKDF2_ROUNDS}${derived.hex()}"


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _salt(length: int) -> str:
    return "".join(secrets.choice("./" + string.ascii_letters + string.digits) for _ in range(length))


def _crypted(password: bytes, setting: str) -> str:
    made: str | None = legacycrypt.crypt(password.decode(), setting)
    if made is None or made.startswith("*"):
        raise RuntimeError(f"libcrypt does not know the format {setting[:4]}")
    return made


_MAKERS: dict[Scheme, Callable[[bytes], str]] = {
    "SSHA512": _ssha512,
    "SSHA": _ssha,
    "BCRYPT": _bcrypt,
    "ARGON2ID": _argon2id,
    "PBKDF2": _pbkdf2,
    "SHA512-CRYPT": _sha512_crypt,
}
_LONGEST: dict[Scheme, int] = {"BCRYPT": LONGEST_BCRYPT, "SHA512-CRYPT": LONGEST_CRYPT}
# Well-formed and of today's costs, but not made from any password.
_NOBODY: dict[Scheme, str] = {
    "SSHA512": "{SSHA512}" + _base64(bytes(72)),
    "SSHA": "{SSHA}" + _base64(bytes(28)),
    "BCRYPT": f"{{CRYPT}}$2b${BCRYPT_COST:02}${'.' * 53}",
    "ARGON2ID": "{ARGON2ID}$argon2id$v=19"
    f"$m={ARGON2_KIBIBYTES},t={ARGON2_PASSES},p={ARGON2_LANES}${'A' * 22}${'A' * 43}",
    "PBKDF2": f"{{PBKDF2}}$1${'.' * 16}${PBKDF2_ROUNDS}${'0' * 40}",
    "SHA512-CRYPT": f"{{SHA512-CRYPT}}$6${'.' * 16}${'.' * 86}",
}
