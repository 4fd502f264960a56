"""What may be taken as one's own, and what may be named as a destination."""

from collections.abc import Collection, Iterable

from postreeve.errors import Code, refuse
from postreeve.permissions import Actor
from postreeve.values import Address, DomainName
from postreeve.work import Work


def require_free(work: Work, addresses: Iterable[Address], owner: Address | None = None) -> None:
    """Refuse addresses that any account has, by name, by extension or as the same name in an alias domain.

    `owner` may take what leads to itself anyway, such as its own name in an alias domain.
    """
    wanted = {address: _spellings(work, address) for address in addresses}
    primary = work.addresses.hosted({address.domain for address in wanted})
    for address, spellings in wanted.items():
        target = primary.get(address.domain, address.domain)
        wanted[address] = spellings | {f"{Address(spelling).local_part}@{target}" for spelling in spellings}
    every: set[str] = {spelling for spellings in wanted.values() for spelling in spellings}
    taken = work.addresses.taken(every) | dict.fromkeys(_rehearsed(work, every), "")
    for address, spellings in sorted(wanted.items()):
        if any(taken.get(spelling, owner) != owner for spelling in spellings):
            refuse(Code.ALREADY_EXISTS, hint=address)


def require_own_domains(work: Work, domain: DomainName, addresses: Collection[Address]) -> None:
    """Refuse alias addresses outside the user's domain and its alias domains, or outside what the admin manages.

    In an alias domain that waits for the proof of its ownership a domain admin has no address yet: Postfix would
    deliver to it at once, whoever the domain belongs to.
    """
    actor = work.grant.admin
    primary = work.addresses.hosted({address.domain for address in addresses}, only_active=not actor.is_global)
    for address in sorted(addresses):
        address.require_own()
        home = domain if address.domain == domain else primary.get(address.domain)
        if home is None:
            refuse(Code.NO_SUCH_DOMAIN, hint=address)
        if home != domain and not work.settings.user_alias_cross_all_domains:
            refuse(Code.INVALID_VALUE, hint=f"{address} lies in another domain.")
        if not actor.administers(home):
            refuse(Code.PERMISSION_DENIED, hint=address)


def require_free_domains(work: Work, domains: Collection[DomainName]) -> None:
    """Refuse domain names that are hosted already, as a primary or an alias domain."""
    if taken := work.addresses.hosted(domains):
        refuse(Code.ALREADY_EXISTS, hint=min(taken))


def require_reachable(work: Work, destinations: Collection[Address], actor: Actor | None = None) -> None:
    """Refuse destinations in hosted domains that do not exist; a global admin may name what will exist later."""
    if not destinations or (actor and actor.is_global):
        return
    primary = work.addresses.hosted({address.domain for address in destinations})
    local = {
        address: f"{address.without_extension(work.settings.recipient_delimiters).local_part}@{primary[address.domain]}"
        for address in destinations
        if address.domain in primary
    }
    every: set[str] = {*local, *local.values()}
    taken = {*work.addresses.taken(every), *_rehearsed(work, every)}
    for address, target in sorted(local.items()):
        if address not in taken and target not in taken:
            refuse(Code.NO_SUCH_ACCOUNT, hint=address)


def _spellings(work: Work, address: Address) -> set[str]:
    return {address, address.without_extension(work.settings.recipient_delimiters)}


def _rehearsed(work: Work, addresses: set[str]) -> set[str]:
    """Return those of some addresses that would be taken, if what was rehearsed before had been carried out."""
    return addresses & work.rehearsal.names if work.rehearsal else set()
