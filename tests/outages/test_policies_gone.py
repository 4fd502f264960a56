"""Accounts go and get other addresses while a database of policies is away; the policies follow when it is back."""

import subprocess
from pathlib import Path

import pytest

from postreeve.jobs import pending
from postreeve.storage.sql import Session
from tests.outages.conftest import POLICIES, Apart
from tests.outages.processes import ran, settings_file
from tests.pending.policies import WHITELISTED, create_domains, create_user, facts, give, renamed, told_of
from tests.site import PASSWORD, Client, Row, Site

ANN, BOB, CAT = "ann@ex.com", "bob@ex.com", "cat@ex.net"
pytestmark = [
    pytest.mark.slow,  # servers that come and go
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


def other(store: str) -> str:
    """Return the store of policies that stays."""
    return next(name for name in POLICIES if name != store)


def populated(site: Site) -> Client:
    """Create two domains and a user with policies."""
    root = site.root()
    create_domains(root, "ex.com", "ex.net")
    create_user(root, ANN)
    give(root, ANN)
    return root


def settled(site: Site, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the job as cron does."""
    return ran("job pending", settings_file(folder, site.stores))


def assert_settles(site: Site, steps: int) -> None:
    """Run the job, which does all there is; run again it finds nothing."""
    assert pending.run(site.storage) == (steps, 0)
    assert pending.run(site.storage) == (0, 0)


def rename_user(root: Client) -> str:
    answer = root.post(f"user/{ANN}/change_email/{CAT}")
    assert answer.pop("_success")
    [words] = answer.pop("_pending")
    assert answer == {}
    return str(words)


@pytest.mark.slow  # four starts of the command
def test_a_renaming_is_done_without_its_policies_and_they_follow(apart: Apart, tmp_path: Path) -> None:
    site, [store] = apart.site, apart.stores
    root = populated(site)
    before = facts(site)
    apart.stop()
    assert rename_user(root) == f"{store}: {ANN} is to become {CAT}"
    assert root.data("users/ex.net", email_only="yes") == [CAT]
    assert facts(site, other(store)) == told_of(CAT, facts(site, other(store)))
    for _ in range(2):
        done = settled(site, tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.endswith("\n0 settled, 1 left.\n")
        assert f"Pending: {store}: {ANN} is to become {CAT}. " in done.stderr
        assert "Traceback" not in done.stderr
    apart.start()
    for number in (1, 0):
        done = settled(site, tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{number} settled, 0 left.\n", "")
    assert facts(site) == renamed(before, ANN, CAT)
    assert told_of(CAT, facts(site)) == facts(site)


@pytest.mark.parametrize("path", [f"user/{ANN}", "domain/ex.com"])
def test_a_deletion_is_done_without_its_policies_and_they_follow(apart: Apart, path: str) -> None:
    site, [store] = apart.site, apart.stores
    root = populated(site)
    give(root, "ex.net", 6)
    kept = facts(site)
    give(root, "ex.com", 7)
    create_user(root, BOB)
    give(root, BOB, 8)
    name = path.partition("/")[2]
    gone = told_of(name, facts(site))
    kept = sorted(fact for fact in facts(site) if fact not in gone)
    assert gone
    apart.stop()
    assert root.delete(path) == {"_success": True, "_pending": [f"{store}: {name} is to be forgotten"]}
    assert pending.run(site.storage) == (0, 1)
    apart.start()
    assert_settles(site, 1)
    assert facts(site) == kept


@pytest.mark.parametrize("deed", ["rename", "delete"])
def test_a_store_that_goes_away_in_the_middle_follows_later(
    apart: Apart, deed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, [store] = apart.site, apart.stores
    root = populated(site)
    before = facts(site)
    # A transaction in a SQLite file outlives the file's name, so that is gone before it begins.
    moment = "begin" if site.engine == "sqlite" else "commit"
    proceed = getattr(Session, moment)

    def stop_and_proceed(session: Session) -> None:
        if session.database is site.storage.databases[store]:
            monkeypatch.undo()
            apart.stop()
        proceed(session)

    monkeypatch.setattr(Session, moment, stop_and_proceed)
    if deed == "rename":
        assert rename_user(root) == f"{store}: {ANN} is to become {CAT}"
    else:
        assert root.delete(f"user/{ANN}") == {"_success": True, "_pending": [f"{store}: {ANN} is to be forgotten"]}
    assert apart.is_away
    apart.start()
    assert told_of(ANN, facts(site)) == facts(site, store)
    assert_settles(site, 1)
    assert facts(site) == (renamed(before, ANN, CAT) if deed == "rename" else [])


@pytest.mark.parametrize("path", ["user/ann@ex.com", "alias/sales@ex.com", "domain/ex.com"])
def test_a_name_is_free_again_when_what_was_there_is_forgotten(both: Apart, path: str) -> None:
    site = both.site
    root = populated(site)
    root.ok("POST", "alias/sales@ex.com")
    create_user(root, BOB)
    name = path.partition("/")[2]
    give(root, name)
    old = told_of(name, facts(site))
    both.stop()
    assert root.delete(path)["_success"]
    accounts = accounts_of(site)
    creating = {"password": PASSWORD} if path.startswith("user") else {}
    takings: list[tuple[str, str, dict[str, str]]] = [("POST", path, creating)]
    if "@" in name:
        takings += [("POST", f"user/{name}", {"password": PASSWORD}), ("POST", f"alias/{name}", {})]
        takings += [("PUT", f"user/{BOB}", {"addAlias": name}), ("POST", f"user/{BOB}/change_email/{name}", {})]
    else:
        takings += [("PUT", "domain/ex.net", {"aliasDomains": name}), ("POST", "domain/x.test", {"aliasDomains": name})]
    for method, taking, given in takings:
        refused_for_now(root, method, taking, given, name)
    assert accounts_of(site) == accounts
    both.start()
    root.ok("POST", path, **creating)
    assert told_of(name, facts(site)) == []
    assert site.rows("postreeve_pending") == []
    give(root, name, 9)
    again = told_of(name, facts(site))
    assert again
    assert len(again) == len([fact for fact in old if fact[1].removeprefix("@") == name])


def accounts_of(site: Site) -> list[list[Row]]:
    return [site.rows(table) for table in ("domain", "alias_domain", "mailbox", "alias", "forwardings")]


def refused_for_now(root: Client, method: str, path: str, given: dict[str, str], name: str) -> None:
    answer = root.raw(method, path, data=given)
    assert (answer.status_code, answer.json()) == (
        503,
        {
            "_success": False,
            "_msg": "SERVICE_UNAVAILABLE",
            "_hint": f"What is pending for {name} in amavisd has to be finished first.",
        },
    )
    assert int(answer.headers["retry-after"]) > 0


def test_policies_move_along_a_chain_of_renamings(both: Apart) -> None:
    site = both.site
    root = populated(site)
    before = facts(site)
    both.stop()
    for old, new in [(ANN, BOB), (BOB, CAT)]:
        assert root.post(f"user/{old}/change_email/{new}")["_pending"] == both.steps(f"{old} is to become {new}")
    both.start()
    assert_settles(site, 4)
    assert facts(site) == renamed(before, ANN, CAT)


def test_the_next_renaming_first_does_all_those_before_it(both: Apart) -> None:
    """The policies are still under a name that this renaming does not know."""
    site = both.site
    root = populated(site)
    before = facts(site)
    both.stop()
    for old, new in [(ANN, BOB), (BOB, CAT)]:
        assert root.post(f"user/{old}/change_email/{new}")["_success"]
    both.start()
    root.ok("POST", f"user/{CAT}/change_email/dan@ex.net")
    assert facts(site) == renamed(before, ANN, "dan@ex.net")
    assert site.rows("postreeve_pending") == []


def test_two_users_swap_addresses_only_while_everybody_follows(both: Apart) -> None:
    site = both.site
    root = populated(site)
    create_user(root, BOB)
    give(root, BOB, 8)
    anns, bobs = told_of(ANN, facts(site)), told_of(BOB, facts(site))
    both.stop()
    assert root.post(f"user/{ANN}/change_email/{CAT}")["_success"]
    refused_for_now(root, "POST", f"user/{BOB}/change_email/{ANN}", {}, ANN)
    refused_for_now(root, "POST", f"user/{CAT}/change_email/{ANN}", {}, ANN)
    both.start()
    root.ok("POST", f"user/{BOB}/change_email/{ANN}")
    root.ok("POST", f"user/{CAT}/change_email/{BOB}")
    assert facts(site) == sorted(renamed(anns, ANN, BOB) + renamed(bobs, BOB, ANN))


def test_the_former_address_of_a_user_is_created_anew_without_policies(both: Apart) -> None:
    site = both.site
    root = populated(site)
    before = facts(site)
    both.stop()
    assert root.post(f"user/{ANN}/change_email/{CAT}")["_success"]
    refused_for_now(root, "POST", f"user/{ANN}", {"password": PASSWORD}, ANN)
    both.start()
    create_user(root, ANN)
    assert facts(site) == renamed(before, ANN, CAT)


def test_what_is_set_for_the_new_address_in_between_stays(apart: Apart) -> None:
    """In the store that stays it is set at once; in the other one another program may be faster than the job."""
    site, [store] = apart.site, apart.stores
    root = populated(site)
    before = facts(site)
    apart.stop()
    assert root.post(f"user/{ANN}/change_email/{CAT}")["_success"]
    if store == "amavisd":
        root.ok("POST", f"throttle/{CAT}/inbound", period="60", max_msgs="9")
    else:
        root.ok("PUT", f"spampolicy/user/{CAT}", spam_score="9")
    apart.start()
    if store == "amavisd":
        site.execute(store, f"INSERT INTO users (email, priority, policy_id) VALUES ('{CAT}', 10, 0)")
        entry = (
            "SELECT users.id, mailaddr.id, 'B' FROM users, mailaddr WHERE users.email = '{}' AND mailaddr.email = '{}'"
        )
        text = entry.format(CAT, WHITELISTED[0])
        site.execute(store, f"INSERT INTO wblist (rid, sid, wb) {text}")
        changed = [("throttle", CAT, "inbound", "5"), ("inbound", CAT, WHITELISTED[0], "W")]
        instead = [("throttle", CAT, "inbound", "9"), ("inbound", CAT, WHITELISTED[0], "B")]
    else:
        values = f"('{CAT}', 'inbound', 100, 60, 9)"
        site.execute(store, f"INSERT INTO throttle (account, kind, priority, period, max_msgs) VALUES {values}")
        values = f"('{CAT}', 100, '@.', 0, 1)"
        site.execute(
            store, f"INSERT INTO greylisting (account, priority, sender, sender_priority, active) VALUES {values}"
        )
        changed = [("policy", CAT, "5", "Y"), ("throttle", CAT, "inbound", "5"), ("greylisting", CAT, "@.", "0")]
        instead = [("policy", CAT, "9", "Y"), ("throttle", CAT, "inbound", "9"), ("greylisting", CAT, "@.", "1")]
    assert_settles(site, 1)
    after = set(renamed(before, ANN, CAT))
    assert set(changed) <= after
    assert facts(site) == sorted((after - set(changed)) | set(instead))


def test_a_user_who_left_a_domain_keeps_policies_when_the_domain_goes(both: Apart) -> None:
    """The domain's deletion comes to the store before the job does."""
    site = both.site
    root = populated(site)
    create_user(root, BOB)
    give(root, BOB, 8)
    create_user(root, CAT)
    give(root, CAT, 9)
    anns = told_of(ANN, facts(site))
    both.stop()
    assert root.post(f"user/{ANN}/change_email/ann@ex.net")["_success"]
    assert root.post(f"user/{CAT}/change_email/cat@ex.com")["_success"]
    both.start()
    root.ok("DELETE", "domain/ex.com")
    assert facts(site) == renamed(anns, ANN, "ann@ex.net")
    assert site.rows("postreeve_pending") == []


def test_a_domain_that_comes_again_has_nothing_of_the_one_before(both: Apart, caplog: pytest.LogCaptureFixture) -> None:
    site = both.site
    root = populated(site)
    give(root, "ex.com", 7)
    both.stop()
    assert root.post(f"user/{ANN}/change_email/{BOB}")["_success"]
    assert root.delete("domain/ex.com")["_success"]
    refused_for_now(root, "POST", "domain/ex.com", {}, "ex.com")
    caplog.clear()
    assert pending.run(site.storage) == (0, 4)
    assert len(caplog.messages) == 2  # a store that does not answer is asked once
    both.start()
    root.ok("POST", "domain/ex.com")
    assert facts(site) == []
    for mail in (ANN, BOB):
        create_user(root, mail)
    assert facts(site) == []
