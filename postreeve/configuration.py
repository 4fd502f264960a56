"""Reads the settings, and says which value can not be used and what it has to be.

They come from a TOML file, then from the environment (`POSTREEVE_<NAME>` in upper case), and some of them from the
table `settings` of the `iredadmin` database, as iRedAdmin keeps them (`SITE_KEYS`).
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import Meta
from msgspec.inspect import BoolType, IntType, ListType, LiteralType, Metadata, StrType, Type, type_info

from postreeve.settings import EMBEDDED, SITE_KEYS, STORES, Ldap, Meant, Settings, SettingsError, Store

S = TypeVar("S", bound=msgspec.Struct)
Naming = Callable[[str], str]
"""How a message names a setting: its name, and where it comes from."""


@dataclass(frozen=True)
class Declared:
    """What a setting is declared to be."""

    type: Type
    """Without its annotations."""
    sentence: str
    meant: str
    """What its text has to be, in words."""


def declared() -> dict[str, Declared]:
    """Return the declarations of the settings that a site may override."""
    types = _types(Settings)
    return {name: _declared(types[name]) for name in SITE_KEYS}


def _declared(annotation: Any) -> Declared:  # noqa: ANN401 - a type
    sentences = [part.description for part in get_args(annotation) if isinstance(part, Meta) and part.description]
    info, meant = type_info(annotation), _meant(annotation)
    return Declared(
        info.type if isinstance(info, Metadata) else info, sentences[-1], meant.words if meant else _wanted(annotation)
    )


def from_mapping(values: Mapping[str, Any], naming: Naming = "The setting {}".format) -> Settings:
    """Return checked settings; a value that can not be used raises `SettingsError` naming it.

    An installation that names no database has everything in its data directory; another has what it names.
    """
    if not {*STORES, "ldap"} & set(values):
        values = {**EMBEDDED, **values}
    if {"vmail", "ldap"} <= set(values):
        raise SettingsError(f"{naming('ldap')} excludes vmail: the accounts are in a directory or in a database.")
    return _read(Settings, values, naming)


def load(file: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings file, if there is one, and what the environment overrides.

    Environment values are JSON or plain text: `POSTREEVE_WORKERS=4`, `POSTREEVE_TRUSTED_PROXIES='["127.0.0.1"]'`.
    """
    given = {
        field.name: _from_environment(text)
        for field in msgspec.structs.fields(Settings)
        if (text := environment.get(_variable(field.name))) is not None
    }

    def naming(name: str) -> str:
        top, dot, rest = name.partition(".")
        if top in given:
            return f"The variable {_variable(top)}{dot}{rest}"
        return f"The setting {name} in {file}"

    return from_mapping({**_written(file), **given}, naming)


def with_options(settings: Settings, **options: str | int | None) -> Settings:
    """Return the settings with those that the command line gives; None is one that it does not give."""
    types = _types(Settings)
    given = {
        name: _checked(types[name], value, f"The option --{name}")
        for name, value in options.items()
        if value is not None
    }
    return msgspec.structs.replace(settings, **given)


def lenient(name: str, value: object, named: str) -> object:
    """Return the value of a setting as another program writes it down, `"8"` for a number; it is held to the same."""
    annotation = _types(Settings)[name]
    with suppress(msgspec.ValidationError):
        value = msgspec.convert(value, annotation, strict=False)
    return _checked(annotation, value, named)


def overridden(settings: Settings, site: Mapping[str, Any]) -> Settings:
    """Return the settings with the values of the table `iredadmin.settings`; unusable rows are left out."""
    for key in SITE_KEYS:
        if key in site:
            try:
                settings = msgspec.convert({**msgspec.structs.asdict(settings), key: site[key]}, Settings)
            except msgspec.ValidationError:
                continue
    return settings


def _from_environment(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _variable(name: str) -> str:
    return f"POSTREEVE_{name.upper()}"


def _written(file: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8")) if file else {}
    except OSError as error:
        raise SettingsError(f"The settings file {file} can not be read: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"The settings file {file} can not be read: {error}.") from error


# Checking, one setting at a time, so that a message can say which it is about


def _wanted(annotation: object) -> str:
    """Say what the value of a setting has to be."""
    meant = _meant(annotation)
    match type_info(annotation):
        case Metadata(type=inner) | inner:
            return _in_words(inner, meant.words if meant else "")


def _in_words(kind: Type, meant: str) -> str:
    match kind:
        case BoolType():
            words = "`true` or `false`"
        case IntType(ge=low, le=None):
            words = f"a whole number of at least {low}"
        case IntType(ge=low, le=high):
            words = f"a whole number from {low} to {high}"
        case LiteralType(values=choices):
            words = f"one of {', '.join(f'`{choice}`' if choice else 'nothing' for choice in choices)}"
        case ListType():
            words = f"a list of {meant or 'texts'}"
        case StrType(max_length=int(most)):
            words = f"a text of at most {most} characters"
        case StrType():
            words = meant or "a text"
        case _:
            words = "a table of settings"
    return words


def _types(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(struct)}


def _meant(annotation: object) -> Meant | None:
    return next((part for part in get_args(annotation) if isinstance(part, Meant)), None)


def _read(struct: type[S], values: Mapping[str, Any], naming: Naming) -> S:
    types = _types(struct)
    if unknown := [name for name in values if name not in types]:
        raise SettingsError(f"{naming(unknown[0])} is unknown.")
    given: dict[str, Any] = {}
    for name, value in values.items():
        if name in STORES and isinstance(value, dict):
            given[name] = _store(value, name, naming)
        elif name == "ldap" and isinstance(value, dict):
            given[name] = _ldap(value, naming)
        else:
            given[name] = _checked(types[name], value, naming(name))
    return struct(**given)


def _store(values: Mapping[str, Any], name: str, naming: Naming) -> Store:
    """Read where a database is; one that is embedded needs a file, one on a server a name."""
    if "engine" in values:
        _checked(_types(Store)["engine"], values["engine"], naming(f"{name}.engine"))
    needed = "engine" if "engine" not in values else "path" if values["engine"] == "sqlite" else "database"
    if not values.get(needed):
        raise SettingsError(f"{naming(f'{name}.{needed}')} is missing.")
    return _read(Store, values, lambda key: naming(f"{name}.{key}"))


def _ldap(values: Mapping[str, Any], naming: Naming) -> Ldap:
    """Read where the directory is; an empty password would log in as nobody."""
    for needed in ("suffix", "password"):
        if not values.get(needed):
            raise SettingsError(f"{naming(f'ldap.{needed}')} is missing.")
    ldap = _read(Ldap, values, lambda key: naming(f"ldap.{key}"))
    if ldap.start_tls and not all(url.startswith("ldap://") for url in ldap.url.split()):
        raise SettingsError(f"{naming('ldap.start_tls')} is for ldap:// alone.")
    return ldap


def _checked(annotation: object, value: object, named: str) -> object:
    try:
        checked: Any = msgspec.convert(value, annotation, strict=True)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{named} must be {_wanted(annotation)}.") from error
    if meant := _meant(annotation):
        for text in checked if isinstance(checked, list) else [checked]:
            if not meant.holds(text):
                raise SettingsError(f"{named} must be {_wanted(annotation)}; {text!r} is not.")
    return checked
