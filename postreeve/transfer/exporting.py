"""Accounts as a table: what the profiles say, under the names of our parameters."""

from collections.abc import Iterator, Sequence

from postreeve.operations import Caller
from postreeve.profiles import Text
from postreeve.transfer.kinds import MAIL, AccountKind
from postreeve.transfer.tables import write
from postreeve.values import DomainName
from postreeve.work import Profile


def exported(caller: Caller, kind: AccountKind, domain: DomainName) -> Iterator[str]:
    """Return the accounts of a domain as a table, written as it is read; refuses at once when they may not be seen.

    What can not be seen, and what no profile shows, such as passwords, is left out; so is what only others may set.
    """
    profiles: Iterator[Profile] = caller(kind.listing, (domain,), {}).data
    actor = caller.call.actor
    fields = kind.written(for_global_admin=actor is not None and actor.is_global)
    return write(_rows(kind, [of.name for of in fields], profiles))


def _rows(kind: AccountKind, names: Sequence[str], profiles: Iterator[Profile]) -> Iterator[list[str]]:
    yield [MAIL, *names]
    for profile in profiles:
        texts = kind.texts(profile)
        yield [_mail(profile), *(_cell(texts.get(name, "")) for name in names)]


def _cell(text: Text) -> str:
    return text if isinstance(text, str) else ",".join(text)


def _mail(profile: Profile) -> str:
    mail = profile["mail"]
    return str(mail[0] if isinstance(mail, list) else mail)
