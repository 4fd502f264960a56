"""Puts the pieces together from settings; nothing else does."""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from postreeve import admins, aliases, domains, users  # noqa: F401 - the slices' packages
from postreeve.admins import operations as _admins  # noqa: F401 - importing a slice's operations registers them
from postreeve.aliases import operations as _aliases  # noqa: F401
from postreeve.backends.common import Stores, native_lists
from postreeve.backends.on_sql import SqlStorage
from postreeve.domains import operations as _domains  # noqa: F401
from postreeve.greylisting import operations as _greylisting  # noqa: F401
from postreeve.ldif import operations as _ldif  # noqa: F401
from postreeve.mlmmj_agent.server import Access, Agent
from postreeve.policies import operations as _policies  # noqa: F401
from postreeve.sessions import operations as _sessions  # noqa: F401
from postreeve.settings import PLACES, Settings, SettingsError, Store, load
from postreeve.spam_policy import operations as _spam_policy  # noqa: F401
from postreeve.storage import schema
from postreeve.storage.mlmmjadmin import read_tokens
from postreeve.subscribable_lists import operations as _subscribable_lists  # noqa: F401
from postreeve.throttle import operations as _throttle  # noqa: F401
from postreeve.unsubscribable_lists import operations as _unsubscribable_lists  # noqa: F401
from postreeve.users import operations as _users  # noqa: F401
from postreeve.wblist import operations as _wblist  # noqa: F401
from postreeve.web import requests
from postreeve.web.api import Api
from postreeve.web.pages import Pages

DATA = "POSTREEVE_DATA"
SETTINGS = "POSTREEVE_SETTINGS"


def settings_of(data: Path, file: Path | None) -> Settings:
    """Return the settings of an installation: `postreeve.toml` in the data directory unless a file is named."""
    if file is None and (data / "postreeve.toml").exists():
        file = data / "postreeve.toml"
    settings = load(file)
    placed: dict[str, Any] = {name: str((data / getattr(settings, name)).resolve()) for name in PLACES}
    placed |= {name: _placed(store, data) for name, store in settings.databases.items()}
    if settings.ldap and settings.ldap.ca_file:
        authorities = str((data / settings.ldap.ca_file).resolve())
        placed["ldap"] = msgspec.structs.replace(settings.ldap, ca_file=authorities)
    return msgspec.structs.replace(settings, **placed)


def storage_of(settings: Settings) -> Stores:
    """Open the stores, checked and with our own tables up to date; `SettingsError` says in a sentence what is wrong."""
    storage = _in_directory(settings) if settings.ldap else SqlStorage(settings)
    for name, database in storage.databases.items():
        schema.check(database, name)
    schema.migrate(storage.iredadmin)
    return storage


def create_stores(settings: Settings) -> list[Store]:
    """Create what is missing of the databases, and return those that had nothing in them."""
    is_beside = settings.ldap is not None
    return [
        store
        for name, store in settings.databases.items()
        if schema.create(store, name, settings.sqlite_group, is_beside_directory=is_beside)
    ]


def created_storage(settings: Settings) -> Stores:
    """Create what is missing of the stores, and open them."""
    create_stores(settings)
    return storage_of(settings)


def fill_directory(settings: Settings, manager: str, manager_password: str, reader_password: str) -> dict[str, str]:
    """Add what is missing of the topmost entries of the accounts' directory, if they are in one.

    Returns the accounts that are new, with the passwords that were generated for them.
    """
    if settings.ldap is None:
        return {}
    setup = _directory()
    acting = setup.Manager(manager, manager_password) if manager else None
    new: dict[str, str] = setup.fill(settings.ldap, acting, reader_password)
    return new


def look_up_grants(settings: Settings) -> list[str]:
    """Return the SQL of a role for Postfix's and Dovecot's look-ups; only a database on a server needs one."""
    return [] if settings.ldap else schema.look_up_grants(settings.vmail)


def mlmmj_agent(settings: Settings) -> Agent:
    """Return mlmmj of this host behind mlmmjadmin's HTTP API."""
    tokens = read_tokens(Path(settings.mlmmjadmin_token_file))
    access = Access(tokens, settings.mlmmjadmin_header, tuple(settings.mlmmj_agent_clients))
    return Agent(
        native_lists(settings).host, access,
        most_bytes=settings.max_request_bytes, most_parameters=settings.max_parameters,
    )  # fmt: skip


class App:
    """The ASGI application: the API under both its mount points, and the pages."""

    def __init__(self, storage: Stores, settings: Settings) -> None:
        self.api = Api(storage, settings)
        self.pages = Pages(settings)
        self.is_api_on = settings.enable_restful_api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        if scope["type"] != "http":
            return
        path = requests.segments(scope["raw_path"])
        mounted = path[1:] if path[:1] == ("iredadmin",) else path
        if mounted[:1] == ("api",) and mounted[1:] not in self.pages.documents and self.is_api_on:
            await self.api.answer(scope, mounted[1:], receive, send)
        else:
            await self.pages.answer(scope, mounted, receive, send)


def application() -> App:
    """Return the application of one server process, as the environment names its installation."""
    file = os.environ.get(SETTINGS)
    settings = settings_of(Path(os.environ.get(DATA, ".")), Path(file) if file else None)
    return App(storage_of(settings), settings)


async def _live(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def _in_directory(settings: Settings) -> Stores:
    """Open the stores of accounts in a directory."""
    assert settings.ldap
    _directory().check(settings.ldap)
    from postreeve.backends.on_ldap import LdapStorage  # noqa: PLC0415 - as below

    return LdapStorage(settings)


def _directory() -> ModuleType:
    """Return what sets up a directory: it needs the driver, which is an extra."""
    try:
        from postreeve.storage.directory import setup  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError("Accounts in a directory need python-ldap: pip install 'postreeve[ldap]'.") from error
    return setup


def _placed(store: Store, data: Path) -> Store:
    """Return a store whose file is named from the data directory."""
    if store.engine != "sqlite" or Path(store.path).is_absolute():
        return store
    return msgspec.structs.replace(store, path=str((data / store.path).resolve()))
