"""Users through the API."""

import pytest

from tests.profiles import said
from tests.servers import OPENLDAP
from tests.site import PASSWORD, Site

INITIAL = ("admin", "domain_admins", "policy", "users", "greylisting")
"""The tables that are not empty in a new installation: the global admin, and the policies that iRedMail installs."""


def test_a_new_user_has_a_mailbox_that_mail_goes_to(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", name="Ann", password=PASSWORD, quota="100")
    profile = root.data("user/ann@ex.com")
    assert profile["forwardings"] == ["ann@ex.com"]
    assert said(profile, "quota") == 100
    assert not {"password", "userPassword"} & set(profile)


@pytest.mark.sql
def test_a_new_user_has_its_own_forwarding_row(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    [row] = site.rows("forwardings")
    assert (row["address"], row["forwarding"], row["is_forwarding"]) == ("ann@ex.com", "ann@ex.com", 1)


def test_deleting_a_domain_leaves_nothing_of_it(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com", catchall="x@far.test", aliasDomains="ex.net", senderBcc="b@far.test")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, aliases="sales@ex.com", recipientBcc="c@far.test")
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com,x@far.test")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    root.ok("DELETE", "domain/ex.com/keep_mailbox_days/7")
    left = site.dump()
    if site.engine == OPENLDAP:
        assert list(left.pop(OPENLDAP)) == ["mail=root@admins.test,o=domainAdmins"]
        assert set(left) == {"deleted_mailboxes", "log", *INITIAL} - {"admin", "domain_admins"}
    else:
        assert set(left) == {"deleted_mailboxes", "log", *INITIAL}
        assert [row["domain"] for row in left["domain_admins"]] == ["ALL"]
