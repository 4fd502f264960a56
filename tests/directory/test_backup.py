"""A backup of a directory as `docs/backup.md` has it brings it back."""

import re
from pathlib import Path

import pytest

from tests.delivery import backup
from tests.directory.test_outages import Restarted, directory_of, restarted
from tests.directory.test_session import DOMAIN, add_alias
from tests.servers import OpenldapServer

__all__ = ["restarted"]
pytestmark = pytest.mark.slow  # slapd begins anew


def test_the_accounts_come_back(restarted: Restarted, tmp_path: Path) -> None:
    server = restarted.server
    with directory_of(server) as directory:
        add_alias(directory, f"info@{DOMAIN}", cn="Ünïcode")
        before = server.entries("d")
        assert len(before) > 2
        _run("saves", server, tmp_path)
        server.delete_entry("d", directory.tree.alias(f"info@{DOMAIN}"))
        add_alias(directory, f"new@{DOMAIN}", cn="new")
        restarted.stop()
        (server.folder / "slapd.d/cn=config/olcDatabase={1}mdb.ldif").write_text("nothing")
        _run("restores", server, tmp_path, of="-configuration")
        _run("restores", server, tmp_path)
        restarted.start()
        assert server.entries("d") == before
        server.change_entry("d", directory.tree.alias(f"info@{DOMAIN}"), cn=["after"])  # slapd may write its files


def _run(what: str, server: OpenldapServer, folder: Path, of: str = "") -> None:
    places = {
        "/var/backups/postreeve": str(folder / "saved"), "/var/lib/ldap": str(server.folder / "d"),
        "dc=example,dc=com": server.directory("d").suffix, "/etc/ldap/slapd.d": f"{server.folder}/slapd.d",
    }  # fmt: skip
    text = backup.command(f"{what}-openldap{of}", places, {})
    text = re.sub(r"(slapcat|slapadd) (?!-n 0 -F)", rf"\1 -F {server.folder}/slapd.d ", text)
    backup.run(text)
