"""The programs that read what we write: one Dovecot for all tests of an engine, and Postfix's look-ups."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mail_system import Dovecot, PostfixMaps, configure, private_directory
from tests.readers.directory import DirectoryReaders
from tests.readers.readers import Readers
from tests.site import PASSWORD, Site

_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the second driver for MariaDB: Postfix and Dovecot have their own."""
    engines = {_engine(item) for item in items}
    extra = {"mariadb-mysqlclient"} if "mariadb" in engines else set()
    left_out = [item for item in items if _FOLDER in item.path.parents and _engine(item) in extra]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def mail_programs(installation: Site) -> Iterator[tuple[PostfixMaps, Dovecot]]:
    """Postfix's maps and a running Dovecot for each of the engines in turn."""
    with private_directory() as home:
        system = configure(installation.settings, home, home, **look_ups(installation))
        with Dovecot(home / "config", system) as dovecot:
            yield PostfixMaps(home / "config"), dovecot


@pytest.fixture
def readers(mail_programs: tuple[PostfixMaps, Dovecot], site: Site) -> Readers:
    """What Postfix and Dovecot make of a wiped installation, whose mailboxes have paths that are easy to read."""
    maps, dovecot = mail_programs
    site.change_settings(maildir_hashed=False, maildir_append_timestamp=False)
    return (DirectoryReaders if site.directory else Readers)(maps, dovecot.doveadm)


def look_ups(site: Site) -> dict[str, str]:
    """Return who asks a directory for accounts: its own account for that, which only reads."""
    return {"look_up_user": "vmail", "look_up_password": PASSWORD} if site.directory else {}


def _engine(item: pytest.Item) -> str:
    """Return the server with which a test runs, if it runs with one."""
    call = getattr(item, "callspec", None)
    return str(call.params.get("server", "")) if call else ""
