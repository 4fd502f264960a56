"""What requests about domains leave in a directory, entry by entry, and what is read of others' entries there."""

import pytest

from postreeve.jobs import pending
from postreeve.work import StoreUnavailableError
from tests.entries import footprint, lines
from tests.site import PASSWORD, Client, Site

pytestmark = pytest.mark.ldap

SWEEPS = "postreeve.storage.directory.sweeps"


@pytest.fixture
def root(site: Site) -> Client:
    """A domain with a user, an alias, two lists and an external member."""
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    root.ok("POST", "alias/team@ex.com", members="ann@ex.com")
    root.ok("POST", "maillist/all@ex.com", members="ann@ex.com,x@far.test")
    root.ok("POST", "ml/news@ex.com")
    return root


def test_a_new_domain_has_its_four_containers(site: Site) -> None:
    assert footprint(site, site.root(), "POST", "domain/ex.com") == lines("""
        add domainName=ex.com
        +accountStatus: active
        +domainName: ex.com
        +enabledService: mail
        +mtaTransport: dovecot
        +objectClass: mailDomain
        add ou=Aliases,domainName=ex.com
        +objectClass: organizationalUnit
        +ou: Aliases
        add ou=Externals,domainName=ex.com
        +objectClass: organizationalUnit
        +ou: Externals
        add ou=Groups,domainName=ex.com
        +objectClass: organizationalUnit
        +ou: Groups
        add ou=Users,domainName=ex.com
        +objectClass: organizationalUnit
        +ou: Users
        """)


def test_a_new_domain_has_what_was_said_of_it(site: Site) -> None:
    text = footprint(
        site, site.root(), "POST", "domain/ex.com", name="Éx", quota="2048", language="de_DE", defaultQuota="5",
        maxUserQuota="10", numberOfUsers="3", numberOfAliases="-1", numberOfLists="0", senderBcc="s@x.test",
        recipientBcc="r@x.test", catchall="c@x.test", aliasDomains="ex.net", outboundRelay="smtp:[192.0.2.1]:25",
        accountStatus="disabled", minPasswordLength="9", disableDomainProfile="bcc,relay",
    )  # fmt: skip
    domain, *others = text.split("\nadd ")
    assert domain == lines("""
        add domainName=ex.com
        +accountSetting: defaultQuota:5
        +accountSetting: disabledDomainProfile:bcc
        +accountSetting: disabledDomainProfile:relay
        +accountSetting: domainQuota:2048:MB
        +accountSetting: maxUserQuota:10
        +accountSetting: minPasswordLength:9
        +accountSetting: numberOfAliases:-1
        +accountSetting: numberOfUsers:3
        +accountStatus: disabled
        +cn: Éx
        +domainAliasName: ex.net
        +domainName: ex.com
        +domainRecipientBccAddress: r@x.test
        +domainSenderBccAddress: s@x.test
        +enabledService: domainalias
        +enabledService: mail
        +enabledService: recipientbcc
        +enabledService: senderbcc
        +mtaTransport: dovecot
        +objectClass: mailDomain
        +preferredLanguage: de_DE
        +senderRelayHost: [192.0.2.1]:25
        """)
    assert others[0] == lines("""
        mail=@ex.com,ou=Users,domainName=ex.com
        +accountStatus: active
        +cn: Catch-all account
        +domainStatus: disabled
        +mail: @ex.com
        +mailForwardingAddress: c@x.test
        +objectClass: inetOrgPerson
        +objectClass: mailUser
        +shadowAddress: @ex.net
        +sn: Catch-all account
        +uid: catchall
        """)


CHANGES = [
    ({"name": "Ex"}, "+cn: Ex"),
    ({"quota": "10"}, "+accountSetting: domainQuota:10:MB"),
    ({"transport": "lmtp:x"}, "-mtaTransport: dovecot\n+mtaTransport: lmtp:x"),
    ({"language": "de_DE"}, "+preferredLanguage: de_DE"),
    ({"senderBcc": "c@x.test"}, "+domainSenderBccAddress: c@x.test\n+enabledService: senderbcc"),
    ({"recipientBcc": "c@x.test"}, "+domainRecipientBccAddress: c@x.test\n+enabledService: recipientbcc"),
    ({"outboundRelay": "[h.test]:25"}, "+senderRelayHost: [h.test]:25"),
    ({"is_backupmx": "yes"}, "-mtaTransport: dovecot\n+domainBackupMX: yes\n+mtaTransport: relay:ex.com"),
    (
        {"is_backupmx": "yes", "primarymx": "[m.test]:25"},
        "-mtaTransport: dovecot\n+domainBackupMX: yes\n+mtaTransport: relay:[m.test]:25",
    ),
    ({"addService": "self-service"}, "+enabledService: self-service"),
    ({"disableUserProfile": "bcc"}, "+accountSetting: disabledUserProfile:bcc"),
    ({"disableUserPreference": "wblist"}, "+accountSetting: disabledUserPreference:wblist"),
]


@pytest.mark.parametrize(("parameters", "change"), CHANGES, ids=[" ".join(given) for given, _ in CHANGES])
def test_a_parameter_leaves_its_attributes_and_goes_again(site: Site, parameters: dict[str, str], change: str) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    before = site.entries()
    assert footprint(site, root, "PUT", "domain/ex.com", **parameters) == f"modify domainName=ex.com\n{change}"
    back = {name: "0" if name == "quota" else "" for name in parameters if name not in {"is_backupmx", "primarymx"}}
    back |= {"is_backupmx": "no"} if "is_backupmx" in parameters else {}
    back = {
        name.replace("disable", "enable").replace("addService", "removeService"): parameters[name]
        if name.startswith(("disable", "add"))
        else value
        for name, value in back.items()
    }
    root.ok("PUT", "domain/ex.com", **back)
    assert site.entries() == before


def test_a_domain_that_is_off_says_so_on_every_account(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", catchall="ann@ex.com")
    before = site.entries()
    assert footprint(site, root, "PUT", "domain/ex.com", accountStatus="disabled") == lines("""
        modify domainName=ex.com
        -accountStatus: active
        +accountStatus: disabled
        modify mail=@ex.com,ou=Users,domainName=ex.com
        +domainStatus: disabled
        modify mail=all@ex.com,ou=Groups,domainName=ex.com
        +domainStatus: disabled
        modify mail=ann@ex.com,ou=Users,domainName=ex.com
        +domainStatus: disabled
        modify mail=news@ex.com,ou=Groups,domainName=ex.com
        +domainStatus: disabled
        modify mail=team@ex.com,ou=Aliases,domainName=ex.com
        +domainStatus: disabled
        modify memberOfGroup=all@ex.com,ou=Externals,domainName=ex.com
        +domainStatus: disabled
        """)
    root.ok("PUT", "domain/ex.com", accountStatus="active")
    assert site.entries() == before
    assert site.rows("postreeve_pending") == []


def test_alias_domains_are_names_of_every_account(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", catchall="ann@ex.com")
    before = site.entries()
    assert footprint(site, root, "PUT", "domain/ex.com", addAliasDomain="ex.net") == lines("""
        modify domainName=ex.com
        +domainAliasName: ex.net
        +enabledService: domainalias
        modify mail=@ex.com,ou=Users,domainName=ex.com
        +shadowAddress: @ex.net
        modify mail=all@ex.com,ou=Groups,domainName=ex.com
        +shadowAddress: all@ex.net
        modify mail=ann@ex.com,ou=Users,domainName=ex.com
        +memberOfGroup: all@ex.net
        +shadowAddress: ann@ex.net
        modify mail=news@ex.com,ou=Groups,domainName=ex.com
        +shadowAddress: news@ex.net
        modify mail=team@ex.com,ou=Aliases,domainName=ex.com
        +shadowAddress: team@ex.net
        modify memberOfGroup=all@ex.com,ou=Externals,domainName=ex.com
        +shadowAddress: all@ex.net
        """)
    root.ok("PUT", "user/ann@ex.com", addAlias="sales@ex.net")
    root.ok("PUT", "domain/ex.com", removeAliasDomain="ex.net")
    assert site.entries() == before


def test_an_alias_domain_that_waits_for_its_verification_is_nobodys_name(site: Site, root: Client) -> None:
    site.change_settings(require_domain_ownership_verification=True)
    admin = site.admin("al@far.test", "ex.com")
    before = site.entries()
    assert admin.put("domain/ex.com", addAliasDomain="ex.net")["_success"]
    after = site.entries()
    after["domainName=ex.com,o=domains"].pop("domainPendingAliasName")
    assert after == before
    assert root.data("domain/ex.com")["alias_domains"] == ["ex.net"]
    assert root.refused("POST", "domain/ex.net") == "ALREADY_EXISTS"


def test_a_new_domain_that_waits_for_its_verification_is_off(site: Site) -> None:
    site.change_settings(require_domain_ownership_verification=True)
    admin = site.admin("al@far.test", maxDomains="0")
    assert admin.post("domain/ex.com")["_success"]
    entry = site.entries()["domainName=ex.com,o=domains"]
    assert (entry["accountStatus"], entry["domainAdmin"]) == (["disabled"], ["al@far.test"])


def test_a_catch_all_comes_changes_and_goes(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    before = site.entries()
    assert footprint(site, root, "PUT", "domain/ex.com", catchall="a@x.test,b@x.test") == lines("""
        add mail=@ex.com,ou=Users,domainName=ex.com
        +accountStatus: active
        +cn: Catch-all account
        +mail: @ex.com
        +mailForwardingAddress: a@x.test
        +mailForwardingAddress: b@x.test
        +objectClass: inetOrgPerson
        +objectClass: mailUser
        +sn: Catch-all account
        +uid: catchall
        """)
    assert footprint(site, root, "PUT", "domain/ex.com", catchall="b@x.test") == lines("""
        modify mail=@ex.com,ou=Users,domainName=ex.com
        -mailForwardingAddress: a@x.test
        """)
    root.ok("PUT", "domain/ex.com", catchall="")
    assert site.entries() == before


def test_admins_are_values_of_the_domain_and_a_service_of_users(site: Site, root: Client) -> None:
    root.ok("POST", "admin/boss@admins.test", password=PASSWORD)
    before = site.entries()
    added = footprint(site, root, "PUT", "domain/admins/ex.com", addAdmin="ann@ex.com,boss@admins.test")
    assert added == lines("""
        modify domainName=ex.com
        +domainAdmin: ann@ex.com
        +domainAdmin: boss@admins.test
        modify mail=ann@ex.com,ou=Users,domainName=ex.com
        +enabledService: domainadmin
        """)
    root.ok("PUT", "domain/admins/ex.com", removeAllAdmins="")
    assert site.entries() == before


def test_a_global_admin_keeps_the_service(site: Site, root: Client) -> None:
    root.ok("PUT", "user/ann@ex.com", isGlobalAdmin="yes")
    before = site.entries()
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    root.ok("PUT", "domain/admins/ex.com", removeAdmin="ann@ex.com")
    assert site.entries() == before


def test_a_deleted_domain_leaves_nothing_anywhere(site: Site, root: Client) -> None:
    root.ok("POST", "domain/far.com")
    root.ok("POST", "user/bob@far.com", password=PASSWORD)
    root.ok("POST", "user/eve@far.com", password=PASSWORD)
    root.ok("POST", "alias/crew@far.com", members="bob@far.com")
    root.ok("POST", "maillist/some@far.com", members="bob@far.com")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="eve@far.com")
    root.ok("PUT", "domain/far.com", catchall="bob@far.com")
    before = site.entries()
    root.ok("PUT", "domain/admins/far.com", addAdmin="ann@ex.com")
    root.ok("PUT", "domain/far.com", senderBcc="ann@ex.com", catchall="bob@far.com,ann@ex.com")
    root.ok("PUT", "user/bob@far.com", forwarding="bob@far.com,ann@ex.com", senderBcc="ann@ex.com")
    root.ok("PUT", "alias/crew@far.com", addMember="team@ex.com")
    root.ok("PUT", "maillist/some@far.com", addMember="ann@ex.com")
    root.ok("PUT", "user/bob@far.com", removeForwarding="bob@far.com")
    root.ok("DELETE", "domain/ex.com/keep_mailbox_days/3")
    after = site.entries()
    assert not any("ex.com" in dn or "@ex.com" in str(entry) for dn, entry in after.items())
    assert "domainadmin" not in after["mail=eve@far.com,ou=Users,domainName=far.com,o=domains"]["enabledService"]
    assert set(after) == {dn for dn in before if "ex.com" not in dn} | {
        "memberOfGroup=some@far.com,ou=Externals,domainName=far.com,o=domains"
    }
    [kept] = site.rows("deleted_mailboxes")
    assert (kept["username"], kept["domain"], kept["admin"]) == ("ann@ex.com", "ex.com", "root@admins.test")
    assert kept["maildir"].startswith("/var/vmail/vmail1/ex.com/a/n/n/ann-")
    assert site.rows("used_quota") == site.rows("postreeve_pending") == []


def test_a_profile_has_the_attributes_and_the_extras_with_their_types(root: Client) -> None:
    root.ok("POST", "admin/boss@admins.test", password=PASSWORD)
    root.ok("PUT", "user/ann@ex.com", quota="30")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="boss@admins.test,ann@ex.com")
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net,ex.org", catchall="ann@ex.com", senderBcc="a@x.test",
            recipientBcc="b@x.test", outboundRelay="[192.0.2.1]:25", defaultQuota="5", quota="100",
            disableDomainProfile="relay,bcc")  # fmt: skip
    profile = root.data("domain/ex.com")
    numbers = {name for name in profile if name.startswith("domainCurrent")}
    assert {name: value for name, value in profile.items() if name not in numbers} == {
        "objectClass": ["mailDomain"], "domainName": ["ex.com"], "mtaTransport": ["dovecot"],
        "accountStatus": ["active"], "domainAliasName": ["ex.net", "ex.org"],
        "domainSenderBccAddress": ["a@x.test"], "domainRecipientBccAddress": ["b@x.test"],
        "senderRelayHost": ["[192.0.2.1]:25"], "domainAdmin": ["ann@ex.com", "boss@admins.test"],
        "enabledService": ["domainalias", "mail", "recipientbcc", "senderbcc"],
        "accountSetting": {"defaultQuota": 5, "domainQuota": "100:MB", "disabledDomainProfile": ["bcc", "relay"]},
        "catchall": ["ann@ex.com"], "alias_domains": ["ex.net", "ex.org"], "admins": ["ann@ex.com", "boss@admins.test"],
        "senderBcc": "a@x.test", "recipientBcc": "b@x.test", "outboundRelay": "[192.0.2.1]:25",
        "num_existing_users": 1, "num_existing_aliases": 1, "num_existing_maillists": 2, "allocated_quota": 30,
    }  # fmt: skip
    assert root.data("domains") == [profile]


def test_odd_settings_and_attributes_survive_every_change(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    assert site.directory
    texts = ["timezone:Europe/Berlin", "odd", "url:https://a.test/", "disabledMailService:pop3", "maxUserQuota:nine",
             "disabledMailService:smtp"]  # fmt: skip
    site.directory.change(
        site.directory.tree.domain("ex.com"),
        accountSetting=texts,
        disclaimer=["Say no moré."],
        domainWhitelistIP=["::1"],
    )
    profile = root.data("domain/ex.com")
    assert profile["disclaimer"] == ["Say no moré."]
    assert profile["accountSetting"] == {
        "timezone": "Europe/Berlin", "odd": "", "url": "https://a.test/", "disabledMailService": ["pop3", "smtp"],
        "maxUserQuota": "nine",
    }  # fmt: skip
    before = site.entries()
    root.ok("PUT", "domain/ex.com", defaultQuota="5", disableUserProfile="wblist,bcc")
    root.ok("PUT", "domain/ex.com", defaultQuota="0", enableUserProfile="bcc,wblist")
    assert site.entries() == before


def test_entries_of_other_programs_are_found_in_any_case(site: Site, root: Client) -> None:
    assert site.directory
    tree = site.directory.tree
    site.directory.add(
        f"domainName=Far.COM,{tree.domains}", objectClass=["mailDomain"], domainName=["Far.COM"],
        accountStatus=["Active"], enabledService=["Mail"], domainAliasName=["Far.NET"],
        domainAdmin=["Ann@EX.com", "nobody@x.test"], accountSetting=["domainQuota:2:GB", "defaultLanguage:de_DE"],
    )  # fmt: skip
    for container in ("Users", "Groups", "Aliases", "Externals"):
        dn = f"ou={container},{tree.domain('far.com')}"
        site.directory.add(dn, objectClass=["organizationalUnit"], ou=[container])
    assert root.data("domains", name_only="yes") == ["ex.com", "far.com"]
    assert root.data("user/ann@ex.com")["managed_domains"] == ["far.com"]
    assert root.data("domain/far.com")["alias_domains"] == ["far.net"]
    for name in ("far.com", "far.net"):
        assert root.refused("POST", f"domain/{name}") == "ALREADY_EXISTS"
    site.client().login("ann@ex.com").ok("POST", "user/bob@far.com", password=PASSWORD, quota="2048")
    assert root.data("user/bob@far.com")["preferredLanguage"] == ["de_DE"]
    assert root.refused("POST", "user/eve@far.com", password=PASSWORD, quota="1") == "EXCEEDED_DOMAIN_QUOTA_SIZE"
    root.ok("PUT", "domain/far.com", removeAliasDomain="far.net")
    root.ok("PUT", "domain/admins/far.com", removeAdmin="ann@ex.com")
    assert root.data("domain/far.com")["admins"] == ["nobody@x.test"]
    root.ok("DELETE", "domain/far.com")


def test_a_domain_that_was_left_without_containers_gets_them_when_it_is_switched_on(site: Site) -> None:
    root = site.root()
    assert site.directory
    dn = site.directory.tree.domain("ex.com")
    site.directory.add(dn, objectClass=["mailDomain"], domainName=["ex.com"], accountStatus=["disabled"])
    root.ok("PUT", "domain/ex.com", accountStatus="active")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    assert sum(entry["objectClass"] == ["organizationalUnit"] for entry in site.entries().values()) == 4


def test_what_an_outage_leaves_of_a_sweep_is_finished_later(
    site: Site, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = site.entries()
    with monkeypatch.context() as patch:
        patch.setattr(f"{SWEEPS}._each", _away)
        answer = root.put("domain/ex.com", accountStatus="disabled", addAliasDomain="ex.net")
        assert answer == {"_success": True, "_pending": ["ldap: the accounts of ex.com are to follow the domain"]}
        assert pending.run(site.storage) == (0, 1)
    assert pending.run(site.storage) == (1, 0)
    entry = site.entries()["mail=ann@ex.com,ou=Users,domainName=ex.com,o=domains"]
    assert (entry["domainStatus"], entry["shadowAddress"]) == (["disabled"], ["ann@ex.net"])
    with monkeypatch.context() as patch:
        patch.setattr(f"{SWEEPS}._each", _away)
        answer = root.put("domain/ex.com", accountStatus="active", removeAliasDomain="ex.net")
        assert len(answer["_pending"]) == 2
        refused = root.post("domain/ex.net")  # its name is still an address of others
        assert refused["_msg"] == "SERVICE_UNAVAILABLE"
    root.ok("POST", "domain/ex.net")
    root.ok("DELETE", "domain/ex.net")
    pending.run(site.storage)
    assert site.rows("postreeve_pending") == []
    assert site.entries() == before


def _away(*_: object) -> None:
    raise StoreUnavailableError("away")


def test_a_sweep_of_many_is_sent_in_pieces(site: Site, root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{SWEEPS}.AT_ONCE", 2)
    for number in range(5):
        root.ok("POST", f"alias/a{number}@ex.com")
    root.ok("PUT", "domain/ex.com", addAliasDomain="ex.net", accountStatus="disabled")
    accounts = [
        entry for entry in site.entries().values() if "mail" in entry and "mailAdmin" not in entry["objectClass"]
    ]
    assert len(accounts) == 10
    assert all(entry["domainStatus"] == ["disabled"] and "shadowAddress" in entry for entry in accounts)


def test_a_sweep_ends_when_the_domain_has_changed_its_mind(
    site: Site, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postreeve.storage.directory.session import Session  # an extra, which `make quick` does without

    assert site.directory
    directory, before = site.directory, site.entries()
    monkeypatch.setattr(f"{SWEEPS}.AT_ONCE", 1)
    commit = Session.commit

    def change_its_mind(session: Session) -> None:
        commit(session)
        if any(entry.get("domainStatus") for entry in site.entries().values()):
            directory.change(directory.tree.domain("ex.com"), accountStatus=["active"])

    with monkeypatch.context() as patch:
        patch.setattr(Session, "commit", change_its_mind)
        root.ok("PUT", "domain/ex.com", accountStatus="disabled")
    assert sum("domainStatus" in entry for entry in site.entries().values()) == 1
    root.ok("PUT", "domain/ex.com", accountStatus="active")
    assert site.entries() == before
