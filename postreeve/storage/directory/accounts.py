"""What the account slices share in a directory: changed attributes, `accountSetting`, and what profiles show.

`accountSetting` holds a value `key:value` for each setting; a few keys have a value for each of their words. What other
programs have put there survives, whatever it is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from postreeve.fields import Changes, SetChange
from postreeve.shapes import AccountSetting, Attribute
from postreeve.storage.directory.entries import Edit, Entry
from postreeve.work import Profile

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
    found: Settings = {}
    for text in entry.texts(SETTINGS):
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


def shown(entry: Entry, **extras: Any) -> Profile:  # noqa: ANN401 - as each extra is declared
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
    if changed := list(changes.of_ldap(AccountSetting)):
        settings = settings_of(entry) if entry else {}
        for shape, value in changed:
            put(settings, shape.key, value)
        found[SETTINGS] = texts_of(settings)
    return found


def put(settings: Settings, key: str, value: Any) -> None:  # noqa: ANN401 - as its field has it
    """Change a setting; a value that is empty or 0 takes its key away."""
    match value:
        case SetChange():
            settings[key] = sorted(value.applied(settings.get(key, [])))
        case True:
            settings[key] = ["yes"]
        case None | False | 0 | "":
            settings[key] = []
        case _:
            settings[key] = [str(value)]


def texts_of(settings: Mapping[str, Iterable[str]]) -> list[str]:
    """Return settings as values of the attribute."""
    return [f"{key}:{value}" for key, values in settings.items() for value in values]


def _values(shape: Attribute, value: Any, current: Iterable[str]) -> list[str]:  # noqa: ANN401 - as its field has it
    match value:
        case SetChange():
            return sorted(value.applied(current))
        case bool():
            return [word] if (word := shape.yes if value else shape.no) else []
        case None | "":
            return []
        case _:
            return [str(value)]


def _typed(key: str, values: list[str]) -> Any:  # noqa: ANN401 - a number, a list or a text
    if key in LISTS:
        return values
    if key in INTEGERS and values[0].removeprefix("-").isdecimal():
        return int(values[0])
    return values[0]
