"""What the doctor finds in the entries of accounts, and what it mends there."""

import pytest

from tests.doctor.looking import examined, insert, mended, sentences
from tests.site import PASSWORD, Client, Site

pytestmark = pytest.mark.ldap
BCRYPT = "$2b$10$Kd3JmF0hGbYw1uTqLrZx8et3oL7gadB3fPG0bdv6YSMrTrS.pEao6"
"""Of the password `A@StrongPassword2`."""


def user(mail: str) -> str:
    return f"mail={mail},ou=Users,domainName=ex.com,o=domains"


def change(site: Site, dn: str, **attributes: list[str]) -> None:
    """Give attributes of an entry other values, as another program would."""
    assert site.directory
    site.directory.change(f"{dn},{site.directory.tree.suffix}", **attributes)


def test_rights_of_nobody_are_withdrawn_and_others_stay(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    change(site, "domainName=ex.com,o=domains", domainAdmin=["ann@ex.com", "old@ex.com", "Gone@admins.test"])
    assert sentences(root) == [
        "gone@admins.test administers ex.com, and there is no such account.",
        "old@ex.com administers ex.com, and there is no such account.",
    ]
    root.ok("POST", "doctor/rights-of-nobody/ann@ex.com")
    mended(root)
    assert root.data("doctor") == []
    assert site.entries()["domainName=ex.com,o=domains"]["domainAdmin"] == ["ann@ex.com"]


def test_users_who_are_marked_as_admins_and_are_none_are_told(site: Site, root: Client) -> None:
    services = site.entries()[user("ann@ex.com")]["enabledService"]
    change(site, user("ann@ex.com"), enabledService=[*services, "domainadmin"])
    assert sentences(root) == ["ann@ex.com is an admin, and administers nothing."]


def test_names_that_mean_several_things_are_told(site: Site, root: Client) -> None:
    root.ok("POST", "alias/all@ex.com")
    root.ok("POST", "domain/two.com", aliasDomains="ex.net")
    change(site, user("ann@ex.com"), shadowAddress=["all@ex.com", "Both@ex.com"])
    change(site, user("ben@ex.com"), shadowAddress=["both@ex.com"])
    change(site, "domainName=ex.com,o=domains", domainPendingAliasName=["ex.net"])
    assert [sentence for sentence in sentences(root) if "more than" in sentence] == [
        "all@ex.com is more than one thing: alias, alias address of ann@ex.com.",
        "both@ex.com is more than one thing: alias address of ann@ex.com, alias address of ben@ex.com.",
        "ex.net is more than one thing: alias domain of ex.com, alias domain of two.com.",
    ]


def test_passwords_that_dovecot_does_not_read_are_told_without_them(site: Site, root: Client) -> None:
    change(site, user("ann@ex.com"), userPassword=["{SSHA}hunter2"])
    change(site, user("ben@ex.com"), userPassword=[])
    assert sentences(root) == [
        "The password of ann@ex.com is stored in a form that Dovecot does not read: nobody can log in with it.",
        "The password of ben@ex.com is empty: nobody can log in with it.",
    ]


def test_a_hash_of_bcrypt_gets_the_name_that_dovecot_knows(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    change(site, user("ann@ex.com"), userPassword=[f"{{BCRYPT}}{BCRYPT}"])
    assert examined(root) == [("name-of-bcrypt", "ann@ex.com")]
    mended(root)
    assert root.data("doctor") == []
    assert site.entries()[user("ann@ex.com")]["userPassword"] == [f"{{CRYPT}}{BCRYPT}"]


def test_members_of_lists_that_are_not_there_are_told(site: Site, root: Client) -> None:
    root.ok("POST", "maillist/team@ex.com", members="ben@ex.com")
    change(site, user("ann@ex.com"), memberOfGroup=["gone@ex.com", "team@ex.com"])
    assert sentences(root) == ["ann@ex.com is a member of gone@ex.com, and there is no such list."]


def test_accounts_are_made_to_follow_their_domain(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net")
    root.ok("POST", "user/cat@ex.com", password=PASSWORD)
    well = site.entries()
    change(site, user("ann@ex.com"), shadowAddress=[])
    change(site, user("ben@ex.com"), domainStatus=["disabled"])
    assert sentences(root) == ["Accounts of ex.com do not follow its status or its alias domains."]
    mended(root)
    assert root.data("doctor") == []
    assert site.entries() == well
    assert site.storage.finish_pending() == (0, 0)


def test_members_from_outside_of_a_list_that_is_not_there_are_told(site: Site, root: Client) -> None:
    root.ok("POST", "maillist/team@ex.com", members="far@away.test")
    assert root.data("doctor") == []
    assert site.directory
    site.directory.delete(f"mail=team@ex.com,ou=Groups,domainName=ex.com,o=domains,{site.directory.tree.suffix}")
    assert sentences(root) == ["team@ex.com has members from outside, and is no mailing list."]


def test_shared_folders_of_users_that_are_gone_are_forgotten(site: Site, root: Client) -> None:
    insert(site, "iredadmin", "share_folder", from_user="ann@ex.com", to_user="late@ex.com", dummy="1")
    insert(site, "iredadmin", "anyone_shares", from_user="ann@ex.com", dummy="1")
    assert sentences(root) == ["late@ex.com is gone, and still stands in share_folder."]
    mended(root)
    assert root.data("doctor") == []
    assert len(site.rows("anyone_shares")) == 1
