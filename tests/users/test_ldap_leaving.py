"""What is left in a directory of users who are renamed or deleted."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from postreeve.domains.store import Removal
from postreeve.storage import sql
from postreeve.storage.directory.session import Session
from postreeve.users.ldap import LdapUsers
from postreeve.values import Address
from postreeve.work import ConflictError
from tests.users.entries import ANN, ROOT, World, change, difference, lines


def test_a_renamed_user_is_renamed_wherever_the_address_stands(named: World) -> None:
    assert named.rename(ANN, Address("anna@a.test")) == lines(
        """
        modify domainName=b.test
        -domainAdmin: ann@a.test
        -domainRecipientBccAddress: ann@a.test
        -domainSenderBccAddress: Ann@a.test
        +domainRecipientBccAddress: anna@a.test
        +domainSenderBccAddress: anna@a.test
        modify mail=@a.test,ou=Users,domainName=a.test
        -mailForwardingAddress: ann@a.test
        +mailForwardingAddress: anna@a.test
        modify mail=all@b.test,ou=Aliases,domainName=b.test
        -listModerator: ann@a.test
        -mailForwardingAddress: ann@a.test
        +listModerator: anna@a.test
        +mailForwardingAddress: anna@a.test
        rename mail=ann@a.test,ou=Users,domainName=a.test
        to mail=anna@a.test,ou=Users,domainName=a.test
        -mail: ann@a.test
        -mailForwardingAddress: ann@a.test
        -shadowAddress: ann@z.test
        -shadowAddress: anna@a.test
        -uid: ann
        +mail: anna@a.test
        +mailForwardingAddress: anna@a.test
        +shadowAddress: anna@z.test
        +uid: anna
        modify mail=bob@a.test,ou=Users,domainName=a.test
        -mailForwardingAddress: ann@a.test
        -userRecipientBccAddress: ann@a.test
        -userSenderBccAddress: ann@a.test
        +mailForwardingAddress: anna@a.test
        +userRecipientBccAddress: anna@a.test
        +userSenderBccAddress: anna@a.test
        modify mail=list@a.test,ou=Groups,domainName=a.test
        -listAllowedUser: ann@a.test
        -listModerator: ann@a.test
        -listOwner: ann@a.test
        -member: mail=ann@a.test,ou=Users,domainName=a.test
        +listAllowedUser: anna@a.test
        +listModerator: anna@a.test
        +listOwner: anna@a.test
        +member: mail=anna@a.test,ou=Users,domainName=a.test
        modify memberOfGroup=list@b.test,ou=Externals,domainName=b.test
        -mail: ann@a.test
        +mail: anna@a.test
        """
    )
    assert named.rows("used_quota") == [
        {"username": "anna@a.test", "bytes": 4096, "messages": 3, "domain": "a.test"}
    ]  # fmt: skip
    [login] = named.rows("last_login")
    assert (login["username"], login["domain"], login["imap"]) == ("anna@a.test", "a.test", 86400)
    assert {(row["from_user"], row["to_user"]) for row in named.rows("share_folder")} == {
        ("anna@a.test", "bob@a.test"), ("bob@a.test", "anna@a.test"),
    }  # fmt: skip
    assert [row["from_user"] for row in named.rows("anyone_shares")] == ["anna@a.test"]


def test_a_user_moves_to_another_domain_with_what_depends_on_it(world: World) -> None:
    change(world, aliases="s@a.test", forwarding="ann@a.test,x@x.test")
    world.edit(world.directory.tree.domain("b.test"), accountStatus="disabled", domainAliasName=["y.test", "w.test"])
    assert world.rename(ANN, Address("ann@b.test")) == lines(
        """
        modify domainName=a.test
        -domainCurrentQuotaSize: 10485760
        -domainCurrentUserNumber: 1
        +domainCurrentQuotaSize: 0
        +domainCurrentUserNumber: 0
        modify domainName=b.test
        +domainCurrentQuotaSize: 10485760
        +domainCurrentUserNumber: 1
        rename mail=ann@a.test,ou=Users,domainName=a.test
        to mail=ann@b.test,ou=Users,domainName=b.test
        -mail: ann@a.test
        -mailForwardingAddress: ann@a.test
        -shadowAddress: ann@z.test
        +domainStatus: disabled
        +mail: ann@b.test
        +mailForwardingAddress: ann@b.test
        +shadowAddress: ann@w.test
        +shadowAddress: ann@y.test
        """
    )
    before = world.entries()
    world.edit(world.directory.tree.domain("b.test"), accountStatus="active")
    world.rename("ann@b.test", ANN)
    assert "-domainStatus: disabled" in difference(before, world.entries())


def test_a_deleted_user_is_forgotten_wherever_the_address_stands(named: World) -> None:
    assert named.delete(ANN, 7) == lines(
        """
        modify domainName=a.test
        -domainCurrentQuotaSize: 10485760
        -domainCurrentUserNumber: 2
        +domainCurrentQuotaSize: 0
        +domainCurrentUserNumber: 1
        modify domainName=b.test
        -domainAdmin: ann@a.test
        -domainRecipientBccAddress: ann@a.test
        -domainSenderBccAddress: Ann@a.test
        modify mail=@a.test,ou=Users,domainName=a.test
        -mailForwardingAddress: ann@a.test
        modify mail=all@b.test,ou=Aliases,domainName=b.test
        -listModerator: ann@a.test
        -mailForwardingAddress: ann@a.test
        delete mail=ann@a.test,ou=Users,domainName=a.test
        modify mail=bob@a.test,ou=Users,domainName=a.test
        -mailForwardingAddress: ann@a.test
        -userRecipientBccAddress: ann@a.test
        -userSenderBccAddress: ann@a.test
        modify mail=list@a.test,ou=Groups,domainName=a.test
        -listAllowedUser: ann@a.test
        -listModerator: ann@a.test
        -listOwner: ann@a.test
        -member: mail=ann@a.test,ou=Users,domainName=a.test
        modify memberOfGroup=list@b.test,ou=Externals,domainName=b.test
        -mail: ann@a.test
        """
    )
    [row] = named.rows("deleted_mailboxes")
    assert re.fullmatch(r"/var/vmail/vmail1/a.test/a/n/n/ann-[\d.]{19}/", row.pop("maildir"))
    del row["id"], row["timestamp"]
    assert row == {
        "username": "ann@a.test", "domain": "a.test", "bytes": 4096, "messages": 3, "admin": "root@admins.test",
        "delete_date": f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%d}",
    }  # fmt: skip
    assert [named.rows(table) for table in ("used_quota", "last_login", "share_folder", "anyone_shares")] == [[]] * 4


def test_a_mailbox_that_is_kept_for_ever_has_no_date_and_an_old_path_counts(world: World) -> None:
    world.edit(
        world.directory.tree.user(ANN), homeDirectory=None, storageBaseDirectory="/var/vmail", mailMessageStore="a/ann/"
    )
    world.delete(ANN, 0)
    [row] = world.rows("deleted_mailboxes")
    assert (row["maildir"], row["delete_date"], row["bytes"]) == ("/var/vmail/a/ann/", None, 0)


@pytest.mark.parametrize("deed", ["delete", "rename"])
def test_where_a_user_is_gone_before_the_end_nothing_is_changed_and_nothing_recorded(named: World, deed: str) -> None:
    """Another program deletes the entry between the reading and the end of the work."""
    with Session(named.directory) as session, sql.Session(named.database, is_autocommit=True) as iredadmin:
        users = LdapUsers(session, iredadmin, named.settings, named.remarks)
        if deed == "delete":
            users.delete(ANN, Removal(ROOT, 7))
        else:
            users.rename(ANN, Address("anna@a.test"))
        with Session(named.directory) as other:
            other.delete(other.tree.user(ANN))
            other.commit()
        before, rows = named.entries(), named.rows("used_quota")
        with pytest.raises(ConflictError):
            session.commit()
    assert difference(before, named.entries()) == ""
    assert (named.rows("deleted_mailboxes"), named.rows("used_quota")) == ([], rows)


def test_what_fails_after_the_deletion_takes_the_record_back(named: World) -> None:
    before = named.entries()
    with Session(named.directory) as session, sql.Session(named.database, is_autocommit=True) as iredadmin:
        LdapUsers(session, iredadmin, named.settings, named.remarks).delete(ANN, Removal(ROOT, 7))
        session.delete(session.tree.user("nobody@a.test"))
        with pytest.raises(ConflictError):
            session.commit()
    assert named.rows("deleted_mailboxes") == []
    assert dict(named.entries().values()) == dict(before.values())
