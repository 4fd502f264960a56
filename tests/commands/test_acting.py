"""Who acts at the command line, what the log says of it, and what a store that is away means."""

import socket
from pathlib import Path

import pytest

from postreeve.settings import Store
from postreeve.storage import engines
from postreeve.storage.sql import Session
from postreeve.storage.tables.vmail import domain
from tests.commands.typing_in import Shell, shell
from tests.outages.processes import free_port, settings_file
from tests.site import PASSWORD, ROOT, Site

JANE = "jane@far.test"


def _by_cli(site: Site) -> list[tuple[str, str, str]]:
    return [(row["admin"], row["ip"], row["msg"]) for row in site.rows("log") if row["msg"].startswith("[CLI]")]


def test_the_only_global_admin_acts_and_the_log_says_so(site: Site, at: Shell) -> None:
    at.ok("domain", "update", "ex.com", "--name=Mine")
    assert _by_cli(site) == [(ROOT, "127.0.0.1", "[CLI] Update the profile of a domain: ex.com (name).")]


def test_of_several_global_admins_one_has_to_be_named(site: Site, at: Shell, tmp_path: Path) -> None:
    site.root().ok("POST", f"admin/{JANE}", password=PASSWORD, isGlobalAdmin="yes")
    words = ("domain", "update", "ex.com", "--name=Mine")
    told = at.refusal(*words)
    assert told == "postreeve: There are 2 global admins: say with --as or POSTREEVE_ADMIN who acts."
    at.ok(*words, f"--as={JANE}")
    at.ok(*words, POSTREEVE_ADMIN=ROOT)
    at.ok(*words, f"--as={JANE.upper()}", POSTREEVE_ADMIN=ROOT)
    (tmp_path / "named").mkdir()
    shell(site, tmp_path / "named", admin=ROOT).ok(*words)
    assert sorted(admin for admin, *_ in _by_cli(site)) == [JANE, JANE, ROOT, ROOT]


def test_who_is_no_admin_or_disabled_or_unknown_does_not_act(site: Site, at: Shell) -> None:
    root = site.root()
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    root.ok("POST", f"admin/{JANE}", password=PASSWORD)
    root.ok("PUT", f"admin/{JANE}", accountStatus="disabled")
    for name in ("ann@ex.com", JANE, "ghost@far.test", "nobody"):
        assert at.refusal("domain", "list", f"--as={name}") == f"postreeve: {name} is no admin here, or a disabled one."


def test_rights_are_those_of_the_admin_who_acts(site: Site, at: Shell) -> None:
    site.root().ok("POST", "domain/b.test")
    site.admin(JANE, "ex.com")
    assert [line.split("\t")[0] for line in at.ok("domain", "list", f"--as={JANE}").splitlines()] == ["ex.com"]
    for words in (("domain", "show", "b.test"), ("admin", "list"), ("domain", "update", "ex.com", "--quota=1")):
        assert at.refusal(*words, f"--as={JANE}").endswith("(PERMISSION_DENIED)")
    assert at.refusal("admin", "delete", ROOT).endswith("(PROTECTED_ACCOUNT)")


@pytest.mark.sql
def test_a_store_that_does_not_answer_has_its_own_exit_code(site: Site, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    away = Store(engine="postgresql", port=port, database="iredadmin", user="x", password="y")
    file = settings_file(tmp_path, {**site.stores, "iredadmin": away}, mlmmj="")
    told = Shell(file).refusal("domain", "list", status=3)
    assert "can not be reached" in told


def test_what_can_not_be_done_now_has_the_same_exit_code(site: Site, tmp_path: Path) -> None:
    """What is pending for an address has to be finished in a store that is away."""
    site.root().ok("POST", "domain/ex.com")
    site.execute(
        "iredadmin",
        "INSERT INTO postreeve_pending (store, deed, name, new_name, witness, created)"
        " VALUES ('amavisd', 'forget', 'x@ex.com', '', 'mailbox 2020-01-01 00:00:00', 1)",
    )
    away = Store(engine="postgresql", port=free_port(), database="amavisd", user="x", password="y")
    file = settings_file(tmp_path, {**site.stores, "amavisd": away}, mlmmj="")
    told = Shell(file).refusal("alias", "create", "x@ex.com", status=3)
    assert told.endswith("(SERVICE_UNAVAILABLE)")
    assert "pending for x@ex.com" in told


@pytest.mark.slow  # waits for a lock
@pytest.mark.sql
def test_a_store_that_others_hold_is_told_as_away(site: Site, at: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "LOCK_SECONDS", 1)
    with Session(site.storage.databases["vmail"]) as other:
        other.begin()
        other.update(domain, {"description": "Mine."}, domain="ex.com")
        assert at.refusal("domain", "update", "ex.com", "--name=x", status=3).endswith("(SERVICE_UNAVAILABLE)")
    at.ok("domain", "update", "ex.com", "--name=x")
