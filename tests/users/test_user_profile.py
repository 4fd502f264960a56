"""A user as it is created, shown and stored: keys and types, services, paths, defaults, password."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from postreeve.storage.tables.vmail import mailbox
from tests.profiles import said
from tests.servers import OPENLDAP
from tests.site import PASSWORD, Client, Site

EXTRAS: dict[str, type] = {
    "mail": str, "accountStatus": str, "forwardings": list, "aliases": list, "mailing_aliases": list,
    "mailing_lists": list, "managed_domains": list, "senderBcc": str, "recipientBcc": str, "stored_bytes": int,
    "stored_messages": int, "last_login": str,
}  # fmt: skip
NOT_SHOWN = {"password"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.fixture
def root(site: Site) -> Client:
    """A domain."""
    root = site.root()
    root.ok("POST", "domain/ex.com")
    return root


def _ann(root: Client, **parameters: str) -> dict[str, Any]:
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, **parameters)
    profile: dict[str, Any] = root.data("user/ann@ex.com")
    return profile


def _check_shape(profile: dict[str, Any]) -> None:
    assert set(profile) == {column.name for column in mailbox.columns} - NOT_SHOWN | set(EXTRAS)
    assert {key: type(profile[key]) for key in EXTRAS} == EXTRAS
    assert isinstance(profile["settings"], dict)
    assert all(MOMENT.fullmatch(profile[key]) for key in ("created", "modified", "expired", "passwordlastchange"))
    assert profile["birthday"] == "0001-01-01"
    assert {type(profile[key]) for key in ("quota", "active", "isadmin", "isglobaladmin", "enablesmtp")} == {int}
    assert profile["enablesogowebmail"] in {"y", "n"}


@pytest.mark.sql
def test_a_profile_has_the_columns_and_the_extras_with_their_types(site: Site, root: Client) -> None:
    _check_shape(_ann(root))
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    root.ok("PUT", "user/ann@ex.com", senderBcc="a@x.test", recipientBcc="b@x.test", addAlias="s@ex.com")
    site.execute("vmail", "INSERT INTO used_quota (username, bytes, messages) VALUES ('ann@ex.com', 4096, 3)")
    site.execute(
        "vmail", "INSERT INTO last_login (username, domain, imap, pop3) VALUES ('ann@ex.com', 'ex.com', 86400, 3600)"
    )
    profile = root.data("user/ann@ex.com")
    _check_shape(profile)
    assert {key: profile[key] for key in EXTRAS} == {
        "mail": "ann@ex.com", "accountStatus": "active", "forwardings": ["ann@ex.com"], "aliases": ["s@ex.com"],
        "mailing_aliases": ["all@ex.com"], "mailing_lists": [], "managed_domains": ["ex.com"],
        "senderBcc": "a@x.test", "recipientBcc": "b@x.test", "stored_bytes": 4096, "stored_messages": 3,
        "last_login": "1970-01-02 00:00:00",
    }  # fmt: skip


LDAP_EXTRAS: dict[str, type] = {
    "forwardings": list, "aliases": list, "mailing_aliases": list, "mailing_lists": list, "managed_domains": list,
    "stored_bytes": int, "stored_messages": int, "last_login": str, "accountSetting": dict,
}  # fmt: skip


@pytest.mark.ldap
def test_a_profile_is_the_entry_with_lists_of_texts_and_the_extras(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net")
    _ann(root, quota="10", name="Ann", mobile="1,2")
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    root.ok("POST", "maillist/list@ex.com", members="ann@ex.com")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    root.ok("PUT", "user/ann@ex.com", senderBcc="a@x.test", addAlias="s@ex.com", addForwarding="x@x.test")
    site.execute("iredadmin", "INSERT INTO used_quota (username, bytes, messages) VALUES ('ann@ex.com', 4096, 3)")
    site.execute(
        "iredadmin", "INSERT INTO last_login (username, domain, imap, pop3) VALUES ('ann@ex.com', 'ex.com', 86400, 60)"
    )
    profile = root.data("user/ann@ex.com")
    entry = site.entries()["mail=ann@ex.com,ou=Users,domainName=ex.com,o=domains"]
    del entry["userPassword"]
    assert {name: sorted(texts) for name, texts in profile.items() if name not in LDAP_EXTRAS} == entry
    assert {key: type(profile[key]) for key in LDAP_EXTRAS} == LDAP_EXTRAS
    assert {key: profile[key] for key in LDAP_EXTRAS} == {
        "forwardings": ["ann@ex.com", "x@x.test"], "aliases": ["s@ex.com"], "mailing_aliases": ["all@ex.com"],
        "mailing_lists": ["list@ex.com"], "managed_domains": ["ex.com"], "stored_bytes": 4096, "stored_messages": 3,
        "last_login": "1970-01-02 00:00:00", "accountSetting": {},
    }  # fmt: skip


@pytest.mark.ldap
def test_closed_sections_take_their_attributes_and_extras_away(site: Site, root: Client) -> None:
    _ann(root, aliases="s@ex.com", forwarding="x@x.test", senderBcc="a@x.test", recipientBcc="a@x.test")
    root.ok("PUT", "user/ann@ex.com", transport="lmtp:x")
    admin = site.admin("adm@admins.test", "ex.com")
    whole = admin.data("user/ann@ex.com")
    root.ok("PUT", "domain/ex.com", disableUserProfile="bcc,forwarding,relay,aliases")
    hidden = {
        "userSenderBccAddress", "userRecipientBccAddress", "mailForwardingAddress", "forwardings", "mtaTransport",
        "shadowAddress", "aliases",
    }  # fmt: skip
    assert set(whole) - set(admin.data("user/ann@ex.com")) == hidden
    assert admin.data("users/ex.com") == [admin.data("user/ann@ex.com")]
    assert root.data("user/ann@ex.com") == whole


@pytest.mark.ldap
def test_a_new_user_of_a_directory_gets_what_the_domain_says(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", defaultQuota="512", language="de_DE")
    root.ok("POST", "alias/all@ex.com", members="x@x.test")
    root.ok("POST", "maillist/list@ex.com", members="x@x.test")
    root.ok("POST", "user/bob@ex.com", password=PASSWORD)
    assert site.directory
    site.directory.change(
        site.directory.tree.domain("ex.com"),
        accountSetting=[
            "defaultQuota:512", "disabledMailService:pop3", "disabledMailService:managesievesecured",
            "disabledMailService:sogowebmail", "defaultList:all@ex.com,list@ex.com,gone@ex.com,bob@ex.com",
        ],
    )  # fmt: skip
    profile = _ann(root)
    assert (said(profile, "quota"), said(profile, "language")) == (512, "de_DE")
    assert set(root.data("user/bob@ex.com")["enabledService"]) - set(profile["enabledService"]) == {
        "pop3", "managesievesecured", "managesievetls", "sievesecured", "sievetls", "sogowebmail",
    }  # fmt: skip
    assert (profile["mailing_aliases"], profile["mailing_lists"]) == (["all@ex.com"], ["list@ex.com"])
    assert root.data("maillist/list@ex.com")["members"] == ["ann@ex.com", "x@x.test"]


def test_the_list_shows_the_same_profiles(root: Client) -> None:
    ann = _ann(root, aliases="a@ex.com")
    root.ok("POST", "user/bob@ex.com", password=PASSWORD, forwarding="ann@ex.com")
    bob = root.data("user/bob@ex.com")
    assert root.data("users/ex.com") == [ann, bob]
    assert root.data("users/ex.com", email_only="yes") == ["ann@ex.com", "bob@ex.com"]
    assert root.data("users/ex.com", disabled_only="yes") == []


def test_hidden_keys_are_a_setting(site: Site, root: Client) -> None:
    employee, password = ("employeeNumber", "userPassword") if site.engine == OPENLDAP else ("employeeid", "password")
    assert employee in _ann(root, employeeid="7")
    site.change_settings(api_hidden_user_profiles=[employee])
    profile = root.data("user/ann@ex.com")
    assert employee not in profile
    assert "{SSHA512}" in str(profile[password])


def test_account_status_takes_two_words_only(site: Site, root: Client) -> None:
    _ann(root)
    before = site.dump()
    for word in ("enabled", "yes", "1", ""):
        assert root.refused("PUT", "user/ann@ex.com", accountStatus=word) == "INVALID_VALUE"
        assert root.refused("PUT", "users/ex.com", accountStatus=word) == "INVALID_VALUE"
    assert site.dump() == before
    root.ok("PUT", "user/ann@ex.com", accountStatus="disabled")
    assert said(root.data("user/ann@ex.com"), "active") == 0
    assert root.data("users/ex.com", email_only="yes", disabled_only="yes") == ["ann@ex.com"]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("quota", "", "INVALID_NUMBER"), ("quota", "-1", "INVALID_NUMBER"), ("quota", "1GB", "INVALID_NUMBER"),
     ("quota", "1e3", "INVALID_NUMBER"), ("language", "klingon", "INVALID_VALUE"),
     ("mailboxFormat", "", "INVALID_VALUE"), ("mailboxFormat", "mbox", "INVALID_VALUE"),
     ("mailboxFolder", "../x", "INVALID_VALUE"), ("mailboxFolder", "", "INVALID_VALUE"),
     ("isGlobalAdmin", "", "INVALID_VALUE"), ("isGlobalAdmin", "maybe", "INVALID_VALUE"),
     ("senderBcc", "nobody", "INVALID_MAIL"), ("aliases", "nobody", "INVALID_MAIL"), ("password", "", "PW_EMPTY"),
     ("password_hash", "{NONE}x", "INVALID_PASSWORD_SCHEME"), ("transport", "a b", "INVALID_VALUE")],
)  # fmt: skip
def test_a_wrong_value_is_refused_and_changes_nothing(
    site: Site, root: Client, name: str, value: str, code: str
) -> None:
    _ann(root)
    before = site.dump()
    assert root.refused("PUT", "user/ann@ex.com", **{name: value}) == code
    assert site.dump() == before


@pytest.mark.sql
def test_an_empty_text_is_cleared(root: Client) -> None:
    texts = {"name": "name", "gn": "first_name", "sn": "last_name", "employeeid": "employeeid", "mobile": "mobile",
             "telephoneNumber": "telephone"}  # fmt: skip
    profile = _ann(root, **dict.fromkeys(texts, "x"), language="de_DE", senderBcc="a@x.test", transport="lmtp:x")
    assert {profile[column] for column in texts.values()} == {"x"}
    empty = dict.fromkeys((*texts, "language", "senderBcc", "transport"), "")
    root.ok("PUT", "user/ann@ex.com", **empty)
    profile = root.data("user/ann@ex.com")
    assert {profile[key] for key in (*texts.values(), "language", "senderBcc", "transport")} == {""}


def test_a_password_conflicts_with_a_hash_and_one_of_them_is_needed(root: Client) -> None:
    both = {"password": PASSWORD, "password_hash": "{PLAIN}x"}
    assert root.refused("POST", "user/ann@ex.com", **both) == "CONFLICTING_PARAMETERS"
    assert root.refused("POST", "user/ann@ex.com", name="Ann") == "PW_EMPTY"


def test_the_password_policy_names_all_that_is_missing(root: Client) -> None:
    code = root.refused("POST", "user/ann@ex.com", password="abc")
    assert code == "PW_SHORTER_THAN_MIN_LENGTH,PW_NO_UPPERCASE,PW_NO_DIGIT_NUMBER,PW_NO_SPECIAL_CHAR"


def test_a_domains_password_lengths_come_before_the_servers(root: Client) -> None:
    root.ok("PUT", "domain/ex.com", minPasswordLength="4", maxPasswordLength="6")
    root.ok("POST", "user/ann@ex.com", password="Ab1!")
    assert root.refused("PUT", "user/ann@ex.com", password="Ab1!xyz") == "PW_GREATER_THAN_MAX_LENGTH"
    assert root.refused("PUT", "users/ex.com", password="Ab!") == "PW_SHORTER_THAN_MIN_LENGTH,PW_NO_DIGIT_NUMBER"


def test_all_users_get_the_same_new_password(root: Client) -> None:
    _ann(root)
    root.ok("POST", "user/bob@ex.com", password=PASSWORD)
    root.ok("PUT", "users/ex.com", password="Another@Password3")
    for mail in ("ann@ex.com", "bob@ex.com"):
        root.ok("POST", f"verify_password/user/{mail}", password="Another@Password3")
        assert root.refused("POST", f"verify_password/user/{mail}", password=PASSWORD) == "INVALID_CREDENTIALS"


def test_an_absent_user_can_not_be_told_from_a_wrong_password(root: Client) -> None:
    assert root.refused("POST", "verify_password/user/no@ex.com", password=PASSWORD) == "INVALID_CREDENTIALS"


@pytest.mark.sql
def test_a_new_password_may_count_as_old(site: Site, root: Client) -> None:
    site.change_settings(set_password_change_date_for_new_user=False)
    assert _ann(root)["passwordlastchange"] == "1970-01-01 01:01:01"
    root.ok("PUT", "user/ann@ex.com", password="Another@Password3")
    assert root.data("user/ann@ex.com")["passwordlastchange"] >= "2024"


@pytest.mark.sql
def test_managesieve_switches_the_columns_that_dovecot_reads(root: Client) -> None:
    _ann(root)
    root.ok("PUT", "user/ann@ex.com", removeService="managesieve,managesievesecured")
    columns = ("enablemanagesieve", "enablemanagesievesecured", "enablesieve", "enablesievesecured", "enablesievetls")
    profile = root.data("user/ann@ex.com")
    assert {profile[column] for column in columns} == {0}
    root.ok("PUT", "user/ann@ex.com", addService="managesieve,managesievesecured")
    profile = root.data("user/ann@ex.com")
    assert {profile[column] for column in columns} == {1}


@pytest.mark.sql
def test_resetting_services_leaves_dovecots_internal_ones_alone(root: Client) -> None:
    _ann(root)
    root.ok("PUT", "user/ann@ex.com", services="")
    profile = root.data("user/ann@ex.com")
    on = {key for key in profile if key.startswith("enable") and profile[key] in {1, "y"}}
    assert on == {
        "enableinternal", "enabledoveadm", "enablelib-storage", "enablequota-status", "enableindexer-worker",
        "enabledsync", "enablelda", "enablelmtp",
    }  # fmt: skip


@pytest.mark.sql
def test_sogos_modules_are_letters(root: Client) -> None:
    _ann(root)
    root.ok("PUT", "user/ann@ex.com", services="sogo,sogocalendar")
    profile = root.data("user/ann@ex.com")
    assert profile["enablesogo"] == 1
    assert [profile[f"enablesogo{module}"] for module in ("webmail", "calendar", "activesync")] == ["n", "y", "n"]
    root.ok("PUT", "user/ann@ex.com", services="sogo")
    profile = root.data("user/ann@ex.com")
    assert [profile[f"enablesogo{module}"] for module in ("webmail", "calendar", "activesync")] == ["y", "y", "y"]


@pytest.mark.sql
def test_services_without_a_column_are_named(root: Client) -> None:
    _ann(root)
    answer = root.put("user/ann@ex.com", addService="imap,vpn,smtptls")
    assert answer == {"_success": True, "_ignored": ["addService=smtptls", "addService=vpn"]}
    answer = root.put("user/ann@ex.com", services="imap,FAX", name="Ann")
    assert answer == {"_success": True, "_ignored": ["services=FAX"]}
    answer = root.put("user/ann@ex.com", addService="vpn", removeService="fax")
    assert answer == {"_success": True, "_ignored": ["addService=vpn", "removeService=fax"]}


def _home(profile: dict[str, Any]) -> str:
    """Return where a mailbox is."""
    if "homeDirectory" in profile:
        return str(profile["homeDirectory"][0])
    return "/".join(profile[part] for part in ("storagebasedirectory", "storagenode", "maildir"))


def test_a_new_mailbox_lies_in_hashed_folders_with_its_time(root: Client) -> None:
    stamp = r"\d{4}\.\d\d\.\d\d\.\d\d\.\d\d\.\d\d"
    found = re.fullmatch(rf"/var/vmail/vmail1/ex\.com/a/n/n/ann-({stamp})/", _home(_ann(root)))
    assert found
    moment = datetime.strptime(found[1], "%Y.%m.%d.%H.%M.%S").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60


@pytest.mark.parametrize(
    ("mail", "settings", "maildir"),
    [("a@ex.com", {}, "ex.com/a/_/_/a/"), ("a.b@ex.com", {}, "ex.com/a/_/b/a.b/"),
     ("#tag@ex.com", {}, "ex.com/#/t/a/#tag/"), ("jo-hn@ex.com", {}, "ex.com/j/o/-/jo-hn/"),
     ("ann@ex.com", {"maildir_hashed": False}, "ex.com/ann/"),
     ("ann@ex.com", {"maildir_prepend_domain": False}, "a/n/n/ann/"),
     ("ann@ex.com", {"maildir_domain_hashed": True}, "e/x/ex.com/a/n/n/ann/")],
)  # fmt: skip
def test_the_path_follows_the_settings(
    site: Site, root: Client, mail: str, settings: dict[str, bool], maildir: str
) -> None:
    site.change_settings(maildir_append_timestamp=False, **settings)
    root.ok("POST", f"user/{mail.replace('#', '%23')}", password=PASSWORD)
    assert [_home(profile) for profile in root.data("users/ex.com")] == [f"/var/vmail/vmail1/{maildir}"]


@pytest.mark.sql
def test_a_given_path_is_split_at_the_storage_root(root: Client) -> None:
    profile = _ann(root, maildir="/var/vmail/VMail2/Ex.com/Ann/")
    parts = ("storagebasedirectory", "storagenode", "maildir")
    assert [profile[part] for part in parts] == ["/var/vmail", "vmail2", "ex.com/ann/"]


@pytest.mark.parametrize(
    "path", ["/etc/cron.d", "/var/vmail/vmail1", "/var/vmail/vmail1/../x", "ex.com/ann", "/var/vmail2/a/b", "", "/"]
)
def test_a_path_outside_the_storage_root_is_refused(site: Site, root: Client, path: str) -> None:
    _ann(root)
    before = site.dump()
    assert root.refused("PUT", "user/ann@ex.com", maildir=path) == "INVALID_VALUE"
    assert site.dump() == before


def test_a_path_that_is_holds_or_lies_in_anothers_is_refused(root: Client) -> None:
    _ann(root, maildir="/var/vmail/vmail1/ex.com/ann_")
    new = {"password": PASSWORD}
    for path in ("ex.com/ann_", "ex.com/ANN_/", "ex.com", "ex.com/ann_/Maildir"):
        assert root.refused("POST", "user/b@ex.com", maildir=f"/var/vmail/vmail1/{path}", **new) == "ALREADY_EXISTS"
    for mail, path in (("b@ex.com", "ex.com/ann_2"), ("c@ex.com", "ex.com/annx"), ("d@ex.com", "ex.com/ann")):
        root.ok("POST", f"user/{mail}", maildir=f"/var/vmail/vmail1/{path}", **new)


@pytest.mark.sql
def test_anothers_path_counts_however_it_was_split(site: Site, root: Client) -> None:
    _ann(root)
    site.execute(
        "vmail",
        "UPDATE mailbox SET storagebasedirectory = '/', storagenode = 'var', maildir = 'vmail/vmail1/ex.com/old'",
    )
    new = {"password": PASSWORD, "maildir": "/var/vmail/vmail1/ex.com/old"}
    assert root.refused("POST", "user/bob@ex.com", **new) == "ALREADY_EXISTS"
    root.ok("POST", "user/bob@ex.com", password=PASSWORD, maildir="/var/vmail/vmail1/ex.com/older")


@pytest.mark.sql
def test_a_new_user_gets_what_the_domain_says(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", defaultQuota="512", language="de_DE")
    root.ok("POST", "alias/all@ex.com", members="x@x.test")
    root.ok("POST", "alias/off@ex.com", accountStatus="disabled")
    root.ok("POST", "user/bob@ex.com", password=PASSWORD)
    settings = root.data("domain/ex.com")["settings"]
    assert settings == {"default_user_quota": 512, "default_language": "de_DE"}
    site.execute(
        "vmail",
        "UPDATE domain SET settings = 'default_user_quota:512;default_language:de_DE;disabled_mail_services:pop3,"
        "managesievesecured,sogowebmail;default_groups:all@ex.com,off@ex.com,bob@ex.com,gone@ex.com;'",
    )
    profile = _ann(root)
    assert (profile["quota"], profile["language"]) == (512, "de_DE")
    off = {key for key in profile if key.startswith("enable") and profile[key] in {0, "n"}}
    assert off == {
        "enablepop3", "enablemanagesievesecured", "enablesievesecured", "enablesievetls", "enablesogowebmail"
    }  # fmt: skip
    joined = {row["address"]: row["active"] for row in site.rows("forwardings", forwarding="ann@ex.com", is_list=1)}
    assert joined == {"all@ex.com": 1, "off@ex.com": 0}


@pytest.mark.sql
def test_a_new_user_becomes_a_member_in_the_aliass_own_domain(site: Site, root: Client) -> None:
    root.ok("POST", "domain/far.com")
    root.ok("POST", "alias/all@far.com")
    site.execute("vmail", "UPDATE domain SET settings = 'default_groups:all@far.com;' WHERE domain = 'ex.com'")
    _ann(root)
    [row] = site.rows("forwardings", is_list=1)
    assert (row["address"], row["domain"], row["dest_domain"]) == ("all@far.com", "far.com", "ex.com")


def test_what_the_request_says_comes_before_what_the_domain_says(root: Client) -> None:
    root.ok("PUT", "domain/ex.com", defaultQuota="512", language="de_DE")
    profile = _ann(root, quota="0", language="")
    assert (said(profile, "quota"), said(profile, "language")) == (0, "")


@pytest.mark.sql
def test_services_of_all_new_users_are_settings(site: Site, root: Client) -> None:
    site.change_settings(additional_disabled_user_services=["pop3", "imap"], additional_enabled_user_services=["imap"])
    profile = _ann(root)
    assert (profile["enablepop3"], profile["enableimap"]) == (0, 1)


def test_a_domains_limits_bound_users_and_their_quota(root: Client) -> None:
    root.ok("PUT", "domain/ex.com", quota="100", maxUserQuota="80", numberOfUsers="2")
    new = {"password": PASSWORD}
    assert root.refused("POST", "user/ann@ex.com", quota="81", **new) == "EXCEEDED_DOMAIN_QUOTA_SIZE"
    assert root.refused("POST", "user/ann@ex.com", quota="0", **new) == "EXCEEDED_DOMAIN_QUOTA_SIZE"
    root.ok("POST", "user/ann@ex.com", quota="80", **new)
    assert root.refused("POST", "user/bob@ex.com", quota="21", **new) == "EXCEEDED_DOMAIN_QUOTA_SIZE"
    root.ok("POST", "user/bob@ex.com", quota="20", **new)
    assert root.refused("POST", "user/cat@ex.com", quota="1", **new) == "EXCEEDED_DOMAIN_ACCOUNT_LIMIT"
    assert root.refused("PUT", "user/bob@ex.com", quota="21") == "EXCEEDED_DOMAIN_QUOTA_SIZE"
    root.ok("PUT", "user/ann@ex.com", quota="79")
    root.ok("PUT", "user/bob@ex.com", quota="21")
    root.ok("PUT", "domain/ex.com", numberOfUsers="-1")
    assert root.refused("POST", "user/cat@ex.com", quota="1", **new) == "NOT_ALLOWED"


def test_whoever_gives_no_quota_is_told_why_there_is_no_room(root: Client) -> None:
    root.ok("PUT", "domain/ex.com", quota="100")
    hints = [root.post("user/ann@ex.com", password=PASSWORD, **given)["_hint"] for given in ({}, {"quota": "101"})]
    assert hints == [
        "100 MB are left; without a quota, or with 0, the mailbox would be unlimited.", "100 MB are left.",
    ]  # fmt: skip


def test_a_promoted_user_is_a_global_admin_and_a_demoted_one_is_none(site: Site, root: Client) -> None:
    _ann(root, isGlobalAdmin="yes")
    ann = site.client().login("ann@ex.com")
    assert ann.data("domains", name_only="yes") == ["ex.com"]
    root.ok("PUT", "user/ann@ex.com", isGlobalAdmin="no")
    assert ann.get("domains")["_msg"] == "SESSION_EXPIRED"


@pytest.mark.sql
def test_a_global_admin_stands_among_the_domain_admins(site: Site, root: Client) -> None:
    _ann(root, isGlobalAdmin="yes")
    assert [row["domain"] for row in site.rows("domain_admins", username="ann@ex.com")] == ["ALL"]
    root.ok("PUT", "user/ann@ex.com", isGlobalAdmin="no")
    assert site.rows("domain_admins", username="ann@ex.com") == []
