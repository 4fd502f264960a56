"""What the doctor finds in the tables of accounts, and what it mends there."""

import pytest

from tests.doctor.looking import examined, insert, mended, sentences, told
from tests.site import PASSWORD, Client, Site

pytestmark = pytest.mark.sql
BCRYPT = "$2b$10$Kd3JmF0hGbYw1uTqLrZx8et3oL7gadB3fPG0bdv6YSMrTrS.pEao6"
"""Of the password `A@StrongPassword2`."""


def own(site: Site, mail: str) -> list[dict[str, object]]:
    return [row for row in site.rows("forwardings", address=mail) if row["forwarding"] == mail]


@pytest.mark.parametrize("status", ["active", "disabled"])
def test_a_user_gets_the_own_forwarding_row_back(site: Site, root: Client, status: str) -> None:
    root.ok("PUT", "user/ann@ex.com", accountStatus=status)
    before = own(site, "ann@ex.com")
    site.execute("vmail", "DELETE FROM forwardings WHERE address = 'ann@ex.com'")
    assert sentences(root) == [
        "ann@ex.com has no forwarding row of its own: the mail falls to the catch-all, or comes back."
    ]
    mended(root)
    assert [{**row, "id": 0} for row in own(site, "ann@ex.com")] == [{**row, "id": 0} for row in before]
    assert root.data("doctor") == []


def test_who_forwards_everything_elsewhere_is_well(root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", forwarding="far@away.test")
    assert root.data("doctor") == []


def test_a_forwarding_row_follows_its_account(site: Site, root: Client) -> None:
    site.execute("vmail", "UPDATE forwardings SET active = 0 WHERE address = 'ann@ex.com'")
    site.execute("vmail", "UPDATE mailbox SET active = 0 WHERE username = 'ben@ex.com'")
    assert sentences(root) == [
        "ann@ex.com is switched on, and its forwarding row is off.",
        "ben@ex.com is switched off, and its forwarding row is on.",
    ]
    mended(root)
    assert root.data("doctor") == []
    assert [row["active"] for mail in ("ann@ex.com", "ben@ex.com") for row in own(site, mail)] == [1, 0]


def test_who_is_off_is_not_given_to_the_catch_all(site: Site, root: Client) -> None:
    """While the row is on the mail of who has been switched off comes back, and nobody else reads it."""
    root.ok("PUT", "domain/ex.com", catchall="ann@ex.com")
    site.execute("vmail", "UPDATE mailbox SET active = 0 WHERE username = 'ben@ex.com'")
    sentence = (
        "ben@ex.com is switched off, and its forwarding row is on: the mail comes back."
        " With the row off it falls to the catch-all."
    )
    assert root.data("doctor") == [told("forwarding-status", "ben@ex.com", sentence)]
    root.ok("POST", "doctor/forwarding-status/ben@ex.com")
    assert [row["active"] for row in own(site, "ben@ex.com")] == [1]
    site.execute("vmail", "UPDATE forwardings SET active = 0 WHERE address = 'ann@ex.com'")
    mended(root)
    assert [row["active"] for row in own(site, "ann@ex.com")] == [1]


def test_who_forwards_to_others_alone_may_have_the_own_row_off(site: Site, root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", forwarding="ann@ex.com,far@away.test")
    site.execute("vmail", "UPDATE forwardings SET active = 0 WHERE forwarding = 'ann@ex.com'")
    assert root.data("doctor") == []
    root.ok("POST", "doctor/forwarding-status/ann@ex.com")
    assert [row["active"] for row in own(site, "ann@ex.com")] == [0]
    site.execute("vmail", "UPDATE forwardings SET active = 0 WHERE forwarding = 'far@away.test'")
    assert examined(root) == [("forwarding-status", "ann@ex.com")]


def test_rights_of_nobody_are_withdrawn_and_others_stay(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    for account, domain in (("ann@ex.com", "gone.com"), ("old@ex.com", "ex.com"), ("old@ex.com", "ALL")):
        insert(site, "vmail", "domain_admins", username=account, domain=domain)
    assert sentences(root) == [
        "ann@ex.com administers gone.com, and there is no such domain.",
        "old@ex.com administers ALL, ex.com, and there is no such account.",
    ]
    mended(root)
    assert root.data("doctor") == []
    assert [row["domain"] for row in site.rows("domain_admins", username="ann@ex.com")] == ["ex.com"]
    assert site.rows("domain_admins", username="old@ex.com") == []


def test_users_who_are_marked_as_admins_and_are_none_are_told(site: Site, root: Client) -> None:
    site.execute("vmail", "UPDATE mailbox SET isadmin = 1 WHERE username = 'ann@ex.com'")
    site.execute("vmail", "UPDATE mailbox SET isglobaladmin = 1 WHERE username = 'ben@ex.com'")
    assert examined(root) == [("admin-without-domains", "ann@ex.com"), ("admin-without-domains", "ben@ex.com")]


def test_names_that_mean_several_things_are_told(site: Site, root: Client) -> None:
    root.ok("POST", "alias/all@ex.com")
    insert(site, "vmail", "alias", address="ann@ex.com", domain="ex.com")
    insert(site, "vmail", "forwardings", address="all@ex.com", forwarding="ben@ex.com", domain="ex.com", is_alias=1)
    insert(site, "vmail", "alias_domain", alias_domain="ex.com", target_domain="ex.com")
    insert(site, "vmail", "admin", username="boss@ex.com", password="{PLAIN}x")
    insert(site, "vmail", "domain_admins", username="boss@ex.com", domain="ex.com")
    assert sentences(root) == [
        "all@ex.com is more than one thing: alias, alias address of ben@ex.com.",
        "ann@ex.com is more than one thing: alias, user.",
        "ex.com is more than one thing: alias domain of ex.com, domain.",
        "The standalone admin boss@ex.com lies in ex.com, which is hosted here.",
    ]


def test_two_spellings_of_one_address_collide(site: Site, root: Client) -> None:
    root.ok("POST", "alias/all@ex.com")
    insert(site, "vmail", "mailbox", username="All@Ex.com", domain="ex.com", password="{PLAIN}x")
    insert(site, "vmail", "forwardings", address="All@Ex.com", forwarding="All@Ex.com", domain="ex.com",
           is_forwarding=1)  # fmt: skip
    assert "all@ex.com is more than one thing: alias, user." in sentences(root)


def test_passwords_that_dovecot_does_not_read_are_told_without_them(site: Site, root: Client) -> None:
    for mail, stored in (("ann@ex.com", "hunter2"), ("ben@ex.com", "")):
        site.execute("vmail", f"UPDATE mailbox SET password = '{stored}' WHERE username = '{mail}'")
    assert sentences(root) == [
        "The password of ann@ex.com is stored in a form that Dovecot does not read: nobody can log in with it.",
        "The password of ben@ex.com is empty: nobody can log in with it.",
    ]
    mended(root)
    assert examined(root) == [("password", "ann@ex.com"), ("password", "ben@ex.com")]


def test_a_hash_of_bcrypt_gets_the_name_that_dovecot_knows(site: Site, root: Client) -> None:
    root.ok("POST", "admin/jane@admins.test", password=PASSWORD)
    root.ok("PUT", "domain/admins/ex.com", addAdmin="jane@admins.test,ann@ex.com")
    for table, account in (("mailbox", "ann@ex.com"), ("admin", "jane@admins.test")):
        site.execute("vmail", f"UPDATE {table} SET password = '{{bcrypt}}{BCRYPT}' WHERE username = '{account}'")
        assert site.client().refused("POST", "login", username=account, password=PASSWORD) == "INVALID_CREDENTIALS"
    assert examined(root) == [("name-of-bcrypt", "jane@admins.test"), ("name-of-bcrypt", "ann@ex.com")]
    mended(root)
    assert root.data("doctor") == []
    assert site.rows("mailbox", username="ann@ex.com")[0]["password"] == f"{{CRYPT}}{BCRYPT}"
    assert site.rows("admin", username="jane@admins.test")[0]["password"] == f"{{CRYPT}}{BCRYPT}"


def test_a_bcrypt_that_is_none_is_not_renamed(site: Site, root: Client) -> None:
    site.execute("vmail", "UPDATE mailbox SET password = '{BCRYPT}nonsense' WHERE username = 'ann@ex.com'")
    assert examined(root) == [("password", "ann@ex.com")]


def test_what_belongs_to_nothing_is_told_and_stays(site: Site, root: Client) -> None:
    forwardings = (
        ("old@ex.com", "far@away.test", "is_forwarding"), ("alias@ex.com", "old@ex.com", "is_alias"),
        ("team@ex.com", "ann@ex.com", "is_list"), ("news@ex.com", "news@ex.com", "is_maillist"),
    )  # fmt: skip
    for address, forwarding, marker in forwardings:
        row: dict[str, str | int] = {"address": address, "forwarding": forwarding, "domain": "ex.com", marker: 1}
        insert(site, "vmail", "forwardings", **row)
    insert(site, "vmail", "alias", address="all@gone.com", domain="gone.com")
    insert(site, "vmail", "alias_domain", alias_domain="ex.net", target_domain="gone.com")
    before = site.dump()
    assert sentences(root) == [
        "alias@ex.com is an alias address of nobody.",
        "all@gone.com is an alias in a domain that is not there.",
        "ex.net is an alias domain of a domain that is not there.",
        "news@ex.com takes mail for a mailing list that is not there.",
        "old@ex.com forwards mail, and is no user.",
        "team@ex.com has members, and is no alias.",
    ]
    mended(root)
    assert {table: rows for table, rows in site.dump().items() if table != "log"} == {
        table: rows for table, rows in before.items() if table != "log"
    }


def test_copies_of_users_that_are_gone_are_deleted(site: Site, root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", senderBcc="copy@away.test")
    for table in ("sender_bcc_user", "recipient_bcc_user"):
        insert(site, "vmail", table, username="old@ex.com", bcc_address="spy@away.test", domain="ex.com")
    assert sentences(root) == ["old@ex.com is gone, and still stands in recipient_bcc_user, sender_bcc_user."]
    mended(root)
    assert root.data("doctor") == []
    assert [row["username"] for row in site.rows("sender_bcc_user")] == ["ann@ex.com"]


def test_copies_of_addresses_that_are_no_users_stay(site: Site, root: Client) -> None:
    root.ok("POST", "alias/all@ex.com", members="ben@ex.com")
    root.ok("POST", "ml/news@ex.com")
    root.ok("PUT", "user/ann@ex.com", aliases="a@ex.com")
    root.ok("POST", "domain/any.com", catchall="ann@ex.com")
    wanted = ["all@ex.com", "news@ex.com", "a@ex.com", "whoever@any.com"]
    for mail in wanted:
        for table in ("sender_bcc_user", "recipient_bcc_user"):
            domain = mail.partition("@")[2]
            insert(site, "vmail", table, username=mail, bcc_address="copy@away.test", domain=domain)
    assert root.data("doctor") == []
    for mail in wanted:
        root.ok("POST", f"doctor/left-behind/{mail}")
    for table in ("sender_bcc_user", "recipient_bcc_user"):
        assert {row["username"] for row in site.rows(table)} == set(wanted)


def test_a_name_that_no_request_takes_is_for_people(site: Site, root: Client) -> None:
    insert(site, "vmail", "domain_admins", username="Old Admin", domain="ex.com")
    [found] = root.data("doctor")
    assert (found["ailment"], found["remedy"]) == ("rights-of-nobody", "")


def test_what_is_kept_of_names_that_are_gone_is_deleted(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", senderBcc="copy@away.test")
    root.ok("POST", "alias/all@ex.com")
    root.ok("POST", "ml/news@ex.com")
    insert(site, "vmail", "moderators", address="all@ex.com", moderator="ann@ex.com", domain="ex.com")
    insert(site, "vmail", "maillist_owners", address="news@ex.com", owner="ben@ex.com", domain="ex.com")
    before = site.dump()
    for table in ("sender_bcc_domain", "recipient_bcc_domain"):
        insert(site, "vmail", table, domain="gone.com", bcc_address="spy@away.test")
    insert(site, "vmail", "moderators", address="old@ex.com", moderator="spy@away.test", domain="ex.com")
    insert(site, "vmail", "maillist_owners", address="gone@ex.com", owner="spy@away.test", domain="ex.com")
    insert(site, "vmail", "share_folder", from_user="ann@ex.com", to_user="late@ex.com", dummy="1")
    insert(site, "vmail", "anyone_shares", from_user="late@ex.com", dummy="1")
    assert sentences(root) == [
        "gone.com is gone, and still stands in recipient_bcc_domain, sender_bcc_domain.",
        "gone@ex.com is gone, and still stands in maillist_owners.",
        "late@ex.com is gone, and still stands in anyone_shares, share_folder.",
        "old@ex.com is gone, and still stands in moderators.",
    ]
    for name in ("ex.com", "all@ex.com", "news@ex.com", "ann@ex.com"):
        root.ok("POST", f"doctor/left-behind/{name}")
    mended(root)
    assert root.data("doctor") == []
    assert {table: rows for table, rows in site.dump().items() if table != "log"} == {
        table: rows for table, rows in before.items() if table != "log"
    }


def test_what_the_mail_programs_do_not_find_is_told(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net")
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    site.execute("vmail", "UPDATE mailbox SET allow_nets = '' WHERE username = 'ben@ex.com'")
    site.execute("vmail", "UPDATE forwardings SET domain = 'ex.net' WHERE address = 'all@ex.com'")
    assert sentences(root) == [
        "all@ex.com has a row in forwardings whose domain is none of ours: Postfix does not see it.",
        "ben@ex.com may log in from nowhere: its allow_nets is an empty text.",
    ]
    mended(root)
    assert examined(root) == [("unreachable", "all@ex.com"), ("unreachable", "ben@ex.com")]


def test_capital_letters_are_told_where_the_mail_programs_do_not_find_them(site: Site, root: Client) -> None:
    insert(site, "vmail", "alias", address="Sales@ex.com", domain="ex.com")
    finds_them = site.settings.vmail.engine == "mariadb"
    words = "Sales@ex.com has capital letters, and Postfix and Dovecot look for small ones."
    assert sentences(root) == ([] if finds_them else [words])
