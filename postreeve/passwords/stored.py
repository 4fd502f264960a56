"""The forms in which Dovecot reads a stored password; each can compare itself with a plain one."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Protocol

import argon2.low_level
import legacycrypt  # type: ignore[import-untyped]
from argon2.exceptions import Argon2Error

from postreeve.passwords.md import md4, md5_state


class Stored(Protocol):
    """A stored password that has been understood."""

    is_slow: ClassVar[bool]

    def matches(self, plain: bytes, user: str, /) -> bool:
        """Compare in constant time; a part of a password never counts as the whole."""


def read(text: str) -> Stored | None:
    """Understand the text of a stored password, or return None where Dovecot would not.

    Without a prefix it is a crypt format, as in iRedMail's `default_pass_scheme = CRYPT`. Hashes that would
    take more than a few seconds or a gigabyte to check are not understood either.
    """
    name, written = text[1:].split("}", 1) if text.startswith("{") and "}" in text else ("CRYPT", text)
    if not name.isascii():  # some other letters become ASCII ones in upper case
        return None
    name, _, suffix = name.upper().partition(".")
    if name not in _SCHEMES or suffix not in _DECODERS or not written:
        return None
    try:
        return _SCHEMES[name].read(written.encode(), suffix)
    except ValueError:
        return None


@dataclass(frozen=True)
class Plain:
    """The password itself."""

    is_slow: ClassVar[bool] = False
    password: bytes

    def matches(self, plain: bytes, _user: str, /) -> bool:
        return hmac.compare_digest(plain, self.password)


@dataclass(frozen=True)
class Digest:
    """One round of a hash function over the password and, in some schemes, a salt."""

    is_slow: ClassVar[bool] = False
    function: str
    digest: bytes
    salt: bytes = b""

    def matches(self, plain: bytes, _user: str, /) -> bool:
        return hmac.compare_digest(_hashed(self.function, plain + self.salt), self.digest)


@dataclass(frozen=True)
class DigestMd5:
    """What the SASL mechanism DIGEST-MD5 needs: a digest of user name, realm and password."""

    is_slow: ClassVar[bool] = False
    digest: bytes

    def matches(self, plain: bytes, user: str, /) -> bool:
        name, _, realm = user.partition("@")
        expected = _hashed("md5", f"{name}:{realm}:".encode(errors="replace") + plain)
        return bool(user) and hmac.compare_digest(expected, self.digest)


@dataclass(frozen=True)
class CramMd5:
    """What the SASL mechanism CRAM-MD5 needs: the outer and the inner state of HMAC-MD5 after its key."""

    is_slow: ClassVar[bool] = False
    states: bytes

    def matches(self, plain: bytes, _user: str, /) -> bool:
        key = (plain if len(plain) <= 64 else _hashed("md5", plain)).ljust(64, b"\0")
        outer, inner = (md5_state(bytes(byte ^ pad for byte in key)) for pad in (0x5C, 0x36))
        return hmac.compare_digest(outer + inner, self.states)


@dataclass(frozen=True)
class Otp:
    """The last of a chain of one-time passwords (RFC 2289); Dovecot compares plain passwords with it, too."""

    is_slow: ClassVar[bool] = True
    function: str
    count: int
    seed: bytes
    last: bytes

    def matches(self, plain: bytes, _user: str, /) -> bool:
        link = self.seed.lower() + plain
        for _ in range(self.count + 1):
            link = self._folded(_hashed(self.function, link))
        return hmac.compare_digest(link, self.last)

    def _folded(self, digest: bytes) -> bytes:
        if self.function != "sha1":
            return _xor(digest[:8], digest[8:])
        folded = _xor(_xor(digest[:8], digest[8:16]), digest[16:].ljust(8, b"\0"))
        return folded[3::-1] + folded[:3:-1]


@dataclass(frozen=True)
class Pbkdf2:
    """PBKDF2 with SHA-1, as Dovecot writes it."""

    is_slow: ClassVar[bool] = True
    salt: bytes
    rounds: int
    derived: bytes

    def matches(self, plain: bytes, _user: str, /) -> bool:
        return hmac.compare_digest(hashlib.pbkdf2_hmac("sha1", plain, self.salt, self.rounds), self.derived)


@dataclass(frozen=True)
class Scram:
    """What the SASL mechanisms SCRAM need (RFC 5802)."""

    is_slow: ClassVar[bool] = True
    function: str
    rounds: int
    salt: bytes
    stored_key: bytes

    def matches(self, plain: bytes, _user: str, /) -> bool:
        salted = hashlib.pbkdf2_hmac(self.function, plain, self.salt, self.rounds)
        client_key = hmac.digest(salted, b"Client Key", self.function)
        return hmac.compare_digest(_hashed(self.function, client_key), self.stored_key)


@dataclass(frozen=True)
class Argon2:
    """Argon2i or Argon2id in its usual text."""

    is_slow: ClassVar[bool] = True
    text: bytes
    kind: argon2.low_level.Type

    def matches(self, plain: bytes, _user: str, /) -> bool:
        try:
            return argon2.low_level.verify_secret(self.text, plain, self.kind)
        except Argon2Error:
            return False


@dataclass(frozen=True)
class Crypt:
    """One of the formats of libcrypt."""

    is_slow: ClassVar[bool] = True
    text: str
    longest: int
    """Bytes of a password that the format looks at; longer ones must not be equal to their beginnings."""

    def matches(self, plain: bytes, _user: str, /) -> bool:
        if len(plain) > self.longest:
            return False
        return hmac.compare_digest(legacycrypt.crypt(plain.decode(), self.text) or "", self.text)


LONGEST_CRYPT = 511
"""Bytes that libcrypt takes at all, CRYPT_MAX_PASSPHRASE_SIZE in its header."""
LONGEST_BCRYPT = 72

_H = rb"[./0-9A-Za-z]"
_SALT = rb"[^\s$:;*!\\]"
# Each format with the costs we are ready to pay. `(?!rounds=)` keeps costs out of the salt.
_CRYPT_FORMATS = (
    (rb"\$2[abxy]\$(0[4-9]|1[0-6])\$" + _H + rb"{53}", LONGEST_BCRYPT),
    (rb"\$g?y\$j[5-9A-F][5T]\$" + _H + rb"{0,86}\$" + _H + rb"{43}", LONGEST_CRYPT),
    (rb"\$7\$[./0-9A-G]U\.{4}/\.{4}" + _H + rb"{0,86}\$" + _H + rb"{43}", LONGEST_CRYPT),
    (rb"\$6\$(rounds=[1-9][0-9]{3,6}\$)?(?!rounds=)" + _SALT + rb"{0,16}\$" + _H + rb"{86}", LONGEST_CRYPT),
    (rb"\$5\$(rounds=[1-9][0-9]{3,6}\$)?(?!rounds=)" + _SALT + rb"{0,16}\$" + _H + rb"{43}", LONGEST_CRYPT),
    (rb"\$sha1\$[1-9][0-9]{0,5}\$" + _H + rb"{1,64}\$" + _H + rb"{28}", LONGEST_CRYPT),
    (rb"\$md5(,rounds=[1-9][0-9]{0,5})?\$" + _H + rb"{0,16}\${1,2}" + _H + rb"{22}", LONGEST_CRYPT),
    (rb"\$1\$" + _SALT + rb"{0,8}\$" + _H + rb"{22}", LONGEST_CRYPT),
    (rb"\$3\$\$[0-9a-f]{32}", LONGEST_CRYPT),
    (rb"_" + _H + rb"{19}", LONGEST_CRYPT),
    (_H + rb"{13}", 8),
    (_H + rb"{13}(" + _H + rb"{11}){1,15}", 128),
)
_B64 = rb"[A-Za-z0-9+/]"
_ARGON2 = re.compile(
    rb"\$argon2(id?)\$v=19\$m=([1-9]\d{0,6}),t=([1-9]\d{0,3}),p=([1-9]\d?)\$("
    + _B64 + rb"{11,64})\$(" + _B64 + rb"{22,128})"
)  # fmt: skip
_MOST_KIBIBYTES = 2**20
_MOST_KIBIBYTE_PASSES = 2**22
_PBKDF2 = re.compile(rb"\$1\$([^$]*)\$([1-9]\d{0,6})\$([0-9A-Fa-f]{40})")
_SCRAM = re.compile(rb"([1-9]\d{0,6}),([^,]+),([^,]+),([^,]+)")
_OTP = re.compile(rb"(md4|md5|sha1) (\d{1,4}) ([0-9A-Za-z]{1,16}) ([0-9A-Fa-f]{16})")


def _plain_up_to(raw: bytes) -> Plain | None:
    found = re.fullmatch(rb"(\d{1,6})-(.+)", raw)
    return Plain(found[2]) if found else None


def _salted(raw: bytes, function: str, size: int) -> Digest | None:
    return Digest(function, raw[:size], raw[size:]) if len(raw) > size else None


def _crypt(raw: bytes) -> Crypt | None:
    for pattern, longest in _CRYPT_FORMATS:
        if raw.isascii() and re.fullmatch(pattern, raw):
            return Crypt(raw.decode(), longest)
    return None


def _md5_crypt(raw: bytes) -> Crypt | None:
    return _crypt(raw) if raw.startswith(b"$1$") else None


def _md5(raw: bytes) -> Stored | None:
    return _md5_crypt(raw) or _SCHEMES["PLAIN-MD5"].read(raw, "")


def _argon2(raw: bytes) -> Argon2 | None:
    if not (found := _ARGON2.fullmatch(raw)):
        return None
    memory, passes, lanes = (int(found[group]) for group in (2, 3, 4))
    for group in (5, 6):
        base64.b64decode(found[group] + b"=" * (-len(found[group]) % 4), validate=True)
    if not 8 * lanes <= memory <= _MOST_KIBIBYTES or memory * passes > _MOST_KIBIBYTE_PASSES:
        return None
    return Argon2(raw, argon2.low_level.Type.ID if found[1] == b"id" else argon2.low_level.Type.I)


def _pbkdf2(raw: bytes) -> Pbkdf2 | None:
    found = _PBKDF2.fullmatch(raw)
    return Pbkdf2(found[1], int(found[2]), binascii.unhexlify(found[3])) if found else None


def _scram(raw: bytes, function: str, size: int) -> Scram | None:
    if not (found := _SCRAM.fullmatch(raw)):
        return None
    salt, stored_key, server_key = (base64.b64decode(found[group], validate=True) for group in (2, 3, 4))
    if not len(stored_key) == len(server_key) == size:
        return None
    return Scram(function, int(found[1]), salt, stored_key)


def _otp(raw: bytes) -> Otp | None:
    found = _OTP.fullmatch(raw)
    return Otp(found[1].decode(), int(found[2]), found[3], binascii.unhexlify(found[4])) if found else None


def _hashed(function: str, message: bytes) -> bytes:
    # OpenSSL 3 offers MD4 only where its legacy provider is switched on.
    if function == "md4":
        return md4(message)
    return hashlib.new(function, message, usedforsecurity=False).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "HEX": binascii.unhexlify,
    "B64": partial(base64.b64decode, validate=True),
    "BASE64": partial(base64.b64decode, validate=True),
}


@dataclass(frozen=True)
class _Scheme:
    understand: Callable[[bytes], Stored | None]
    encoding: str = ""
    size: int = 0
    """Bytes of the decoded text; such schemes are read in base64 and hexadecimal alike."""

    def read(self, written: bytes, suffix: str) -> Stored | None:
        guessed = "HEX" if self.size and len(written) == 2 * self.size else self.encoding
        raw = _DECODERS[suffix or guessed](written)
        return self.understand(raw) if self.size in (0, len(raw)) else None


def _unsalted(function: str, size: int) -> _Scheme:
    return _Scheme(partial(Digest, function), "B64", size)


# The list of `doveadm pw -l` of Dovecot 2.3.19 on Debian 12, with what each name means there.
_SCHEMES = {
    **dict.fromkeys(("PLAIN", "CLEAR", "CLEARTEXT"), _Scheme(Plain)),
    "PLAIN-TRUNC": _Scheme(_plain_up_to),
    **dict.fromkeys(
        ("CRYPT", "DES-CRYPT", "BLF-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT"), _Scheme(_crypt)
    ),
    "MD5-CRYPT": _Scheme(_md5_crypt),
    "MD5": _Scheme(_md5),
    "PLAIN-MD4": _unsalted("md4", 16),
    **dict.fromkeys(("PLAIN-MD5", "LDAP-MD5"), _unsalted("md5", 16)),
    **dict.fromkeys(("SHA", "SHA1"), _unsalted("sha1", 20)),
    "SHA256": _unsalted("sha256", 32),
    "SHA512": _unsalted("sha512", 64),
    "SMD5": _Scheme(partial(_salted, function="md5", size=16), "B64"),
    "SSHA": _Scheme(partial(_salted, function="sha1", size=20), "B64"),
    "SSHA256": _Scheme(partial(_salted, function="sha256", size=32), "B64"),
    "SSHA512": _Scheme(partial(_salted, function="sha512", size=64), "B64"),
    "PBKDF2": _Scheme(_pbkdf2),
    **dict.fromkeys(("ARGON2I", "ARGON2ID"), _Scheme(_argon2)),
    **dict.fromkeys(("CRAM-MD5", "HMAC-MD5"), _Scheme(CramMd5, "B64", 32)),
    "DIGEST-MD5": _Scheme(DigestMd5, "B64", 16),
    "SCRAM-SHA-1": _Scheme(partial(_scram, function="sha1", size=20)),
    "SCRAM-SHA-256": _Scheme(partial(_scram, function="sha256", size=32)),
    "OTP": _Scheme(_otp),
}  # fmt: skip
