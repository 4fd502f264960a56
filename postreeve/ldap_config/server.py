"""What differs from one directory server to the next."""

import re
from dataclasses import dataclass
from pathlib import Path

from postreeve.settings import SettingsError

_DATABASE = re.compile(r"\{\d+\}\w+", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class LdapServer:
    """Where slapd lives; the defaults are Debian's."""

    database: str = "{1}mdb"
    """The database in `cn=config`."""
    manager_password: str = ""
    """Of `cn=Manager`, who may do everything; empty leaves a line to fill in."""
    group: str = "openldap"
    """slapd's group, which may read the password's hash."""
    schema_directory: Path = Path("/etc/ldap/schema")
    module_directory: Path = Path("/usr/lib/ldap")
    run_directory: Path = Path("/run/slapd")
    data_directory: Path = Path("/var/lib/ldap")

    def __post_init__(self) -> None:
        """Refuse a database that `cn=config` would not know."""
        if not _DATABASE.fullmatch(self.database):
            raise SettingsError(f"{self.database!r} is no database of cn=config, such as {{1}}mdb.")
