"""Passwords of accounts: the policy for new ones, the hash to store, and the trial of one."""

from postreeve.domains.store import Domain
from postreeve.errors import Code, refuse
from postreeve.fields import PASSWORD, Field, FieldSet
from postreeve.passwords import Policy, accept_hash, check_policy, hash_password, verify_password, waste_time
from postreeve.passwords.ahead import HashedAhead
from postreeve.settings import Settings

PLAIN_PASSWORD = Field("password", PASSWORD, "The password to try, in plain text.")
TRIAL = FieldSet("trial", PLAIN_PASSWORD)


def policy(settings: Settings, shortest: int = 0, longest: int = 0) -> Policy:
    """Return the rules for new passwords: a domain's own lengths, where they are not 0, before the site's."""
    return Policy(
        min_length=shortest or settings.min_passwd_length,
        max_length=longest or settings.max_passwd_length,
        has_letter=settings.password_has_letter,
        has_uppercase=settings.password_has_uppercase,
        has_number=settings.password_has_number,
        has_special_char=settings.password_has_special_char,
        special_characters=settings.password_special_characters,
    )


def policy_in(settings: Settings, domain: Domain | None) -> Policy:
    """Return the rules for new passwords of accounts in a domain, or in none of ours."""
    return policy(settings, domain.shortest_password, domain.longest_password) if domain else policy(settings)


def new_hash(
    settings: Settings,
    domain: Domain | None,
    plain: str | None,
    given_hash: str | None = None,
    hashed: HashedAhead | None = None,
) -> str | None:
    """Return the hash of a new password, checked against the policy, or of a hash as given; None if neither is.

    `hashed` is the password's hash where another thread makes it.
    """
    if given_hash is not None:
        return accept_hash(given_hash.strip())
    if plain is None:
        return None
    check_policy(plain, policy_in(settings, domain))
    if hashed and hashed.is_of(plain, settings.default_password_scheme):
        return hashed.made()
    return hash_password(plain, settings.default_password_scheme)


def required(password: str | None) -> str:
    """Return the hash of a new account's password; there is no account without one."""
    return password or refuse(Code.PW_EMPTY)


def is_right(settings: Settings, plain: str | None, stored: str | None, account: str) -> bool:
    """Tell whether a password is right; an account that is not there costs the same hashing."""
    if stored is None:
        waste_time(plain or "", settings.default_password_scheme)
        return False
    return verify_password(plain or "", stored, account)
