"""Write the files."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from postreeve.mail_config import connections, directory, look_ups
from postreeve.mail_config.system import MailSystem
from postreeve.settings import Ldap, Settings, SettingsError, Store

_SECRET = 0o640
_OPEN = 0o644
_TEMPLATES = Environment(
    loader=PackageLoader("postreeve.mail_config"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - these are not web pages
)


@dataclass(frozen=True, slots=True)
class _File:
    """One file: its path below the target, its text, and who may read a secret in it."""

    path: str
    text: str
    secret_of: str = ""


def write(settings: Settings, data: Path, target: Path, system: MailSystem | None = None) -> list[Path]:
    """Write Postfix's and Dovecot's files below `target`, over older ones, and return their paths.

    `data` is the directory of the embedded databases. Files with a password are closed to others; where we
    may, they are given to the group of the program that reads them.
    """
    system = system or MailSystem()
    if target.exists() and not target.is_dir():
        raise SettingsError(f"{target} is no directory.")
    try:
        return [_put(target, file) for file in _files(settings, data, system)]
    except OSError as error:
        raise SettingsError(f"{error.filename or target} can not be written: {error.strerror}.") from error


def _files(settings: Settings, data: Path, system: MailSystem) -> Iterator[_File]:
    """Yield what is the same for all accounts, and what is for those in a database or in a directory."""
    # Beside a directory, quota and last login are in iRedAdmin's database.
    counts = settings.iredadmin if settings.ldap else settings.vmail
    engine = "ldap" if settings.ldap else connections.POSTFIX_TYPE[settings.vmail.engine]
    values = {
        **asdict(system),
        "engine": engine,
        "dict_engine": connections.POSTFIX_TYPE[counts.engine],
        "delimiters": settings.recipient_delimiters,
        "mlmmj_transport": settings.mlmmj_transport,
        "mlmmj_receive": Path(settings.mlmmj_programs) / "mlmmj-receive",
        "mlmmj_spool": (data / settings.mlmmj_spool).absolute(),
        "dict_user": _database_owner(counts, data) or system.dovecot_user,
        "database": (data / counts.path).absolute(),
        "connect": connections.dovecot_connect(counts, data),
    }
    yield from _of_directory(settings.ldap, system) if settings.ldap else _of_database(settings.vmail, data, system)
    for name in ("README", "postfix/main.cf", "postfix/master.cf", "dovecot/dovecot.conf"):
        yield _File(name, _rendered(name, values))
    for name in ("used-quota", "last-login"):
        path = f"dovecot/dovecot-{name}.conf.ext"
        yield _File(path, _rendered(path, values), system.dovecot_group)


def _of_database(store: Store, data: Path, system: MailSystem) -> Iterator[_File]:
    reader = _reader(store, system)
    engine = connections.POSTFIX_TYPE[store.engine]
    for name, query in look_ups.postfix_maps(store.engine).items():
        yield _File(f"postfix/{engine}/{name}.cf", _map(reader, data, query), system.postfix_group)
    values = {
        "engine": engine,
        "reader_connect": connections.dovecot_connect(reader, data),
        "queries": {name: _on_lines(query, " \\\n") for name, query in look_ups.dovecot_queries(store.engine).items()},
    }
    path = "dovecot/dovecot-sql.conf.ext"
    yield _File(path, _rendered(path, values), system.dovecot_group)


def _of_directory(ldap: Ldap, system: MailSystem) -> Iterator[_File]:
    account, password = directory.reader_of(ldap, system.look_up_user, system.look_up_password)
    server = directory.postfix_lines(ldap, account, password)
    for name, look_up in directory.postfix_maps(ldap.suffix).items():
        yield _File(f"postfix/ldap/{name}.cf", _lines({**server, **look_up.lines()}), system.postfix_group)
    values = {
        "ldap": ldap,
        "reader_dn": connections.dovecot_quoted(account),
        "reader_password": connections.dovecot_quoted(password),
        **directory.dovecot_values(ldap.suffix),
    }
    path = "dovecot/dovecot-ldap.conf.ext"
    yield _File(path, _rendered(path, values), system.dovecot_group)


def _rendered(name: str, values: Mapping[str, Any]) -> str:
    return _TEMPLATES.get_template(name).render(values)


def _reader(store: Store, system: MailSystem) -> Store:
    if not system.look_up_user:
        return store
    return msgspec.structs.replace(store, user=system.look_up_user, password=system.look_up_password)


def _database_owner(store: Store, data: Path) -> str:
    """Return who may write an embedded database, as Dovecot does with quota and last login."""
    if store.engine != "sqlite":
        return ""
    file = data / store.path
    if not file.is_file():
        raise SettingsError(f"There is no database {file}: run `postreeve init` first, or name its directory.")
    return file.owner()


def _map(store: Store, data: Path, query: str) -> str:
    return _lines({**connections.postfix_lines(store, data), "query": _on_lines(query, "\n")})


def _lines(parameters: Mapping[str, str]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in parameters.items())


def _on_lines(query: str, end: str) -> str:
    return end + indent(dedent(query.removeprefix("\n")), "    ").replace("\n", end)


def _put(target: Path, file: _File) -> Path:
    path = target / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(file.text, encoding="utf-8")
    path.chmod(_SECRET if file.secret_of else _OPEN)
    if file.secret_of and os.geteuid() == 0:
        _give(path, file.secret_of)
    return path


def _give(path: Path, group: str) -> None:
    try:
        shutil.chown(path, group=group)
    except LookupError:
        # Written on another machine than the mail server; README says whom the file is for.
        return
