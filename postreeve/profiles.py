"""What a profile says about each field, whichever back end it comes from: as texts, as one would send them.

A profile is what an operation answers, so that closed sections are not in it. What several places say together is
read by the slice that writes them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from postreeve.fields import AnyField, SetField
from postreeve.shapes import AccountSetting, Attribute, Column, Setting, SettingList, Several
from postreeve.work import Profile

Text = str | list[str]
"""The value of a parameter, or the values of a set."""
Texts = dict[str, Text]
"""By the names of the fields; one that the profile says nothing about is not in it."""
Reader = Callable[[Profile], Any]


def is_entry(profile: Profile) -> bool:
    """Tell whether a profile is an entry of a directory, where each attribute has a list of values."""
    return not profile.keys().isdisjoint({"objectClass", "accountSetting"})


def texts(fields: Iterable[AnyField], profile: Profile, readers: Mapping[str, Reader]) -> Texts:
    """Return what a profile says about some fields; readers are by their names."""
    found = {of.name: _stored(of, profile, readers) for of in fields}
    return {of.name: _text(of, found[of.name]) for of in fields if found[of.name] is not None}


def first(profile: Profile, attribute: str) -> str:
    """Return the first value of an entry's attribute, or nothing."""
    values = profile.get(attribute) or [""]
    return str(values[0])


def _stored(of: AnyField, profile: Profile, readers: Mapping[str, Reader]) -> Any:  # noqa: ANN401 - as it is stored
    """Return what is stored, or None if the profile says nothing about it."""
    if of.name in readers:
        return readers[of.name](profile)
    if of.mlmmj is not None and of.name in profile:
        return profile[of.name]
    if of.extra in profile:
        return profile[of.extra]
    return _in_entry(of, profile) if is_entry(profile) else _in_row(of, profile)


def _in_row(of: AnyField, profile: Profile) -> Any:  # noqa: ANN401 - as it is stored
    match of.sql:
        case Column(name):
            return (profile[name] or "") if name in profile else None
        case Setting(key) | SettingList(key):
            return profile["settings"].get(key, "")
    return None


def _in_entry(of: AnyField, profile: Profile) -> Any:  # noqa: ANN401 - as it is stored
    match of.ldap:
        case Attribute(name, yes, _, is_several):
            values = [str(value) for value in profile.get(name, ())]
            if isinstance(of, SetField):
                return values
            if _words(of) in _SWITCHES:
                return yes.lower() in [value.lower() for value in values]
            return ", ".join(values) if is_several else first(profile, name)
        case AccountSetting(key):
            return profile["accountSetting"].get(key, "")
        case Several((name,)):
            return profile.get(name, [] if isinstance(of, SetField) else "")
    return None


_SWITCHES = (("yes", "no"), ("active", "disabled"))


def _words(of: AnyField) -> tuple[str, ...]:
    return tuple(of.kind.schema.get("enum", ()))


def _text(of: AnyField, stored: Any) -> Text:  # noqa: ANN401 - as it is stored
    """Return a stored value as one would send it."""
    if isinstance(of, SetField):
        return sorted(str(value) for value in ([stored] if isinstance(stored, str) and stored else stored or ()))
    words = _words(of)
    if words in _SWITCHES:
        is_on = stored not in {None, "", 0, "0", "no", "disabled"}
        return words[not is_on]
    if of.kind.schema.get("type") == "integer":
        return str(stored or 0)
    text = of.kind.separator.join(stored) if isinstance(stored, list | tuple) else str(stored or "")
    return next((word for word in words if word.lower() == text.lower()), text)
