"""A domain with people, and what mlmmj finds in the spool."""

from pathlib import Path
from typing import Any

import pytest

from tests.entries import of_accounts
from tests.servers import OPENLDAP
from tests.site import PASSWORD, Client, Site

Files = dict[str, str]


@pytest.fixture
def root(site: Site) -> Client:
    """A domain with an alias domain and two users."""
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="alias.com")
    root.ok("POST", "domain/far.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    root.ok("POST", "user/bob@ex.com", password=PASSWORD)
    return root


@pytest.fixture
def spool(site: Site) -> Path:
    """Where the lists are."""
    return Path(site.settings.mlmmj_spool)


def accounts_of(site: Site) -> dict[str, Any]:
    """Return everything but the log, when rows were changed, and what a directory's domains count."""
    found = {
        table: [{key: value for key, value in row.items() if key != "modified"} for row in rows]
        for table, rows in site.dump().items()
        if table not in {"log", OPENLDAP}
    }
    return {**found, **({OPENLDAP: of_accounts(site)} if site.directory else {})}


def owners(site: Site) -> set[str]:
    """Return the owners of all lists, as the accounts have them."""
    if site.directory:
        return {owner for entry in site.entries().values() for owner in entry.get("listOwner", ())}
    return {row["owner"] for row in site.rows("maillist_owners")}


def files(spool: Path) -> Files:
    """Return the text of every file in the spool but for mlmmj's own mails, by its path from there."""
    found = (path for path in spool.rglob("*") if path.is_file() and path.parent.name != "text")
    return {str(path.relative_to(spool)): path.read_text(encoding="utf-8") for path in found if path.name[0] != "."}


def control(spool: Path, mail: str = "news@ex.com") -> Files:
    """Return the control files of a list."""
    local, _, domain = mail.partition("@")
    folder = spool / domain / local / "control"
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
