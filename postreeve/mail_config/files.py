"""Write the files."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import dedent, indent

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from postreeve.mail_config import connections, look_ups
from postreeve.mail_config.system import MailSystem
from postreeve.settings import Settings, SettingsError, Store

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
    if settings.ldap:
        raise SettingsError("The look-ups written here are in databases, and the accounts are in a directory.")
    system = system or MailSystem()
    if target.exists() and not target.is_dir():
        raise SettingsError(f"{target} is no directory.")
    try:
        return [_put(target, file) for file in _files(settings, data, system)]
    except OSError as error:
        raise SettingsError(f"{error.filename or target} can not be written: {error.strerror}.") from error


def _files(settings: Settings, data: Path, system: MailSystem) -> Iterator[_File]:
    store = settings.vmail
    reader = _reader(store, system)
    engine = connections.POSTFIX_TYPE[store.engine]
    values = {
        **asdict(system),
        "engine": engine,
        "delimiters": settings.recipient_delimiters,
        "mlmmj_transport": settings.mlmmj_transport,
        "mlmmj_receive": Path(settings.mlmmj_programs) / "mlmmj-receive",
        "mlmmj_spool": (data / settings.mlmmj_spool).absolute(),
        "dict_user": _database_owner(store, data) or system.dovecot_user,
        "database": (data / store.path).absolute(),
        "connect": connections.dovecot_connect(store, data),
        "reader_connect": connections.dovecot_connect(reader, data),
        "queries": {name: _on_lines(query, " \\\n") for name, query in look_ups.dovecot_queries(store.engine).items()},
    }
    for name, query in look_ups.postfix_maps(store.engine).items():
        yield _File(f"postfix/{engine}/{name}.cf", _map(reader, data, query), system.postfix_group)
    for name in ("README", "postfix/main.cf", "postfix/master.cf", "dovecot/dovecot.conf"):
        yield _File(name, _TEMPLATES.get_template(name).render(values))
    for name in ("sql", "used-quota", "last-login"):
        path = f"dovecot/dovecot-{name}.conf.ext"
        yield _File(path, _TEMPLATES.get_template(path).render(values), system.dovecot_group)


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
    lines = {**connections.postfix_lines(store, data), "query": _on_lines(query, "\n")}
    return "".join(f"{name} = {value}\n" for name, value in lines.items())


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
