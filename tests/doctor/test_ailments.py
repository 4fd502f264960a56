"""What the doctor finds in a site and mends, whatever keeps the accounts."""

from pathlib import Path

import pytest

from tests.doctor.looking import examined, insert, mended, sentences, told
from tests.site import PASSWORD, Client, Site


def test_a_site_that_only_we_have_written_is_well(root: Client) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net", catchall="ann@ex.com")
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com,ben@ex.com")
    root.ok("POST", "ml/news@ex.com")
    root.ok("PUT", "user/ann@ex.com", aliases="a@ex.com", forwarding="far@away.test", senderBcc="copy@away.test")
    root.ok("PUT", "user/ben@ex.com", accountStatus="disabled")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    root.ok("POST", "throttle/ann@ex.com/inbound", period="3600", max_msgs="5")
    root.ok("POST", "wblist/inbound/whitelist/ex.com", addresses="@away.test")
    root.ok("POST", "domain/off.com", accountStatus="disabled")
    root.ok("POST", "user/cat@off.com", password=PASSWORD)
    assert root.data("doctor") == []


def test_policies_that_nobody_has_are_forgotten(site: Site, root: Client) -> None:
    for scope in ("old@ex.com", "ann@ex.com", "ann+box@ex.com", "@away.test", "@.ex.com"):
        insert(site, "iredapd", "greylisting", account=scope, sender="@.", active=1)
    insert(site, "amavisd", "users", email="old@ex.com", policy_id=0, priority=10)
    insert(site, "iredapd", "throttle", account="203.0.113.9", kind="external", period=1)
    assert examined(root) == [
        ("policy-of-nobody", "old@ex.com"), ("policy-of-nobody", "old@ex.com"), ("policy-of-nobody", "@away.test"),
    ]  # fmt: skip
    mended(root)
    assert sentences(root) == ["There are policies for away.test, which is not hosted here."]
    assert {row["account"] for row in site.rows("greylisting")} >= {"ann@ex.com", "ann+box@ex.com", "@away.test"}
    assert len(site.rows("throttle")) == 1
    line = site.rows("log", username="old@ex.com")[0]
    assert line["event"] == "mend"
    assert line["msg"].endswith("policy-of-nobody old@ex.com.")


def test_policies_for_mail_from_who_has_no_account_are_only_told(site: Site, root: Client) -> None:
    """A program may send with an address of ours that takes no mail, and is bounded by them."""
    for kind in ("inbound", "outbound"):
        insert(site, "iredapd", "throttle", account="robot@ex.com", kind=kind, period=60)
        insert(site, "iredapd", "throttle", account="ann@ex.com", kind=kind, period=60)
    insert(site, "amavisd", "users", id=7, email="robot@ex.com", policy_id=7, priority=10)
    insert(site, "amavisd", "policy", id=7, policy_name="robot@ex.com")
    insert(site, "amavisd", "wblist", rid=7, sid=1, wb="W")
    insert(site, "amavisd", "outbound_wblist", rid=1, sid=7, wb="B")
    note = "There are policies for mail from robot@ex.com, which is no address here: programs may send so."
    assert sentences(root) == ["There are policies for robot@ex.com, and no such address.", note] * 2
    mended(root)
    assert root.data("doctor") == [told("policy-of-nobody", "robot@ex.com", note, is_note=True)] * 2
    assert [row["kind"] for row in site.rows("throttle", account="robot@ex.com")] == ["outbound"]
    assert [row["policy_id"] for row in site.rows("users", email="robot@ex.com")] == [0]
    assert (site.rows("policy", id=7), site.rows("wblist", rid=7)) == ([], [])
    assert len(site.rows("outbound_wblist", sid=7)) == 1
    assert len(site.rows("throttle", account="ann@ex.com")) == 2


@pytest.mark.parametrize("parameters", [{"catchall": "ann@ex.com"}, {"is_backupmx": "yes", "primarymx": "192.0.2.1"}])
def test_policies_of_addresses_that_others_answer_for_are_left_alone(
    site: Site, root: Client, parameters: dict[str, str]
) -> None:
    root.ok("PUT", "domain/ex.com", **parameters)
    insert(site, "iredapd", "greylisting", account="old@ex.com", sender="@.", active=1)
    assert examined(root) == []
    root.ok("POST", "doctor/policy-of-nobody/old@ex.com")
    assert site.rows("greylisting", account="old@ex.com")


def test_a_policy_is_never_taken_from_who_is_there(site: Site, root: Client) -> None:
    root.ok("POST", "throttle/ann@ex.com/inbound", period="3600", max_msgs="5")
    root.ok("POST", "doctor/policy-of-nobody/ann@ex.com")
    assert site.rows("throttle", account="ann@ex.com")


def test_what_is_left_of_users_that_are_gone_is_deleted(site: Site, root: Client) -> None:
    database = "iredadmin" if site.directory else "vmail"
    for mail in ("old@ex.com", "ann@ex.com"):
        insert(site, database, "used_quota", username=mail, bytes=1, messages=1, domain="ex.com")
        insert(site, database, "last_login", username=mail, domain="ex.com", imap=1)
    assert sentences(root) == ["old@ex.com is gone, and still stands in last_login, used_quota."]
    root.ok("POST", "doctor/left-behind/ann@ex.com")
    mended(root)
    assert root.data("doctor") == []
    assert [row["username"] for row in site.rows("used_quota")] == ["ann@ex.com"]


def test_a_standalone_admin_without_domains_is_told_unless_it_may_create_them(root: Client) -> None:
    root.ok("POST", "admin/idle@admins.test", password=PASSWORD)
    root.ok("POST", "admin/new@admins.test", password=PASSWORD, maxDomains="3")
    root.ok("POST", "admin/busy@admins.test", password=PASSWORD)
    root.ok("PUT", "domain/admins/ex.com", addAdmin="busy@admins.test")
    assert sentences(root) == ["idle@admins.test is an admin, and administers nothing."]
    mended(root)
    assert examined(root) == [("admin-without-domains", "idle@admins.test")]


def test_lists_that_only_one_side_knows_are_told(site: Site, root: Client) -> None:
    root.ok("POST", "ml/news@ex.com")
    root.ok("POST", "ml/lost@ex.com")
    spool = Path(site.settings.mlmmj_spool, "ex.com")
    (spool / "lost").rename(spool / "found")
    assert sentences(root) == [
        "mlmmj does not know the mailing list lost@ex.com: its mail comes back.",
        "mlmmj has a mailing list found@ex.com, for which there is no account: nobody can write to it.",
    ]


def test_pending_work_is_told(site: Site, root: Client) -> None:
    insert(site, "iredadmin", "postreeve_pending", store="iredapd", deed="forget", name="old@ex.com", new_name="",
           witness="", created=1)  # fmt: skip
    insert(site, "iredadmin", "log", timestamp="2026-01-01 00:00:00", admin="a@b.c", ip="127.0.0.1", loglevel="intent",
           msg="Delete a user.", event="delete", username="old@ex.com")  # fmt: skip
    assert root.data("doctor") == [
        told("pending", "old@ex.com", "Something is pending in iredapd: old@ex.com is to be forgotten.",
             "it is tried again"),
        told("pending", "old@ex.com", "A line of the activity log is not settled: Delete a user.", "it is tried again"),
    ]  # fmt: skip
    assert site.storage.finish_pending() == (1, 0)


def test_only_global_admins_have_a_doctor(site: Site, root: Client) -> None:
    admin = site.admin("jane@admins.test", "ex.com")
    assert admin.refused("GET", "doctor") == "PERMISSION_DENIED"
    assert admin.refused("POST", "doctor/left-behind/old@ex.com") == "PERMISSION_DENIED"
    assert site.client().refused("GET", "doctor") == "LOGIN_REQUIRED"
    assert root.refused("POST", "doctor/collision/ann@ex.com") == "NO_SUCH_OPERATION"
    assert root.refused("POST", "doctor/own-forwarding/global") == "INVALID_ACCOUNT"
    assert root.refused("POST", "doctor/own-forwarding/ex.com") == "INVALID_ACCOUNT"
    assert root.refused("POST", "doctor/out-of-step/none.com") == "NO_SUCH_DOMAIN"
