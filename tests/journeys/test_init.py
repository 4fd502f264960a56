"""`postreeve init` on empty databases of each engine."""

from pathlib import Path
from uuid import uuid4

import pytest

from postreeve.storage.sql import Database, Session
from tests.outages import processes
from tests.servers import Server
from tests.site import stores

pytestmark = pytest.mark.slow  # starts of the command


def test_init_fills_empty_databases_once_and_prints_what_roles_need(server: Server, tmp_path: Path) -> None:
    name = uuid4().hex[:12]
    databases = stores(server, name)
    file = processes.settings_file(tmp_path, databases)

    first = processes.ran("init", file, "--admin=root@admins.test")
    assert first.returncode == 0, first.stderr
    assert "Global admin root@admins.test created. The password, shown only now: " in first.stdout
    again = processes.ran("init", file, "--admin=root@admins.test")
    assert again.stdout.splitlines() == [
        "The databases are there already.",
        "There is a global admin already: root@admins.test. Nothing was changed.",
    ]

    grants = [line for line in first.stdout.splitlines() if line.startswith(("CREATE ", "GRANT "))]
    assert bool(grants) == (databases["vmail"].engine != "sqlite")
    role = f"reader_{name}"
    database = Database(databases["vmail"], 1)
    with Session(database) as session:
        for grant in grants:
            session.text_execute(grant.replace("ROLE vmail", f"ROLE {role}").replace("TO vmail", f"TO {role}")
                                 .replace("'vmail'@", f"'{role}'@"))  # fmt: skip
    database.pool.dispose()
    for part in databases:
        server.drop_database(f"{part}_{name}")


def test_init_says_why_it_can_not_create_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no directory")
    file = tmp_path / "settings.toml"
    file.write_text(f'[vmail]\nengine = "sqlite"\npath = "{tmp_path}/data/vmail.db"\n')
    refused = processes.ran("init", file, "--admin=root@admins.test")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert "can not be created" in refused.stderr
