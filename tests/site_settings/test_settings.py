"""The settings that admins change while the server runs."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from postreeve.settings import SITE_KEYS
from postreeve.site_settings.fields import BY_NAME
from tests.outages.processes import both, settings_file
from tests.site import PASSWORD, ROOT, Client, Site

CHANGES = [
    ({"min_passwd_length": "12"}, {"min_passwd_length": 12}),
    ({"max_passwd_length": "0"}, {"max_passwd_length": 0}),
    (
        {"password_has_letter": "no", "password_has_number": "yes"},
        {"password_has_letter": False, "password_has_number": True},
    ),
    ({"mailbox_format": "MDBOX", "mailbox_folder": "Mail"}, {"mailbox_format": "mdbox", "mailbox_folder": "Mail"}),
    ({"restful_api_clients": "::1, 127.0.0.0/8"}, {"restful_api_clients": ["127.0.0.0/8", "::1"]}),
    ({"restful_api_clients": ""}, {"restful_api_clients": []}),
    ({"amavisd_remove_maillog_in_days": "30"}, {"amavisd_remove_maillog_in_days": 30}),
    ({"amavisd_remove_quarantined_in_days": "1"}, {"amavisd_remove_quarantined_in_days": 1}),
    ({"iredadmin_log_kept_days": "36500"}, {"iredadmin_log_kept_days": 36500}),
]  # fmt: skip


def _written(site: Site) -> dict[str, Any]:
    """Return the rows as iRedAdmin reads them."""
    return {row["k"]: json.loads(row["v"]) for row in site.rows("settings", account="global")}


@pytest.mark.parametrize(("given", "meant"), CHANGES, ids=[" ".join(given) for given, _ in CHANGES])
def test_a_changed_setting_is_a_row_as_iredadmin_writes_it(
    site: Site, given: dict[str, str], meant: dict[str, Any]
) -> None:
    root = site.root()
    before = root.data("panel/settings")
    assert set(before) == set(SITE_KEYS) == set(BY_NAME)
    root.ok("PUT", "panel/settings", **given)
    assert _written(site) == {name: {"value": value} for name, value in meant.items()}
    after = root.data("panel/settings")
    for name, value in meant.items():
        assert after[name] == {"value": value, "in_file": before[name]["in_file"], "is_overridden": True}
    assert {name: after[name] for name in after.keys() - meant} == {
        name: before[name] for name in before.keys() - meant
    }
    [line] = site.rows("log", event="update")
    assert (
        line["msg"] == f"[API] Change settings of the site: global ({', '.join(sorted(given, key=[*BY_NAME].index))})."
    )


def test_a_setting_goes_back_to_what_the_file_says(site: Site) -> None:
    root = site.root()
    root.ok("PUT", "panel/settings", min_passwd_length="12", password_has_letter="no")
    root.ok("PUT", "panel/settings", min_passwd_length="14", reset="password_has_letter,max_passwd_length")
    assert _written(site) == {"min_passwd_length": {"value": 14}}
    assert root.refused("PUT", "panel/settings", min_passwd_length="9", reset="min_passwd_length") == (
        "CONFLICTING_PARAMETERS"
    )
    root.ok("PUT", "panel/settings", reset="min_passwd_length")
    assert root.data("panel/settings")["min_passwd_length"] == {"value": 8, "in_file": 8, "is_overridden": False}
    assert _written(site) == {}


REFUSALS = [
    ({"min_passwd_length": "-1"}, "INVALID_NUMBER"),
    ({"min_passwd_length": ""}, "INVALID_NUMBER"),
    ({"min_passwd_length": "12", "max_passwd_length": "10"}, "INVALID_VALUE"),
    ({"max_passwd_length": "7"}, "INVALID_VALUE"),
    ({"password_has_letter": "perhaps"}, "INVALID_VALUE"),
    ({"mailbox_format": "mbox"}, "INVALID_VALUE"),
    ({"mailbox_folder": "a/b"}, "INVALID_VALUE"),
    ({"restful_api_clients": "127.0.0.1,somewhere"}, "INVALID_VALUE"),
    ({"amavisd_remove_maillog_in_days": "0"}, "INVALID_NUMBER"),
    ({"reset": "listen"}, "INVALID_VALUE"),
]


@pytest.mark.parametrize(("given", "code"), REFUSALS, ids=[str(given) for given, _ in REFUSALS])
def test_what_a_setting_can_not_be_is_refused(site: Site, given: dict[str, str], code: str) -> None:
    root = site.root()
    assert root.refused("PUT", "panel/settings", **given, password_has_number="no") == code
    assert _written(site) == {}
    assert site.rows("log", event="update") == []


def test_settings_are_for_global_admins(site: Site) -> None:
    site.root().ok("POST", "domain/a.test")
    client = site.admin("al@far.test", "a.test")
    assert client.refused("GET", "panel/settings") == "PERMISSION_DENIED"
    assert client.refused("PUT", "panel/settings", min_passwd_length="1") == "PERMISSION_DENIED"
    assert _written(site) == {}


@pytest.mark.parametrize("name", ["global_admin_ip_list", "admin_login_ip_list"])
def test_nobody_locks_the_own_address_out(site: Site, name: str) -> None:
    root = site.root()
    answer = root.put("panel/settings", **{name: "192.0.2.0/24"})
    assert answer["_msg"] == "INVALID_VALUE"
    assert answer["_hint"] == f"{name}: your own address, 127.0.0.1, is not among them."
    root.ok("PUT", "panel/settings", **{name: "192.0.2.0/24,127.0.0.1"})
    assert root.data("panel/settings")[name]["value"] == ["127.0.0.1", "192.0.2.0/24"]


def test_rows_that_other_programs_broke_count_as_not_there(site: Site) -> None:
    for key, text in (
        ("min_passwd_length", "x"),
        ("max_passwd_length", '{"value": "many"}'),
        ("listen", '{"value": ""}'),
    ):
        site.execute("iredadmin", f"INSERT INTO settings (account, k, v) VALUES ('global', '{key}', '{text}')")
    site.execute(
        "iredadmin", "INSERT INTO settings (account, k, v) VALUES ('ex.com', 'mailbox_folder', '{\"value\": \"X\"}')"
    )
    found = site.root().data("panel/settings")
    assert not [name for name, setting in found.items() if setting["is_overridden"]]
    assert "listen" not in found
    site.root().ok("PUT", "panel/settings", min_passwd_length="9")
    assert site.root().data("panel/settings")["min_passwd_length"]["value"] == 9


def test_a_change_counts_at_once_where_it_is_made(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    root.ok("PUT", "panel/settings", min_passwd_length="30")
    assert root.refused("POST", "user/bob@ex.com", password=PASSWORD) == "PW_SHORTER_THAN_MIN_LENGTH"
    root.ok("PUT", "panel/settings", reset="min_passwd_length", restful_api_clients="192.0.2.1")
    assert root.refused("POST", "user/bob@ex.com", password=PASSWORD) == "NOT_AUTHORIZED"


@pytest.mark.slow  # starts two server processes
def test_a_change_counts_in_all_processes_when_it_is_answered(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with both(settings_file(tmp_path_factory.mktemp("twins"), site.stores)) as processes:
        one, other = (process.client().login(ROOT) for process in processes)
        one.ok("POST", "domain/ex.com")
        for length, expected in (("30", False), ("8", True), ("31", False)):
            _use(other)
            one.ok("PUT", "panel/settings", min_passwd_length=length)
            answer = other.post(f"user/u{length}@ex.com", password=PASSWORD)
            assert answer["_success"] is expected, answer


def _use(client: Client) -> Sequence[str]:
    """Let a process read its settings just now."""
    names: Sequence[str] = client.data("domains", name_only="yes")
    return names
