"""A backup as `docs/backup.md` has it brings everything back."""

from contextlib import closing
from pathlib import Path

import pymysql
import pytest

from postreeve.settings import STORES
from tests import servers
from tests.delivery import backup
from tests.servers import MariadbServer, PostgresqlServer, Server, _postgresql_programs
from tests.site import PASSWORD, ROOT, Row, Site, _read


def everything(site: Site) -> dict[str, list[Row]]:
    """Return all rows of all tables, ours too."""
    return {
        f"{name}.{table}": sorted(_read(database, table), key=str)
        for name, database in site.storage.databases.items()
        for table in database.schema.columns
    }


@pytest.mark.slow  # programs that read and write four databases
@pytest.mark.sql
def test_all_databases_come_back(site: Site, server: Server, tmp_path: Path) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com", name="Ünïcode & 'quotes'")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, aliases="a@ex.com")
    root.ok("POST", "throttle/ann@ex.com/outbound", period="60", max_msgs="7")
    root.ok("POST", "wblist/inbound/whitelist/ann@ex.com", addresses="bob@far.test")
    before = everything(site)
    _run("saves", server, site, tmp_path)
    root.ok("DELETE", "domain/ex.com")
    root.ok("POST", "domain/new.com")
    site.execute("vmail", "DELETE FROM admin")
    stop(site)
    _run("restores", server, site, tmp_path)
    assert everything(site) == before
    again = site.client().login(ROOT)
    assert again.data("users/ex.com", email_only="yes") == ["ann@ex.com"]
    again.ok("DELETE", "user/ann@ex.com")


@pytest.mark.slow  # two servers
def test_a_new_mariadb_gets_users_and_databases(tmp_path: Path) -> None:
    with servers._folder() as folder, servers.mariadb(folder / "old") as old, servers.mariadb(folder / "new") as new:
        for name in STORES:
            old.create_database(name)
        with closing(old._connection()) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE vmail.it (a int)")
            cursor.execute("CREATE USER 'vmail'@'localhost' IDENTIFIED BY 'secret'")
            cursor.execute("GRANT SELECT ON vmail.* TO 'vmail'@'localhost'")
        places = {"/var/backups/postreeve": str(tmp_path / "saved")}
        for what, server in (("saves", old), ("restores-users-of", new), ("restores", new)):
            backup.run(backup.command(f"{what}-mariadb", places, {}), HOME=_home_of_root(server, tmp_path))
        with pymysql.connect(unix_socket=new.socket, user="vmail", password="secret", database="vmail") as there:
            assert there.cursor().execute("SHOW TABLES") == 1


def _home_of_root(server: MariadbServer, folder: Path) -> str:
    """Say in a folder how root reaches a server."""
    (folder / ".my.cnf").write_text(f"[client]\nsocket={server.socket}\nuser=root\n")
    return str(folder)


def stop(site: Site) -> None:
    """Leave the databases alone, as a service does that is stopped."""
    for database in site.storage.databases.values():
        database.pool.dispose()


def _run(what: str, server: Server, site: Site, folder: Path) -> None:
    names = {name: database.store.database for name, database in site.storage.databases.items()}
    places = {"/var/backups/postreeve": str(folder / "saved")}
    match server:
        case PostgresqlServer(there):
            where = {"PGHOST": str(there), "PGPORT": "5432", "PGUSER": "postgres", "PATH": str(_postgresql_programs())}
            backup.run(backup.command(f"{what}-postgresql", places, names), **where)
        case MariadbServer():
            backup.run(backup.command(f"{what}-mariadb", places, names), HOME=_home_of_root(server, folder))
        case _:
            files = {name: Path(database.store.path) for name, database in site.storage.databases.items()}
            names = {name: path.stem for name, path in files.items()}
            places["/var/lib/postreeve"] = str(files["vmail"].parent)
            backup.run(backup.command(f"{what}-sqlite", places, names))


def test_files_come_back_with_their_rights(tmp_path: Path) -> None:
    places = {"/var/backups/postreeve": str(tmp_path / "saved"), "--directory=/ ": f"--directory={tmp_path}/host "}
    settings = tmp_path / "host/etc/postreeve/postreeve.toml"
    lists = tmp_path / "host/var/vmail"
    for file in (settings, lists / "mlmmj/ex.com/l/control/x", lists / "mlmmj-archive/x"):
        file.parent.mkdir(parents=True)
        file.write_text("it")
        file.chmod(0o600)
    backup.run(backup.command("saves-files", places, {}))
    settings.unlink()
    backup.run(backup.command("restores-files", places, {}))
    assert (settings.read_text(), settings.stat().st_mode & 0o777) == ("it", 0o600)
    assert (tmp_path / "saved/files.tar.gz").stat().st_mode & 0o077 == 0
