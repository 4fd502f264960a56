"""Accounts as a table: what the profiles say, under the names of our parameters."""

from collections.abc import Iterator

from postreeve.operations import Caller
from postreeve.profiles import Text
from postreeve.transfer.kinds import MAIL, AccountKind
from postreeve.transfer.tables import write
from postreeve.values import DomainName
from postreeve.work import Profile


def exported(caller: Caller, kind: AccountKind, domain: DomainName) -> Iterator[str]:
    """Return the accounts of a domain as a table, written as it is read; refuses at once when they may not be seen.

    What can not be seen, and what no profile shows, such as passwords, is left out.
    """
    profiles: Iterator[Profile] = caller(kind.listing, (domain,), {}).data
    return write(_rows(kind, profiles))


def _rows(kind: AccountKind, profiles: Iterator[Profile]) -> Iterator[list[str]]:
    names = [of.name for of in kind.written]
    yield [MAIL, *names]
    for profile in profiles:
        texts = kind.texts(profile)
        yield [_mail(profile), *(_cell(texts.get(name, "")) for name in names)]


def _cell(text: Text) -> str:
    return text if isinstance(text, str) else ",".join(text)


def _mail(profile: Profile) -> str:
    mail = profile["mail"]
    return str(mail[0] if isinstance(mail, list) else mail)
