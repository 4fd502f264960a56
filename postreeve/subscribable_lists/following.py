"""What lists do when one of their people gets another address or goes; all of it may be repeated."""

from collections.abc import Callable, Collection

from postreeve.subscribable_lists.fields import MODERATORS, OWNERS
from postreeve.subscribable_lists.store import ListServer, ListSetting
from postreeve.values import Address

Replace = Callable[[str], str]
"""What becomes of an address; nothing, if it goes."""


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
        for mail in lists:
            ending = f"@{name}"
            gone = [found["mail"] for found in server.subscribers(mail) if found["mail"].endswith(ending)]
            if gone:
                server.unsubscribe(mail, gone)
    for mail in lists:
        _replace_people(server, mail, lambda address: "" if address.endswith(_ending(name)) else address)


def _ending(name: str) -> str:
    return name if "@" in name else f"@{name}"


def _replace_people(server: ListServer, mail: str, replace: Replace) -> None:
    """Replace people of a list; an owner stands in where nobody is left, and the owners for moderators."""
    before = server.people(mail)
    after: dict[str, ListSetting] = {
        name: tuple(dict.fromkeys(filter(None, map(replace, people)))) for name, people in before.items()
    }
    if after == before:
        return
    after[OWNERS.name] = after[OWNERS.name] or (f"postmaster@{Address(mail).domain}",)
    after[MODERATORS.name] = after[MODERATORS.name] or after[OWNERS.name]
    server.write(mail, {name: people for name, people in after.items() if people != before[name]})
