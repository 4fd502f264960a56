"""Write the files."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from postreeve.ldap_config.rights import DESCRIPTION, INDEXES, limits, rules
from postreeve.ldap_config.server import LdapServer
from postreeve.passwords import hash_password
from postreeve.settings import SettingsError
from postreeve.storage.directory import names
from postreeve.storage.directory.names import Tree
from postreeve.storage.directory.schema import SCHEMAS, files_of

_SECRET = 0o640
_OPEN = 0o644
_TEMPLATES = Environment(
    loader=PackageLoader("postreeve.ldap_config"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - these are not web pages
)


def write(suffix: str, target: Path, server: LdapServer | None = None) -> list[Path]:
    """Write the files of a directory below `target`, over older ones, and return their paths."""
    server = server or LdapServer()
    if not names.is_name(suffix):
        raise SettingsError(f"{suffix!r} is no name of an entry, such as dc=example,dc=com.")
    try:
        return [_put(target / name, text, server) for name, text in _files(Tree(suffix), server)]
    except OSError as error:
        raise SettingsError(f"{error.filename or target} can not be written: {error.strerror}.") from error


def changes_of_configuration(tree: Tree, database: str) -> str:
    """Return what gives a database of `cn=config` its rights, limits and indexes, as LDIF for ldapmodify.

    It may be applied again.
    """
    groups = {
        "olcAccess": [f"{{{number}}}{rule}" for number, rule in enumerate(rules(tree))],
        "olcLimits": [f"{{{number}}}{limit}" for number, limit in enumerate(limits(tree))],
        "olcDbIndex": [f"{attributes} {kinds}" for kinds, attributes in INDEXES],
    }
    lines = [f"dn: {database}", "changetype: modify"]
    for name, values in groups.items():
        lines += [f"replace: {name}", *(f"{name}: {value}" for value in values), "-"]
    return "\n".join(lines) + "\n"


def _files(tree: Tree, server: LdapServer) -> Iterator[tuple[str, str]]:
    values = {
        **asdict(server),
        "tree": tree,
        "rules": list(rules(tree)),
        "limits": list(limits(tree)),
        "indexes": INDEXES,
        "described_by": DESCRIPTION.replace(",", ", "),
        "manager_hash": hash_password(server.manager_password, "SSHA") if server.manager_password else "",
    }
    for name, text in files_of(SCHEMAS):
        yield f"schema/{name}", text
    yield "config.ldif", changes_of_configuration(tree, f"olcDatabase={server.database},cn=config")
    for name in ("slapd.conf", "README"):
        yield name, _TEMPLATES.get_template(name).render(values)


def _put(path: Path, text: str, server: LdapServer) -> Path:
    is_secret = path.name == "slapd.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="utf-8")
    path.chmod(_SECRET if is_secret else _OPEN)
    if is_secret and os.geteuid() == 0:
        _give(path, server.group)
    return path


def _give(path: Path, group: str) -> None:
    try:
        shutil.chown(path, group=group)
    except LookupError:
        # Written on another machine than the directory's; README says whom the file is for.
        return
