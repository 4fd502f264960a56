"""What the account slices share in a directory: changed attributes, `accountSetting`, and what profiles show.

`accountSetting` holds a value `key:value` for each setting; a few keys have a value for each of their words. What other
programs have put there survives, whatever it is.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from postreeve.fields import Changes, SetChange
from postreeve.passwords import stored
from postreeve.shapes import AccountSetting, Attribute
from postreeve.storage.directory import names, passwords
from postreeve.storage.directory.entries import Edit, Entry, Values
from postreeve.storage.directory.filters import Filter
from postreeve.storage.directory.session import Session
from postreeve.values import Address
from postreeve.work import Profile

T = TypeVar("T")

BATCH = 100
"""Names that one search asks for at once."""
SETTINGS = "accountSetting"
INTEGERS = frozenset({
    "minPasswordLength", "maxPasswordLength", "defaultQuota", "maxUserQuota", "numberOfUsers", "numberOfAliases",
    "numberOfLists", "create_max_domains", "create_max_quota", "create_max_users", "create_max_aliases",
    "create_max_lists",
})  # fmt: skip
LISTS = frozenset({"disabledDomainProfile", "disabledUserProfile", "disabledUserPreference", "disabledMailService"})

Settings = dict[str, list[str]]
"""The settings of an entry: their values by their keys, in the order in which they stand."""


def settings_of(entry: Entry) -> Settings:
    """Return the settings of an entry."""
    return settings_in(entry.texts(SETTINGS))


def settings_in(texts: Iterable[str]) -> Settings:
    """Return the settings in the values of the attribute."""
    found: Settings = {}
    for text in texts:
        key, _, value = text.partition(":")
        found.setdefault(key, []).append(value)
    return found


def setting(entry: Entry, key: str) -> str:
    """Return the first value of a setting; empty if there is none."""
    return next(iter(settings_of(entry).get(key, [])), "")


def number(entry: Entry, key: str) -> int:
    """Return a setting as a number; 0 when it is not there or no number."""
    value = setting(entry, key)
    return int(value) if value.removeprefix("-").isdecimal() else 0


def password(entry: Entry) -> str:
    """Return the stored hash; of several the first one that can be checked."""
    hashes = [passwords.readable(text) for text in entry.texts("userPassword")]
    return next(filter(stored.read, hashes), next(iter(hashes), ""))


def new_password(stored_hash: str) -> dict[str, Values]:
    """Return the attributes of a new password: it has been changed today, in days since 1970."""
    return {"userPassword": stored_hash, "shadowLastChange": int(time.time()) // 86400}


def batches(values: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Yield values in pieces, such as one search may name."""
    left = iter(values)
    while batch := list(islice(left, size)):
        yield batch


def by_domain(session: Session, mail: Address) -> dict[str, list[str]]:
    """Return what an account has by its domain: its names in the alias domains, and that the domain is off."""
    domain = session.find(session.tree.domain(mail.domain), ["domainAliasName", "accountStatus"])
    is_on = domain is None or domain.has("accountStatus", "active")
    aliases = sorted(domain.texts("domainAliasName")) if domain else []
    return {
        "shadowAddress": [f"{mail.local_part}@{alias.lower()}" for alias in aliases],
        "domainStatus": [] if is_on else ["disabled"],
    }


def recount(session: Session, counter: str, place: str, condition: Filter, by: int) -> None:
    """Say in the domain's entry how many accounts a container of it will hold: what is there now, and `by` more.

    Others count on the number, so it is the domain's lock that makes it right.
    """
    domain = names.parent(place)
    session.edit(domain).replace(counter, session.count(place, condition) + by)


def shown(entry: Entry, **extras: Any) -> Profile:
    """Return an entry as a profile: lists of texts, the settings as an object, and the extras."""
    settings = {key: _typed(key, values) for key, values in settings_of(entry).items()}
    return {**entry.shown(), SETTINGS: settings, **extras}


def write(edit: Edit, entry: Entry | None, changes: Changes) -> None:
    """Say in an edit what changes; `entry` is what is there, nothing of a new one."""
    for name, values in attributes(entry, changes).items():
        edit.replace(name, values)


def attributes(entry: Entry | None, changes: Changes) -> dict[str, list[str]]:
    """Return the attributes that change, with all their values."""
    found = {
        shape.name: _values(shape, value, entry.texts(shape.name) if entry else ())
        for shape, value in changes.of_ldap(Attribute)
    }
    if settings := {shape.key: value for shape, value in changes.of_ldap(AccountSetting)}:
        found[SETTINGS] = changed(entry.texts(SETTINGS) if entry else (), settings)
    return found


def changed(texts: Iterable[str], changes: Mapping[str, Any]) -> list[str]:
    """Return the values of the attribute with some settings changed; whatever else is there stays as it is."""
    before = list(texts)
    settings = settings_in(before)
    kept = [text for text in before if text.partition(":")[0] not in changes]
    return kept + [f"{key}:{word}" for key, value in changes.items() for word in _words(value, settings.get(key, []))]


def _words(value: Any, current: Iterable[str]) -> list[str]:
    """Return what a setting is to be; nothing takes it away, and so does 0."""
    match value:
        case SetChange():
            return sorted(value.applied(current))
        case True:
            return ["yes"]
        case None | False | 0 | "":
            return []
    return [str(value)]


def _values(shape: Attribute, value: Any, current: Iterable[str]) -> list[str]:
    match value:
        case SetChange():
            return sorted(_applied(value, current))
        case bool():
            return [word] if (word := shape.yes if value else shape.no) else []
        case None | "" | 0:
            return []
        case str() if shape.is_several:
            return [part for each in value.split(",") if (part := each.strip())]
        case _:
            return [str(value)]


def _applied(change: SetChange[str], current: Iterable[str]) -> set[str]:
    """Return a set as it is afterwards: values that differ by case are one to the directory."""
    if change.reset is not None:
        return set(change.reset)
    gone = {value.lower() for value in change.remove}
    kept = {value.lower(): value for value in current if value.lower() not in gone}
    return set(({value.lower(): value for value in change.add} | kept).values())


def _typed(key: str, values: list[str]) -> Any:
    if key in LISTS:
        return values
    if key in INTEGERS and values[0].removeprefix("-").isdecimal():
        return int(values[0])
    return values[0]
