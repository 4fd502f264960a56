"""The topmost entries of a directory: added where they are missing, and looked for at every start."""

import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import ldap
import msgspec

from postreeve.passwords import hash_password
from postreeve.settings import Ldap, SettingsError
from postreeve.storage.directory import names
from postreeve.storage.directory.connections import Directory
from postreeve.storage.directory.entries import Values
from postreeve.storage.directory.names import Tree
from postreeve.storage.directory.session import NAME_ONLY, Session
from postreeve.work import StoreUnavailableError

log = logging.getLogger("postreeve.storage")

_TOPMOST: Mapping[str, tuple[str, ...]] = {
    "dc": ("dcObject", "organization"),
    "o": ("organization",),
    "ou": ("organizationalUnit",),
}
"""The classes of a topmost entry, by the first attribute of its name."""


@dataclass(frozen=True)
class Manager:
    """Who may fill an empty directory."""

    dn: str
    password: str


def fill(settings: Ldap, manager: Manager | None = None, reader_password: str = "") -> dict[str, str]:
    """Add what is missing of the topmost entries, and return the new accounts with passwords that were generated.

    A directory that has both containers is left as it is.
    """
    acting = msgspec.structs.replace(settings, bind_dn=manager.dn, password=manager.password) if manager else settings
    with _session(acting, is_empty=manager is None) as session:
        tree = session.tree
        if _are_there(session):
            return {}
        _require_schema(session, settings)
        given = {tree.reader: reader_password, tree.writer: ""}
        if names.key(settings.account) in {names.key(dn) for dn in given}:
            given[next(dn for dn in given if names.key(dn) == names.key(settings.account))] = settings.password
        generated = {dn: secrets.token_urlsafe(24) for dn, password in given.items() if not password}
        new = {dn: entry for dn, entry in _entries(tree, given | generated).items() if not session.find(dn, NAME_ONLY)}
        for dn, entry in new.items():
            session.add(dn, entry)
        session.commit()
        return {dn: password for dn, password in generated.items() if dn in new}


def check(settings: Ldap) -> None:
    """Raise `SettingsError` with one sentence when a directory can not be used."""
    for url in settings.url.split():
        if url.startswith("ldap://") and not settings.start_tls and not _is_here(url):
            log.warning("Passwords go to %s unencrypted: see the settings ldap.start_tls and ldap.url.", url)
    with _session(settings) as session:
        if not _are_there(session):
            raise SettingsError(f"The {settings} is empty: run `postreeve init` first.")
        _require_schema(session, settings)


@contextmanager
def _session(settings: Ldap, *, is_empty: bool = False) -> Iterator[Session]:
    directory = Directory(settings, 1)
    try:
        with Session(directory) as session:
            yield session
    except StoreUnavailableError as error:
        hint = ""
        if is_empty and isinstance(error.__cause__, ldap.INVALID_CREDENTIALS):
            hint = " An empty directory has no accounts: name one that may fill it with --ldap-manager."
        raise SettingsError(f"The {settings} can not be used: {' '.join(str(error).split())}.{hint}") from error
    finally:
        directory.close()


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _are_there(session: Session) -> bool:
    return all(session.find(dn, NAME_ONLY) for dn in (session.tree.domains, session.tree.admins))


def _require_schema(session: Session, settings: Ldap) -> None:
    for needed in ("mailDomain", "mailAdmin", "mailUser", "mailAlias", "mailList", "mailExternalUser", "amavisAccount"):
        if not session.schema.has(needed):
            raise SettingsError(
                f"The {settings} has no class {needed}: give it the schema that `postreeve ldap-config` writes."
            )


def _entries(tree: Tree, passwords: Mapping[str, str]) -> dict[str, dict[str, Values]]:
    """Return the topmost entries in the order in which they can be added."""
    attribute, value = names.parts(tree.suffix)[0]
    if (classes := _TOPMOST.get(attribute.lower())) is None:
        raise SettingsError(f"The suffix {tree.suffix} has no entry, and can not get one: it is no dc=, o= or ou=.")
    topmost: dict[str, Values] = {"objectClass": classes, attribute: value}
    accounts = {dn: _account(names.value(dn), password) for dn, password in passwords.items()}
    containers = {dn: _container(names.value(dn)) for dn in (tree.domains, tree.admins)}
    return {tree.suffix: topmost | ({"o": value} if "organization" in classes else {}), **accounts, **containers}


def _account(name: str, password: str) -> dict[str, Values]:
    # {SSHA} needs no module of slapd.
    return {
        "objectClass": ("person", "shadowAccount"), "cn": name, "sn": name, "uid": name,
        "userPassword": hash_password(password, "SSHA"),
    }  # fmt: skip


def _container(name: str) -> dict[str, Values]:
    return {"objectClass": "organization", "o": name}
