"""The programs that read what we write: one Dovecot for all tests of an engine, and Postfix's look-ups."""

from collections.abc import Iterator

import pytest

from tests.mail_system import Dovecot, PostfixMaps, configure, private_directory
from tests.readers.directory import DirectoryReaders
from tests.readers.readers import Readers
from tests.site import PASSWORD, Site


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
