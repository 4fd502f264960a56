"""What lists do when something has happened to accounts; all of it may be repeated."""

from collections.abc import Callable, Collection

from postreeve.pending.store import Step
from postreeve.subscribable_lists.fields import (
    EXTRA_ADDRESSES,
    MODERATORS,
    OWNERS,
    SUBSCRIPTION_MODERATED,
    SUBSCRIPTION_MODERATORS,
)
from postreeve.subscribable_lists.rules import further_addresses
from postreeve.subscribable_lists.store import ListServer, ListSetting, SubscribableLists
from postreeve.values import Address
from postreeve.work import ConflictError

Replace = Callable[[str], str]
"""What becomes of an address; nothing, if it goes."""
AliasDomains = Callable[[str], Collection[str]]
"""The alias domains of a domain."""


def follow(server: ListServer, lists: SubscribableLists, alias_domains: AliasDomains, step: Step) -> None:
    """Do what a pending step says; lists that mlmmj does not have are left alone."""
    match step.deed:
        case "archive" | "erase":
            server.remove(step.name, is_kept=step.deed == "archive")
        case "rename":
            rename(server, lists.addresses(), step.name, step.new)
        case "forget":
            forget(server, lists.addresses(), step.name)
        case "readdress":
            for mail in filter(server.settings, lists.addresses(step.name)):
                further = further_addresses(Address(mail), lists.extra_addresses(mail), alias_domains(step.name))
                server.write(mail, {EXTRA_ADDRESSES.name: further})
        case unknown:
            raise ConflictError(f"This release does not know how to {unknown}.")


def rename(server: ListServer, lists: Collection[str], old: str, new: str) -> None:
    """Let subscriptions, ownership and moderation be another address's."""
    for mail, version in server.subscriptions(lists, old).items():
        server.subscribe(mail, [new], version, has_to_confirm=False)
        server.unsubscribe(mail, [old])
    for mail in lists:
        _replace_people(server, mail, lambda address: new if address == old else address)


def forget(server: ListServer, lists: Collection[str], name: str) -> None:
    """Take an address, or all addresses of a domain, off every list."""
    if "@" in name:
        for mail in server.subscriptions(lists, name):
            server.unsubscribe(mail, [name])
    else:
        gone: dict[str, list[str]] = {}
        for address, mails in server.memberships(lists, name).items():
            for mail in mails:
                gone.setdefault(mail, []).append(address)
        for mail, addresses in gone.items():
            server.unsubscribe(mail, addresses)
    ending = name if "@" in name else f"@{name}"
    for mail in lists:
        _replace_people(server, mail, lambda address: "" if address.endswith(ending) else address)


def _replace_people(server: ListServer, mail: str, replace: Replace) -> None:
    """Replace people of a list; the postmaster stands in where no owner is left, and the owners for moderators."""
    before = server.people(mail)
    after: dict[str, ListSetting] = {
        name: tuple(dict.fromkeys(filter(None, map(replace, people)))) for name, people in before.items()
    }
    if after == before:
        return
    after[OWNERS.name] = after[OWNERS.name] or (f"postmaster@{Address(mail).domain}",)
    after[MODERATORS.name] = after[MODERATORS.name] or after[OWNERS.name]
    changed = {name: people for name, people in after.items() if people != before[name]}
    if SUBSCRIPTION_MODERATORS.name in changed:  # without anybody named the owners approve
        changed[SUBSCRIPTION_MODERATED.name] = True
    server.write(mail, changed)
