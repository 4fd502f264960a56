"""Passwords as a directory keeps them: slapd compares them when Dovecot, Roundcube or SOGo log in as the user.

slapd knows fewer schemes than Dovecot, and some under other names.
"""

import base64

from postreeve.errors import Code, refuse
from postreeve.passwords import hash_password
from postreeve.passwords.stored import Crypt, Digest, Plain, Stored, read
from postreeve.settings import Scheme

SCHEMES: tuple[Scheme, ...] = ("SSHA512", "SSHA", "BCRYPT", "SHA512-CRYPT")
"""The schemes of new hashes with which a user can log in; SSHA512 needs slapd's module `pw-sha2`."""
_DIGESTS = {"md5": ("MD5", "SMD5"), "sha1": ("SHA", "SSHA"), "sha256": ("SHA256", "SSHA256"),
            "sha512": ("SHA512", "SSHA512")}  # fmt: skip
"""slapd's names of hash functions, without and with a salt."""


def bindable(text: str) -> str:
    """Return a stored password in a form that slapd compares; `INVALID_PASSWORD_SCHEME` if there is none.

    Formats of libcrypt become `{CRYPT}`, digests get slapd's name and base64, and a password in plain text, which slapd
    would take with its prefix, becomes `{SSHA}`: every slapd knows that.
    """
    return _as_slapd_reads(read(text)) or refuse(
        Code.INVALID_PASSWORD_SCHEME, hint="A user of the directory can not log in with this scheme."
    )


def readable(text: str) -> str:
    """Return a value of `userPassword` as Dovecot would write it: without a scheme it is plain text to slapd."""
    return text if text.startswith("{") else f"{{PLAIN}}{text}"


def _as_slapd_reads(password: Stored | None) -> str:
    match password:
        case Crypt(crypted):
            return f"{{CRYPT}}{crypted}"
        case Digest(function, digest, salt) if function in _DIGESTS:
            return f"{{{_DIGESTS[function][bool(salt)]}}}{base64.b64encode(digest + salt).decode()}"
        case Plain(plain):
            return hash_password(plain.decode(), "SSHA")
    return ""
