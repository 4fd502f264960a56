"""What mailing lists are in a directory: the entries that each request leaves."""

from pathlib import Path

import pytest

from tests.entries import footprint, lines, of_accounts
from tests.site import Client, Site
from tests.subscribable_lists.conftest import control
from tests.subscribable_lists.test_profiles import NEW

pytestmark = pytest.mark.ldap
DN = "mail=news@ex.com,ou=Groups,domainName=ex.com"
MODERATED = """\
-listAllowedUser: ann@ex.com
-listModerator: ann@ex.com
+listAllowedUser: x@x.test
+listModerator: x@x.test"""
OWNED = """\
-listAllowedUser: bob@ex.com
-listOwner: bob@ex.com
+listAllowedUser: postmaster@ex.com
+listOwner: postmaster@ex.com"""


def test_a_new_list_is_there_for_postfix_and_for_mlmmj(site: Site, root: Client, spool: Path) -> None:
    assert footprint(site, root, "POST", "ml/news@ex.com") == lines(
        """
        modify domainName=ex.com
        +domainCurrentListNumber: 1
        add mail=news@ex.com,ou=Groups,domainName=ex.com
        +accessPolicy: membersonly
        +accountStatus: active
        +enabledService: deliver
        +enabledService: mail
        +enabledService: mlmmj
        +listAllowedUser: postmaster@ex.com
        +listModerator: postmaster@ex.com
        +listOwner: postmaster@ex.com
        +mail: news@ex.com
        +mailingListID: UUID
        +mtaTransport: mlmmj:ex.com/news
        +objectClass: mailList
        +shadowAddress: news@alias.com
        """
    )
    assert control(spool) == NEW


def test_a_list_has_what_was_given(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/far.com", accountStatus="disabled")
    parameters = {
        "name": "Örtliches", "accountStatus": "disabled", "accessPolicy": "subdomain", "is_newsletter": "yes",
        "newsletter_description": "Ein Bote", "max_message_size": "1000", "extra_addresses": "letters@far.com",
        "owner": "ann@ex.com,Bob@ex.com", "moderators": "ann@ex.com,x@x.test",
    }  # fmt: skip
    assert footprint(site, root, "POST", "ml/news@far.com", **parameters) == lines(
        """
        modify domainName=far.com
        +domainCurrentListNumber: 1
        add mail=news@far.com,ou=Groups,domainName=far.com
        +accessPolicy: subdomain
        +accountStatus: disabled
        +cn: Örtliches
        +description: Ein Bote
        +domainStatus: disabled
        +enabledService: deliver
        +enabledService: mail
        +enabledService: mlmmj
        +enabledService: newsletter
        +listAllowedUser: ann@ex.com
        +listAllowedUser: bob@ex.com
        +listAllowedUser: x@x.test
        +listModerator: ann@ex.com
        +listModerator: x@x.test
        +listOwner: ann@ex.com
        +listOwner: bob@ex.com
        +mail: news@far.com
        +mailingListID: UUID
        +maxMessageSize: 1000
        +mtaTransport: mlmmj:far.com/news
        +objectClass: mailList
        +shadowAddress: letters@far.com
        """
    )


@pytest.mark.parametrize(
    ("parameters", "left"),
    [
        ({"name": "Other"}, "-cn: News\n+cn: Other"),
        ({"cn": ""}, "-cn: News"),
        ({"accountStatus": "disabled"}, "-accountStatus: active\n+accountStatus: disabled"),
        ({"accessPolicy": "moderatorsonly"}, "-accessPolicy: membersonly\n+accessPolicy: moderatorsonly"),
        ({"only_subscriber_can_post": "no"}, "-accessPolicy: membersonly\n+accessPolicy: public"),
        ({"is_newsletter": "yes"}, "+enabledService: newsletter"),
        ({"is_newsletter": "no"}, ""),
        ({"newsletter_description": "All"}, "+description: All"),
        ({"max_message_size": "5"}, "-maxMessageSize: 1000\n+maxMessageSize: 5"),
        ({"max_message_size": "0"}, "-maxMessageSize: 1000"),
        ({"extra_addresses": ""}, "-shadowAddress: letters@ex.com"),
        ({"extra_addresses": "info@alias.com"}, "-shadowAddress: letters@ex.com\n+shadowAddress: info@alias.com"),
        ({"owner": ""}, OWNED),
        ({"moderators": "x@x.test"}, MODERATED),
        ({"moderated": "yes", "subject_prefix": "[news]"}, ""),
        ({"add_subscribers": "ann@ex.com", "require_confirm": "no"}, ""),
    ],
)  # fmt: skip
def test_a_change_touches_nothing_else(site: Site, root: Client, parameters: dict[str, str], left: str) -> None:
    root.ok(
        "POST", "ml/news@ex.com", name="News", max_message_size="1000", extra_addresses="letters@ex.com",
        owner="bob@ex.com", moderators="ann@ex.com",
    )  # fmt: skip
    assert site.directory
    allowed = ["ann@ex.com", "bob@ex.com", "*@x.test"]  # as another program has allowed a whole domain
    site.directory.change(site.directory.tree.list("news@ex.com"), listAllowedUser=allowed)
    assert footprint(site, root, "PUT", "ml/news@ex.com", **parameters) == (f"modify {DN}\n{left}" if left else "")
    assert footprint(site, root, "PUT", "ml/news@ex.com", **parameters) == ""


def test_a_profile_is_the_entry_with_the_parameters(site: Site, root: Client) -> None:
    root.ok("POST", "ml/news@ex.com", name="News", extra_addresses="letters@ex.com", max_message_size="1000")
    entry = site.entries()[f"{DN},o=domains"]
    profile = root.data("ml/news@ex.com")
    assert {
        key: profile[key]
        for key in ("mail", "name", "accountStatus", "accessPolicy", "is_newsletter", "newsletter_description", "mlid",
                    "max_message_size", "only_subscriber_can_post", "owner", "extra_addresses")
    } == {
        "mail": "news@ex.com", "name": "News", "accountStatus": "active", "accessPolicy": "membersonly",
        "is_newsletter": "no", "newsletter_description": "", "mlid": entry["mailingListID"][0],
        "max_message_size": "1000", "only_subscriber_can_post": "yes", "owner": ["postmaster@ex.com"],
        "extra_addresses": ["letters@ex.com"],
    }  # fmt: skip
    shown = {key: sorted(profile[key]) for key in entry if key not in {"mail", "accountStatus", "accessPolicy"}}
    assert shown == {key: values for key, values in entry.items() if key in shown}
    assert root.data("mls/ex.com") == [profile]


def test_further_addresses_are_in_use(root: Client, spool: Path) -> None:
    root.ok("POST", "ml/news@ex.com", extra_addresses="letters@ex.com,info@alias.com")
    assert control(spool)["listaddress"] == "news@ex.com\ninfo@alias.com\nletters@ex.com\nnews@alias.com\n"
    for taken in ("news@ex.com", "letters@ex.com"):
        assert root.refused("POST", f"alias/{taken}") == "ALREADY_EXISTS"
        assert root.refused("POST", f"maillist/{taken}") == "ALREADY_EXISTS"
    for taken in ("news@alias.com", "info@alias.com"):
        assert root.refused("POST", "user/cat@ex.com", password="A@StrongPassword2", aliases=taken) == "ALREADY_EXISTS"
    root.ok("PUT", "ml/news@ex.com", extra_addresses="")
    root.ok("POST", "alias/letters@ex.com")


def test_a_deleted_list_leaves_nothing(site: Site, root: Client) -> None:
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    root.ok("POST", "maillist/list@ex.com", members="ann@ex.com")
    before = of_accounts(site)
    root.ok("POST", "ml/news@ex.com", extra_addresses="letters@ex.com")
    root.ok("PUT", "alias/all@ex.com", addMember="news@ex.com,letters@ex.com")
    root.ok("PUT", "maillist/list@ex.com", addMember="news@ex.com")
    assert footprint(site, root, "DELETE", "ml/news@ex.com").startswith(
        lines(
            """
            modify domainName=ex.com
            -domainCurrentListNumber: 2
            +domainCurrentListNumber: 1
            """
        )
    )
    assert of_accounts(site) == before


def test_the_two_kinds_of_lists_are_told_apart(root: Client) -> None:
    root.ok("POST", "ml/news@ex.com")
    root.ok("POST", "maillist/list@ex.com")
    assert root.data("mls/ex.com", email_only="yes") == ["news@ex.com"]
    for method in ("GET", "PUT", "DELETE"):
        assert root.refused(method, "ml/list@ex.com") == "NO_SUCH_ACCOUNT"
        assert root.refused(method, "maillist/news@ex.com") == "NO_SUCH_ACCOUNT"
    assert root.data("domain/ex.com")["num_existing_maillists"] == 2
