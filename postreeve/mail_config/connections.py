"""How Postfix and Dovecot reach the database: the same store in their two ways of writing."""

from pathlib import Path

from postreeve.settings import Engine, SettingsError, Store

POSTFIX_TYPE: dict[Engine, str] = {"sqlite": "sqlite", "postgresql": "pgsql", "mariadb": "mysql"}
"""The name of a Postfix map type, which is also the name of Dovecot's driver."""


def postfix_lines(store: Store, data: Path) -> dict[str, str]:
    """Return the parameters of a Postfix map that name the database."""
    if store.engine == "sqlite":
        return {"dbpath": str((data / store.path).absolute())}
    database = store.database
    if store.socket and store.port and store.engine == "postgresql":
        # Postfix knows no port for a socket; libpq takes a database's name with "=" for a list of options.
        database = f"dbname={_libpq(store.database)} port={store.port}"
    server = f"unix:{store.socket}" if store.socket else f"inet:{_address(store)}"
    lines = {"hosts": server, "user": store.user, "password": store.password, "dbname": database}
    return {name: value for name, value in lines.items() if value}


def dovecot_connect(store: Store, data: Path) -> str:
    """Return Dovecot's `connect`, quoted as its files want it."""
    match store.engine:
        case "sqlite":
            text = str((data / store.path).absolute())
        case "postgresql":
            text = " ".join(f"{name}={_libpq(value)}" for name, value in _login(store).items())
        case "mariadb":
            text = " ".join(f"{name}={_without_blanks(value)}" for name, value in _login(store).items())
    return dovecot_quoted(text)


def dovecot_quoted(text: str) -> str:
    """Return a value in quotes; without them a "#" would begin a comment."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _login(store: Store) -> dict[str, str]:
    values = {
        "host": store.socket or store.host,
        "port": str(store.port) if store.port else "",
        "dbname": store.database,
        "user": store.user,
        "password": store.password,
    }
    return {name: value for name, value in values.items() if value}


def _address(store: Store) -> str:
    host = f"[{store.host}]" if ":" in store.host else store.host
    return f"{host}:{store.port}" if store.port else host


def _libpq(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _without_blanks(value: str) -> str:
    if any(character.isspace() for character in value):
        raise SettingsError("Dovecot can not log in to MariaDB with a blank in the user's name or password.")
    return value
