"""Puts the pieces together from settings; nothing else does."""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import msgspec
from starlette.types import Receive, Scope, Send

from postreeve import admins, aliases, domains, logs, users  # noqa: F401 - the slices' packages
from postreeve.activity import operations as _activity  # noqa: F401 - importing a slice's operations registers them
from postreeve.activity import pages as _activity_pages  # noqa: F401
from postreeve.admins import operations as _admins  # noqa: F401
from postreeve.admins import pages as _admin_pages  # noqa: F401
from postreeve.aliases import operations as _aliases  # noqa: F401
from postreeve.aliases import pages as _alias_pages  # noqa: F401
from postreeve.backends import examination
from postreeve.backends.common import Stores, native_lists
from postreeve.backends.on_sql import SqlStorage
from postreeve.configuration import load
from postreeve.dashboard import operations as _dashboard  # noqa: F401
from postreeve.dashboard import pages as _dashboard_pages  # noqa: F401
from postreeve.doctor import operations as _doctor  # noqa: F401
from postreeve.doctor.findings import Finding
from postreeve.domains import operations as _domains  # noqa: F401
from postreeve.domains import pages as _domain_pages  # noqa: F401
from postreeve.greylisting import operations as _greylisting  # noqa: F401
from postreeve.ldif import operations as _ldif  # noqa: F401
from postreeve.mail_log import operations as _mail_log  # noqa: F401
from postreeve.mail_log import pages as _mail_log_pages  # noqa: F401
from postreeve.mlmmj_agent.server import Access, Agent
from postreeve.newsletter import operations as _newsletter  # noqa: F401
from postreeve.newsletter import pages as _newsletter_pages  # noqa: F401
from postreeve.overviews import operations as _overviews  # noqa: F401
from postreeve.overviews import pages as _overview_pages  # noqa: F401
from postreeve.ownership import operations as _ownership  # noqa: F401
from postreeve.ownership import pages as _ownership_pages  # noqa: F401
from postreeve.policies import operations as _policies  # noqa: F401
from postreeve.policies import pages as _policy_pages  # noqa: F401
from postreeve.quarantine import operations as _quarantine  # noqa: F401
from postreeve.quarantine import pages as _quarantine_pages  # noqa: F401
from postreeve.self_service import operations as _self_service  # noqa: F401
from postreeve.self_service import pages as _self_service_pages  # noqa: F401
from postreeve.sessions import operations as _sessions  # noqa: F401
from postreeve.sessions import pages as _session_pages  # noqa: F401 - and its pages
from postreeve.settings import PLACES, Settings, SettingsError, Store
from postreeve.site_settings import operations as _site_settings  # noqa: F401
from postreeve.site_settings import pages as _site_settings_pages  # noqa: F401
from postreeve.spam_policy import operations as _spam_policy  # noqa: F401
from postreeve.storage import looks, schema
from postreeve.storage.mlmmjadmin import read_tokens
from postreeve.subscribable_lists import operations as _subscribable_lists  # noqa: F401
from postreeve.subscribable_lists import pages as _subscribable_list_pages  # noqa: F401
from postreeve.throttle import operations as _throttle  # noqa: F401
from postreeve.transfer import operations as _transfer  # noqa: F401
from postreeve.transfer import pages as _transfer_pages  # noqa: F401
from postreeve.unsubscribable_lists import operations as _unsubscribable_lists  # noqa: F401
from postreeve.unsubscribable_lists import pages as _unsubscribable_list_pages  # noqa: F401
from postreeve.users import operations as _users  # noqa: F401
from postreeve.users import pages as _user_pages  # noqa: F401
from postreeve.wblist import operations as _wblist  # noqa: F401
from postreeve.web import requests, watching
from postreeve.web.api import Api
from postreeve.web.documents import Documents
from postreeve.web.health import Health
from postreeve.web.panel import Panel
from postreeve.web.watching import Watch

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
    storage = opened(settings)
    schema.migrate(storage.iredadmin)
    return storage


def opened(settings: Settings) -> Stores:
    """Open the stores, checked, and leave our own tables as they are."""
    storage = _in_directory(settings) if settings.ldap else SqlStorage(settings)
    try:
        for name, database in storage.databases.items():
            schema.check(database, name)
    except SettingsError:
        storage.close()
        raise
    return storage


def look(settings: Settings) -> list[Finding]:
    """Return what is wrong with each store by itself, with lists on mlmmj's side as well; nothing is written."""
    directory = _directory().look(settings.ldap) if settings.ldap else ()
    return [*directory, *examination.databases(settings), *examination.lists(settings)]


def ages(settings: Settings) -> dict[str, str]:
    """Say of each store of a site whose tables or schema it has; all of them have to answer."""
    directory = {"ldap": _directory().age(settings.ldap)} if settings.ldap else {}
    return {**directory, **{name: looks.age(store, name) for name, store in settings.databases.items()}}


def version_of_tables(settings: Settings) -> tuple[int, int]:
    """Return the version that our own tables have, and the one that this release brings them to."""
    with schema.of_ours(settings.iredadmin) as database:
        return schema.version(database), schema.LATEST


def bring_tables_to(settings: Settings, version: int) -> None:
    """Bring our own tables to a version, forward or back; `SettingsError` says in a sentence what is in the way."""
    if version > schema.LATEST:
        raise SettingsError(f"This release knows versions up to {schema.LATEST}.")
    with schema.of_ours(settings.iredadmin) as database:
        schema.migrate(database, version)


def create_stores(settings: Settings) -> list[Store]:
    """Create what is missing of the databases, and return those that had nothing in them."""
    is_beside = settings.ldap is not None
    for store in settings.databases.values():
        schema.refuse_newer(store)
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
        self.documents = Documents(settings)
        self.panel = Panel(storage, settings, self.api.limiter)
        self.health = Health(storage, settings)
        self.watch = Watch(self._answer, settings)
        self.is_api_on = settings.enable_restful_api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        if scope["type"] == "http":
            await self.watch(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = requests.segments(scope["raw_path"])
        if path in watching.PROBES:
            await self.health.answer(path[0], scope, receive, send)
            return
        mounted = path[1:] if path[:1] == ("iredadmin",) else path
        if mounted[:1] == ("api",) and mounted[1:] not in self.documents.of_api and self.is_api_on:
            await self.api.answer(scope, mounted[1:], receive, send)
        elif mounted[:1] in {("api",), ("static",)}:
            await self.documents.answer(scope, mounted, receive, send)
        else:
            await self.panel.answer(scope, mounted, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.health.watch_pools)
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            tasks.cancel_scope.cancel()
        await send({"type": "lifespan.shutdown.complete"})


def application() -> App:
    """Return the application of one server process, as the environment names its installation."""
    file = os.environ.get(SETTINGS)
    settings = settings_of(Path(os.environ.get(DATA, ".")), Path(file) if file else None)
    logs.configure(settings)
    return App(storage_of(settings), settings)


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
