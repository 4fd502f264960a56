"""A look at the stores that settings name, one by one, before any of them is opened for work; nothing is written."""

import os
from collections.abc import Iterator

from postreeve.backends.common import native_lists, remote_lists
from postreeve.doctor.findings import Ailment, Finding
from postreeve.settings import Settings, SettingsError
from postreeve.storage import looks
from postreeve.work import ListServerError

NOBODY = "nobody@postreeve.invalid"
"""No list has this name; whoever says so answers."""
_PROGRAMS = ("mlmmj-sub", "mlmmj-unsub")


def databases(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the SQL databases."""
    for name, store in settings.databases.items():
        yield from looks.look(store, name)


def lists(settings: Settings) -> Iterator[Finding]:
    """Yield what keeps mlmmj from being used."""
    if reason := _reason(settings):
        yield Finding(Ailment.STORE, "mlmmj", reason)


def _reason(settings: Settings) -> str:
    match settings.mlmmj:
        case "native":
            return _native(settings)
        case "remote":
            return _remote(settings)
    return ""


def _native(settings: Settings) -> str:
    host = native_lists(settings).host
    if missing := [name for name in _PROGRAMS if not (host.programs / name).is_file()]:
        return f"There is no {' and no '.join(missing)} in {host.programs}, where the setting mlmmj_programs says."
    if host.spool.exists() and not os.access(host.spool, os.R_OK | os.W_OK | os.X_OK):
        return f"The directory {host.spool}, where the setting mlmmj_spool says, can not be written by this user."
    return ""


def _remote(settings: Settings) -> str:
    try:
        server = remote_lists(settings)
    except SettingsError as error:
        return str(error)
    try:
        said = server.api.get(NOBODY)
        return "" if said.is_yes or said.is_absent else str(server.api.error(f"refuses: {said.reason}"))
    except ListServerError as error:
        return " ".join(str(error).split())
    finally:
        server.close()
