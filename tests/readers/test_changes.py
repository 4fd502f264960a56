"""Every kind of change is made through the API, and read by real Postfix and Dovecot.

Every map is asked each time, so that an answer says also what is not to be found.
"""

from typing import get_args

import pytest

from postreeve.settings import Scheme
from tests.readers.readers import (
    DOORS,
    NOTHING,
    Answers,
    Readers,
    alias_domain,
    further_address,
    hosted,
    in_alias_domain,
    leads_to,
    mailbox,
    of_protocol,
    without,
)
from tests.site import PASSWORD, Client, Site

pytestmark = pytest.mark.slow

ANN, BOB, EVE = "ann@ex.com", "bob@ex.com", "eve@ex.org"
FAR = "someone@far.test"
UNKNOWN = "nobody@ex.com"
OTHER_PASSWORD = "And' \"3 %u\\$ Blanks"
UNKNOWN_TO_SLAPD = {"ARGON2I", "ARGON2ID", "PBKDF2", "SCRAM-SHA-256"}
"""Schemes with which users of a directory could not log in: slapd itself compares their passwords."""


@pytest.fixture
def root(site: Site, readers: Readers) -> Client:  # noqa: ARG001 - it comes first, with its settings
    """The global admin, with a domain of two users, and another domain of one."""
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "domain/ex.org")
    for mail in (ANN, BOB, EVE):
        root.ok("POST", f"user/{mail}", password=PASSWORD)
    return root


# Created


def test_what_was_never_created_is_unknown(site: Site, readers: Readers) -> None:
    site.root().ok("POST", "domain/ex.org")
    assert readers.postfix("ex.com", ANN) == {"ex.com": NOTHING, ANN: NOTHING}
    assert readers.is_unknown(ANN)
    assert readers.doveadm.users() == set()


@pytest.mark.usefixtures("root")
def test_a_new_domain_is_hosted_and_a_new_user_has_a_mailbox(readers: Readers) -> None:
    assert readers.postfix("ex.com", ANN, UNKNOWN, "ann+news@ex.com") == {
        "ex.com": hosted("ex.com"),
        ANN: mailbox(ANN),
        UNKNOWN: NOTHING,
        "ann+news@ex.com": NOTHING,
    }
    assert readers.doveadm.user(ANN) == {
        "uid": "mail",
        "gid": "mail",
        "home": "/var/vmail/vmail1/ex.com/ann/",
        "mail": "maildir:~/Maildir",
        "master_user": ANN,
        "quota_rule": "*:bytes=0",
    }
    assert readers.logins(ANN, UNKNOWN) == {ANN}
    assert readers.logins(ANN, password=OTHER_PASSWORD) == set()
    assert readers.doveadm.users() == {ANN, BOB, EVE}


def test_upper_case_is_the_same_account(site: Site, readers: Readers) -> None:
    root = site.root()
    root.ok("POST", "domain/EX.com")
    root.ok("POST", "user/Ann@Ex.Com", password=PASSWORD)
    assert readers.postfix("EX.COM", "ANN@ex.com") == {"EX.COM": hosted("ex.com"), "ANN@ex.com": mailbox(ANN)}
    assert readers.logins("Ann@EX.com") == {"Ann@EX.com"}


def test_every_sign_that_an_address_may_have_works(root: Client, readers: Readers) -> None:
    users = ["a.b-c_d@ex.com", "x#y@ex.com", "x&y@ex.com", "_x@ex.com", "7@ex.com"]
    for mail in users:
        root.ok("POST", f"user/{mail.replace('#', '%23')}", password=PASSWORD)
    aliases = ["o'neill@ex.com", "a/b=~c@ex.com", "a+b@ex.com"]
    for mail in aliases:
        root.ok("POST", f"alias/{mail.replace('/', '%2F')}", members="o'hara+x/y=z~@far.test")
    assert readers.postfix(*users, *aliases) == {
        **{mail: mailbox(mail) for mail in users},
        **{mail: leads_to("o'hara+x/y=z~@far.test") for mail in aliases},
    }
    assert readers.logins(*users) == set(users)
    assert all(readers.doveadm.user(mail, service="lmtp") for mail in users)


def test_an_international_domain_is_known_by_its_ascii_name(site: Site, readers: Readers) -> None:
    root = site.root()
    root.ok("POST", "domain/bücher.test")
    root.ok("POST", "user/ann@bücher.test", password=PASSWORD)
    mail = "ann@xn--bcher-kva.test"
    assert readers.postfix("xn--bcher-kva.test", mail) == {
        "xn--bcher-kva.test": hosted("xn--bcher-kva.test"),
        mail: mailbox(mail),
    }
    assert readers.logins(mail) == {mail}


def test_the_usual_path_of_a_mailbox_is_the_same_to_both(site: Site, root: Client, readers: Readers) -> None:
    site.change_settings(maildir_hashed=True, maildir_append_timestamp=True, maildir_domain_hashed=True)
    root.ok("POST", "user/jo@ex.com", password=PASSWORD)
    [home] = readers.fields("home", "jo@ex.com")
    assert home.startswith("/var/vmail/vmail1/e/x/ex.com/j/o/_/jo-20")
    assert readers.about("jo@ex.com")["virtual_mailbox_maps"] == {f"{home.removeprefix('/var/vmail/')}/Maildir/"}


# Passwords


def test_a_password_of_every_scheme_logs_in(site: Site, readers: Readers) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    given: dict[str, str] = {}
    for scheme in get_args(Scheme):
        site.change_settings(default_password_scheme=scheme)
        new, changed = f"new-{scheme.lower()}@ex.com", f"changed-{scheme.lower()}@ex.com"
        if site.directory and scheme in UNKNOWN_TO_SLAPD:
            assert root.refused("POST", f"user/{new}", password=OTHER_PASSWORD) == "INVALID_PASSWORD_SCHEME"
            continue
        root.ok("POST", f"user/{new}", password=OTHER_PASSWORD)
        root.ok("POST", f"user/{changed}", password=PASSWORD)
        root.ok("PUT", f"user/{changed}", password=OTHER_PASSWORD)
        given |= {new: OTHER_PASSWORD, changed: OTHER_PASSWORD}
    assert {text[:6] for text in _stored_passwords(site)} == (
        {"{SSHA5", "{SSHA}", "{CRYPT"} | (set() if site.directory else {"{ARGON", "{PBKDF", "{SHA51"})
    )
    assert readers.passwords(given) == set(given)
    assert readers.passwords(dict.fromkeys(given, PASSWORD)) == set()


def _stored_passwords(site: Site) -> list[str]:
    if site.directory:
        return [text for dn, entry in site.entries().items() if ",ou=Users" in dn for text in entry["userPassword"]]
    return [row["password"] for row in site.rows("mailbox")]


def test_a_hash_that_dovecot_has_made_logs_in(site: Site, root: Client, readers: Readers) -> None:
    schemes = ["SSHA256", "BLF-CRYPT", "SHA256-CRYPT", "ARGON2I", "PBKDF2", "SCRAM-SHA-256", "MD5-CRYPT", "PLAIN"]
    if site.directory:
        for scheme in UNKNOWN_TO_SLAPD.intersection(schemes):
            schemes.remove(scheme)
            stored = readers.doveadm.hashed(OTHER_PASSWORD, scheme)
            assert root.refused("PUT", f"user/{ANN}", password_hash=stored) == "INVALID_PASSWORD_SCHEME"
    given = {f"{scheme.lower()}@ex.com": OTHER_PASSWORD for scheme in schemes}
    for mail, scheme in zip(given, schemes, strict=True):
        root.ok("POST", f"user/{mail}", password_hash=readers.doveadm.hashed(OTHER_PASSWORD, scheme))
        root.ok("POST", f"verify_password/user/{mail}", password=OTHER_PASSWORD)
    bcrypt = readers.doveadm.hashed(OTHER_PASSWORD, "BLF-CRYPT").removeprefix("{BLF-CRYPT}")
    root.ok("PUT", f"user/{ANN}", password_hash=f"{{BCRYPT}}{bcrypt}")
    given[ANN] = OTHER_PASSWORD
    assert readers.passwords(given) == set(given)
    assert readers.passwords(dict.fromkeys(given, PASSWORD)) == set()


# Services, quota and place


def test_a_new_user_may_use_every_service_from_everywhere(root: Client, readers: Readers) -> None:
    assert root.data(f"user/{ANN}").get("allow_nets") is None
    assert readers.services(ANN, DOORS) == DOORS
    assert readers.doveadm.auth_test(ANN, PASSWORD, service="imap", remote="203.0.113.7")
    inner = ("lmtp", "lda", "doveadm", "quota-status", "indexer-worker", "dsync")
    assert [name for name in inner if readers.doveadm.user(ANN, service=name) is None] == []


def test_a_service_that_is_taken_away_is_refused_and_no_other(site: Site, root: Client, readers: Readers) -> None:
    # Only a directory has a word of its own for managesieve with TLS.
    services = f"imap,imaptls,pop3secured,managesieve,managesievesecured{',managesievetls' if site.directory else ''}"
    root.ok("PUT", f"user/{ANN}", removeService=services)
    away = {("imap", ""), ("imap", "tls"), ("pop3", "secured"), *of_protocol("sieve")}
    assert readers.services(ANN, DOORS) == DOORS - away
    assert readers.about(ANN) == mailbox(ANN)
    root.ok("PUT", f"user/{ANN}", addService=services)
    assert readers.services(ANN, DOORS) == DOORS


def test_only_the_services_of_a_reset_are_left(site: Site, root: Client, readers: Readers) -> None:
    # In a directory mail itself is a service.
    root.ok("PUT", f"user/{ANN}", services=f"{'mail,' if site.directory else ''}deliver,imapsecured,imaptls")
    assert readers.services(ANN, DOORS) == {("imap", "secured"), ("imap", "tls")}
    assert readers.doveadm.user(ANN, service="lmtp")
    assert readers.about(ANN) == without(mailbox(ANN), "sender_login_maps")


def test_without_smtp_nobody_sends_from_the_address(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net")
    root.ok("PUT", f"user/{ANN}", addAlias="info@ex.com", removeService="smtp,smtpsecured")
    assert readers.services(ANN, DOORS) == DOORS - of_protocol("smtp")
    assert readers.postfix(ANN, "info@ex.com", "ann@ex.net") == {
        ANN: without(mailbox(ANN), "sender_login_maps"),
        "info@ex.com": leads_to(ANN),
        "ann@ex.net": {"domain_alias_maps": {ANN}},
    }


def test_without_delivery_postfix_knows_no_mailbox(site: Site, root: Client, readers: Readers) -> None:
    root.ok("PUT", f"user/{ANN}", removeService="deliver", transport="smtp:[192.0.2.1]:26")
    if site.directory:
        assert readers.about(ANN) == {"sender_login_maps": {ANN}, "transport_maps_user": {"smtp:[192.0.2.1]:26"}}
        assert readers.doveadm.user(ANN, service="lmtp") is None
    else:
        assert readers.about(ANN) == without(mailbox(ANN), "virtual_mailbox_maps")
    assert readers.logins(ANN) == {ANN}


def test_settings_take_services_from_new_users(site: Site, root: Client, readers: Readers) -> None:
    site.change_settings(additional_disabled_user_services=["pop3", "pop3secured", "pop3tls", "managesieve"])
    _set(
        site, "disabled_mail_services:smtp,smtpsecured;", "disabledMailService:smtp", "disabledMailService:smtpsecured"
    )
    root.ok("POST", "user/jo@ex.com", password=PASSWORD)
    away = of_protocol("pop3") | of_protocol("smtp") | {("sieve", "")}
    assert readers.services("jo@ex.com", DOORS) == DOORS - away


def _set(site: Site, text: str, *values: str) -> None:
    """Give a domain settings that no parameter has, as iRedAdmin would."""
    if site.directory:
        site.directory.change(site.directory.tree.domain("ex.com"), accountSetting=values)
    else:
        site.execute("vmail", f"UPDATE domain SET settings = '{text}'")


def test_dovecot_counts_the_quota_in_bytes(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", defaultQuota="1024")
    root.ok("POST", "user/jo@ex.com", password=PASSWORD)
    root.ok("PUT", f"user/{ANN}", quota="5")
    root.ok("PUT", f"user/{BOB}", quota=str(2**43 - 1))
    assert readers.fields("quota_rule", "jo@ex.com", ANN, BOB, EVE) == [
        "*:bytes=1073741824",
        "*:bytes=5242880",
        f"*:bytes={2**63 - 2**20}",
        "*:bytes=0",
    ]


def test_a_mailbox_has_the_format_and_the_folder_that_it_was_given(site: Site, root: Client, readers: Readers) -> None:
    root.ok("PUT", f"user/{ANN}", mailboxFormat="mdbox", mailboxFolder="Box")
    site.change_settings(mailbox_format="sdbox", mailbox_folder="Mail")
    root.ok("POST", "user/jo@ex.com", password=PASSWORD)
    root.ok("POST", "user/joe@ex.com", password=PASSWORD, mailboxFormat="maildir")
    assert readers.fields("mail", ANN, BOB, "jo@ex.com", "joe@ex.com") == [
        "mdbox:~/Box",
        "maildir:~/Maildir",
        "sdbox:~/Mail",
        "maildir:~/Mail",
    ]


def test_a_mailbox_lies_where_it_was_put(root: Client, readers: Readers) -> None:
    root.ok("PUT", f"user/{ANN}", maildir="/var/vmail/disk2/Elsewhere/ann")
    root.ok("POST", "user/jo@ex.com", password=PASSWORD, maildir="/var/vmail/vmail1/jo/mail/")
    assert readers.fields("home", ANN, "jo@ex.com") == ["/var/vmail/disk2/elsewhere/ann/", "/var/vmail/vmail1/jo/mail/"]
    assert readers.about(ANN)["virtual_mailbox_maps"] == {"disk2/elsewhere/ann//Maildir/"}


# Aliased, forwarded


def test_an_alias_address_leads_to_the_mailbox_and_may_send(site: Site, root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net")
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.com,sales@ex.net", forwarding=FAR)
    root.ok("POST", "user/jo@ex.com", password=PASSWORD, aliases="joe@ex.com")
    assert readers.postfix("info@ex.com", "sales@ex.net", "sales@ex.com", "joe@ex.com") == {
        "info@ex.com": further_address(ANN),
        "sales@ex.net": further_address(ANN),
        "sales@ex.com": NOTHING,
        "joe@ex.com": further_address("jo@ex.com"),
    }
    # iRedMail's look-ups in a directory let a user log in with it.
    assert readers.logins("info@ex.com") == ({"info@ex.com"} if site.directory else set())
    ann = {**(readers.doveadm.user(ANN) or {}), "user": ANN}
    assert readers.doveadm.user("info@ex.com") == (ann if site.directory else None)


def test_an_alias_address_that_is_removed_is_unknown(root: Client, readers: Readers) -> None:
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.com,sales@ex.com")
    root.ok("PUT", f"user/{ANN}", removeAlias="info@ex.com")
    assert readers.postfix("info@ex.com", "sales@ex.com", ANN) == {
        "info@ex.com": NOTHING,
        "sales@ex.com": further_address(ANN),
        ANN: mailbox(ANN),
    }


def test_an_alias_address_may_lie_in_another_domain_where_that_is_allowed(
    site: Site, root: Client, readers: Readers
) -> None:
    site.change_settings(user_alias_cross_all_domains=True)
    root.ok("PUT", f"user/{ANN}", aliases="ann@ex.org")
    assert readers.about("ann@ex.org") == further_address(ANN)


def test_mail_is_forwarded_with_a_copy(root: Client, readers: Readers) -> None:
    root.ok("PUT", f"user/{ANN}", forwarding=f"{ANN},{FAR},{BOB}")
    root.ok("PUT", f"user/{BOB}", addForwarding=FAR)
    assert readers.postfix(ANN, BOB) == {ANN: mailbox(ANN, ANN, FAR, BOB), BOB: mailbox(BOB, BOB, FAR)}


def test_mail_is_forwarded_without_a_copy(root: Client, readers: Readers) -> None:
    root.ok("PUT", f"user/{ANN}", forwarding=FAR)
    root.ok("PUT", f"user/{BOB}", addForwarding=FAR, removeForwarding=BOB)
    assert readers.postfix(ANN, BOB) == {ANN: mailbox(ANN, FAR), BOB: mailbox(BOB, FAR)}
    assert readers.logins(ANN, BOB) == {ANN, BOB}


@pytest.mark.parametrize("end", [{"forwarding": ""}, {"removeForwarding": FAR}])
def test_mail_that_is_forwarded_no_more_stays_in_the_mailbox(
    root: Client, readers: Readers, end: dict[str, str]
) -> None:
    root.ok("PUT", "domain/ex.com", catchall=BOB)
    root.ok("PUT", f"user/{ANN}", forwarding=FAR)
    root.ok("PUT", f"user/{ANN}", **end)
    assert readers.about(ANN) == {**mailbox(ANN), "catchall_maps": {BOB}}


# Catch-all, alias domains


def test_a_catch_all_gets_what_nobody_has(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", catchall=f"{BOB},{FAR}")
    assert readers.postfix(UNKNOWN, "nobody+ext@ex.com", "nobody@ex.org", ANN, "ex.com") == {
        UNKNOWN: {"catchall_maps": {BOB, FAR}},
        "nobody+ext@ex.com": NOTHING,
        "nobody@ex.org": NOTHING,
        ANN: {**mailbox(ANN), "catchall_maps": {BOB, FAR}},
        "ex.com": {**hosted("ex.com"), "virtual_alias_maps": {BOB, FAR}},
    }
    assert readers.logins(UNKNOWN) == set()
    root.ok("PUT", "domain/ex.com", catchall=FAR)
    assert readers.about(UNKNOWN) == {"catchall_maps": {FAR}}
    root.ok("PUT", "domain/ex.com", catchall="")
    assert readers.about(UNKNOWN) == NOTHING


def test_an_alias_domain_has_the_users_and_the_catch_all_of_its_target(
    site: Site, root: Client, readers: Readers
) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net", catchall=BOB)
    root.ok("PUT", f"user/{ANN}", forwarding=f"{ANN},{FAR}")
    root.ok("POST", "alias/team@ex.com", members=f"{ANN},{BOB}")
    caught = {"domain_alias_catchall_maps": {BOB}}
    assert readers.postfix("ex.net", "ann@ex.net", "ann+ext@ex.net", "team@ex.net", "nobody@ex.net") == {
        "ex.net": alias_domain("ex.net"),
        "ann@ex.net": {**in_alias_domain(ANN, ANN, FAR), **caught},
        "ann+ext@ex.net": caught,
        "team@ex.net": {"domain_alias_maps": {ANN, BOB}, **caught},
        "nobody@ex.net": caught,
    }
    assert readers.logins("ann@ex.net") == ({"ann@ex.net"} if site.directory else set())


def test_without_a_catch_all_an_extension_in_an_alias_domain_is_left_to_postfix(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net")
    assert readers.postfix("ann+ext@ex.net", "nobody@ex.net") == {"ann+ext@ex.net": NOTHING, "nobody@ex.net": NOTHING}


def test_an_alias_domain_that_is_removed_is_unknown(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net,ex.info", catchall=BOB)
    root.ok("PUT", "domain/ex.com", removeAliasDomain="ex.net")
    assert readers.postfix("ex.net", "ann@ex.net", "ex.info") == {
        "ex.net": NOTHING,
        "ann@ex.net": NOTHING,
        "ex.info": alias_domain("ex.info"),
    }


def test_what_waits_for_its_verification_is_unknown(site: Site, root: Client, readers: Readers) -> None:
    admin = site.admin("admin@far.test", "ex.com", maxDomains="0")
    assert "verification" in admin.put("domain/ex.com", addAliasDomain="ex.net")["_hint"]
    assert "verification" in admin.post("domain/ex.info")["_hint"]
    root.ok("POST", "user/jo@ex.info", password=PASSWORD)
    names = ("ex.net", "ann@ex.net", "ex.info", "jo@ex.info")
    assert readers.postfix(*names) == dict.fromkeys(names, NOTHING)
    assert readers.logins("jo@ex.info") == set()


# BCC, relay, transports, backup MX


def test_copies_of_what_a_user_sends_and_receives(root: Client, readers: Readers) -> None:
    root.ok("PUT", f"user/{ANN}", senderBcc=FAR, recipientBcc=BOB)
    assert readers.postfix(ANN, BOB) == {
        ANN: {**mailbox(ANN), "sender_bcc_maps_user": {FAR}, "recipient_bcc_maps_user": {BOB}},
        BOB: mailbox(BOB),
    }
    root.ok("PUT", f"user/{ANN}", senderBcc="", recipientBcc=FAR)
    assert readers.about(ANN) == {**mailbox(ANN), "recipient_bcc_maps_user": {FAR}}


def test_copies_of_what_a_domain_sends_and_receives(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", senderBcc=FAR, recipientBcc=BOB)
    copies = {"sender_bcc_maps_domain": {FAR}, "recipient_bcc_maps_domain": {BOB}}
    assert readers.postfix(ANN, UNKNOWN, EVE) == {ANN: {**mailbox(ANN), **copies}, UNKNOWN: copies, EVE: mailbox(EVE)}
    root.ok("PUT", "domain/ex.com", senderBcc="", recipientBcc="")
    assert readers.about(ANN) == mailbox(ANN)


def test_mail_of_a_domain_leaves_through_its_relay(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", outboundRelay="smtp:[192.0.2.1]:587")
    assert readers.postfix("@ex.com", ANN, "@ex.org") == {
        "@ex.com": {"sender_dependent_relayhost_maps": {"[192.0.2.1]:587"}},
        ANN: mailbox(ANN),
        "@ex.org": NOTHING,
    }
    root.ok("PUT", "domain/ex.com", outboundRelay="")
    assert readers.about("@ex.com") == NOTHING


def test_a_user_and_a_domain_have_transports_of_their_own(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", transport="lmtp:[192.0.2.1]:24")
    root.ok("PUT", f"user/{ANN}", transport="smtp:[192.0.2.2]:26")
    assert readers.postfix("ex.com", ANN, BOB) == {
        "ex.com": hosted("ex.com", "lmtp:[192.0.2.1]:24"),
        ANN: {**mailbox(ANN), "transport_maps_user": {"smtp:[192.0.2.2]:26"}},
        BOB: mailbox(BOB),
    }
    root.ok("PUT", f"user/{ANN}", transport="")
    assert readers.about(ANN) == mailbox(ANN)


@pytest.mark.sql
def test_a_backup_mx_passes_everything_on(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net", catchall=BOB)
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.com", senderBcc=FAR, transport="smtp:[192.0.2.2]:26")
    root.ok("PUT", "domain/ex.com", is_backupmx="yes", primarymx="[192.0.2.1]:25")
    caught = {"domain_alias_catchall_maps": {BOB}}
    assert readers.postfix("ex.com", ANN, "info@ex.com", UNKNOWN, "ex.net", "ann@ex.net") == {
        "ex.com": {"relay_domains": {"ex.com"}, "transport_maps_domain": {"relay:[192.0.2.1]:25"}},
        ANN: {"virtual_mailbox_maps": mailbox(ANN)["virtual_mailbox_maps"]},
        "info@ex.com": NOTHING,
        UNKNOWN: NOTHING,
        "ex.net": NOTHING,
        "ann@ex.net": caught,
    }
    assert readers.logins(ANN) == set()
    assert readers.doveadm.user(ANN) is None
    root.ok("PUT", "domain/ex.com", is_backupmx="no", catchall="")
    assert readers.postfix("ex.com", BOB, "info@ex.com") == {
        "ex.com": hosted("ex.com"),
        BOB: mailbox(BOB),
        "info@ex.com": further_address(ANN),
    }
    assert readers.logins(ANN) == {ANN}


@pytest.mark.ldap
def test_a_backup_mx_in_a_directory_passes_on_what_no_account_has(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net")
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.com", transport="smtp:[192.0.2.2]:26")
    root.ok("PUT", "domain/ex.com", is_backupmx="yes", primarymx="[192.0.2.1]:25")
    # iRedMail's look-ups for accounts do not ask the domain.
    accounts = {
        ANN: mailbox(ANN) | {"transport_maps_user": {"smtp:[192.0.2.2]:26"}},
        "info@ex.com": further_address(ANN),
        UNKNOWN: NOTHING,
        "ann@ex.net": in_alias_domain(ANN),
    }
    assert readers.postfix("ex.com", "ex.net", *accounts) == {
        "ex.com": {"relay_domains": {"ex.com"}, "transport_maps_domain": {"relay:[192.0.2.1]:25"}},
        "ex.net": {"relay_domains": {"ex.net"}},
        **accounts,
    }
    root.ok("PUT", "domain/ex.com", is_backupmx="no")
    assert readers.postfix("ex.com", "ex.net", *accounts) == {
        "ex.com": hosted("ex.com"), "ex.net": alias_domain("ex.net"), **accounts,
    }  # fmt: skip


def test_a_backup_mx_without_a_primary_asks_the_dns(root: Client, readers: Readers) -> None:
    root.ok("POST", "domain/ex.info", is_backupmx="yes")
    assert readers.about("ex.info") == {"relay_domains": {"ex.info"}, "transport_maps_domain": {"relay:ex.info"}}


# Mail aliases


def test_an_alias_leads_to_its_members(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net")
    root.ok("POST", "alias/team@ex.com", members=f"{ANN},{FAR}")
    root.ok("PUT", "alias/team@ex.com", addMember=EVE, removeMember=ANN)
    assert readers.postfix("team@ex.com", "team@ex.net", "team+ext@ex.com", ANN) == {
        "team@ex.com": leads_to(EVE, FAR),
        "team@ex.net": {"domain_alias_maps": {EVE, FAR}},
        "team+ext@ex.com": NOTHING,
        ANN: mailbox(ANN),
    }
    assert readers.logins("team@ex.com") == set()


def test_an_alias_without_members_is_unknown(root: Client, readers: Readers) -> None:
    root.ok("POST", "alias/team@ex.com")
    assert readers.about("team@ex.com") == NOTHING
    root.ok("PUT", "alias/team@ex.com", members=ANN)
    assert readers.about("team@ex.com") == leads_to(ANN)
    root.ok("PUT", "alias/team@ex.com", members="")
    assert readers.about("team@ex.com") == NOTHING


def test_a_disabled_alias_is_unknown_until_it_is_active_again(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net")
    root.ok("POST", "alias/team@ex.com", members=ANN, accountStatus="disabled")
    root.ok("PUT", "alias/team@ex.com", addMember=FAR)
    assert readers.postfix("team@ex.com", "team@ex.net") == {"team@ex.com": NOTHING, "team@ex.net": NOTHING}
    root.ok("PUT", "alias/team@ex.com", accountStatus="active")
    assert readers.about("team@ex.com") == leads_to(ANN, FAR)
    root.ok("PUT", "alias/team@ex.com", accountStatus="disabled")
    assert readers.about("team@ex.com") == NOTHING


def test_a_renamed_alias_is_known_by_its_new_name_alone(root: Client, readers: Readers) -> None:
    root.ok("POST", "alias/team@ex.com", members=ANN)
    root.ok("POST", "alias/all@ex.com", members=f"team@ex.com,{BOB}")
    root.ok("PUT", f"user/{EVE}", forwarding="team@ex.com")
    root.ok("POST", "alias/team@ex.com/change_email/crew@ex.org")
    assert readers.postfix("team@ex.com", "crew@ex.org", "all@ex.com", EVE) == {
        "team@ex.com": NOTHING,
        "crew@ex.org": leads_to(ANN),
        "all@ex.com": leads_to("crew@ex.org", BOB),
        EVE: mailbox(EVE, "crew@ex.org"),
    }


def test_a_disabled_alias_stays_disabled_under_a_new_name(root: Client, readers: Readers) -> None:
    root.ok("POST", "alias/team@ex.com", members=ANN, accountStatus="disabled")
    root.ok("POST", "alias/team@ex.com/change_email/crew@ex.com")
    assert readers.about("crew@ex.com") == NOTHING


def test_a_deleted_alias_is_unknown_and_no_member_any_more(root: Client, readers: Readers) -> None:
    root.ok("POST", "alias/team@ex.com", members=ANN)
    root.ok("POST", "alias/all@ex.com", members=f"team@ex.com,{BOB}")
    root.ok("PUT", f"user/{EVE}", forwarding="team@ex.com")
    root.ok("DELETE", "alias/team@ex.com")
    assert readers.postfix("team@ex.com", "all@ex.com", EVE, ANN) == {
        "team@ex.com": NOTHING,
        "all@ex.com": leads_to(BOB),
        EVE: mailbox(EVE),
        ANN: mailbox(ANN),
    }


def test_a_new_user_is_a_member_of_the_domain_s_standard_aliases(site: Site, root: Client, readers: Readers) -> None:
    root.ok("POST", "alias/all@ex.com", members=ANN)
    _set(site, "default_groups:all@ex.com;", "defaultList:all@ex.com")
    root.ok("POST", "user/jo@ex.com", password=PASSWORD)
    assert readers.about("all@ex.com") == leads_to(ANN, "jo@ex.com")


@pytest.mark.ldap
def test_an_unsubscribable_list_leads_to_its_members_until_it_is_deleted(root: Client, readers: Readers) -> None:
    root.ok("POST", "alias/team@ex.com", members=BOB)
    root.ok("POST", "maillist/staff@ex.com", members=f"{ANN},team@ex.com,{EVE},{FAR}")
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net")
    names = ("staff@ex.com", "staff@ex.net")
    everybody = {ANN, "team@ex.com", EVE, FAR}
    assert readers.postfix(*names, ANN) == {
        "staff@ex.com": leads_to(*everybody),
        "staff@ex.net": {"domain_alias_maps": everybody},
        ANN: mailbox(ANN),
    }
    root.ok("PUT", "maillist/staff@ex.com", addMember=BOB, removeMember=f"{FAR},team@ex.com")
    root.ok("PUT", f"user/{ANN}", accountStatus="disabled")
    root.ok("POST", f"user/{BOB}/change_email/new@ex.com")
    assert readers.postfix(*names) == {
        "staff@ex.com": leads_to("new@ex.com", EVE),
        "staff@ex.net": {"domain_alias_maps": {"new@ex.com", EVE}},
    }
    root.ok("PUT", "domain/ex.com", removeAliasDomain="ex.net")
    assert readers.postfix(*names) == {"staff@ex.com": leads_to("new@ex.com", EVE), "staff@ex.net": NOTHING}
    root.ok("DELETE", "maillist/staff@ex.com")
    assert readers.about("staff@ex.com") == NOTHING


# Disabled


def test_a_disabled_user_is_unknown_until_active_again(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net")
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.com,sales@ex.net", forwarding=f"{ANN},{FAR}")
    root.ok("PUT", f"user/{ANN}", accountStatus="disabled", addForwarding=BOB, addAlias="more@ex.com")
    names = ("info@ex.com", "sales@ex.net", "more@ex.com", "ann@ex.net")
    assert readers.postfix(*names) == dict.fromkeys(names, NOTHING)
    assert readers.is_unknown(ANN)
    assert readers.doveadm.user(ANN, service="lmtp") is None
    root.ok("PUT", f"user/{ANN}", accountStatus="active")
    assert readers.postfix(ANN, *names) == {
        ANN: mailbox(ANN, ANN, FAR, BOB),
        "info@ex.com": further_address(ANN),
        "sales@ex.net": further_address(ANN),
        "more@ex.com": further_address(ANN),
        "ann@ex.net": in_alias_domain(ANN, ANN, FAR, BOB),
    }
    assert readers.logins(ANN) == {ANN}


def test_a_user_may_be_disabled_from_the_beginning(root: Client, readers: Readers) -> None:
    root.ok("POST", "user/jo@ex.com", password=PASSWORD, accountStatus="disabled", aliases="joe@ex.com")
    assert readers.is_unknown("jo@ex.com")
    assert readers.about("joe@ex.com") == NOTHING


def test_mail_for_a_disabled_user_falls_to_the_catch_all(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", catchall=BOB)
    root.ok("PUT", f"user/{ANN}", accountStatus="disabled")
    assert readers.about(ANN) == {"catchall_maps": {BOB}}


def test_a_disabled_member_does_not_disable_the_alias(root: Client, readers: Readers) -> None:
    root.ok("POST", "alias/team@ex.com", members=f"{ANN},{BOB}")
    root.ok("PUT", f"user/{ANN}", accountStatus="disabled")
    assert readers.about("team@ex.com") == leads_to(ANN, BOB)


def test_activating_a_member_does_not_activate_a_disabled_alias(root: Client, readers: Readers) -> None:
    root.ok("POST", "alias/team@ex.com", members=ANN, accountStatus="disabled")
    root.ok("PUT", f"user/{ANN}", accountStatus="active")
    assert readers.about("team@ex.com") == NOTHING


def test_all_of_a_disabled_domain_is_unknown_until_it_is_active_again(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", senderBcc=FAR, catchall=FAR)
    root.ok("POST", "alias/team@ex.com", members=ANN)
    root.ok("PUT", f"user/{BOB}", accountStatus="disabled")
    root.ok("PUT", "domain/ex.com", accountStatus="disabled")
    names = ("ex.com", ANN, BOB, "team@ex.com", UNKNOWN)
    assert readers.postfix(*names) == dict.fromkeys(names, NOTHING)
    assert readers.logins(ANN, BOB) == set()
    assert readers.doveadm.user(ANN, service="lmtp") is None
    root.ok("PUT", "domain/ex.com", accountStatus="active", senderBcc="", catchall="")
    assert readers.postfix(*names) == {
        "ex.com": hosted("ex.com"),
        ANN: mailbox(ANN),
        BOB: NOTHING,
        "team@ex.com": leads_to(ANN),
        UNKNOWN: NOTHING,
    }
    assert readers.logins(ANN, BOB) == {ANN}


def test_a_disabled_domain_takes_its_alias_domains_with_it(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net", accountStatus="disabled")
    assert readers.about("ex.net") == NOTHING


# Renamed


def test_a_renamed_user_has_the_old_mailbox_under_the_new_name(site: Site, root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net", catchall=ANN, recipientBcc=ANN)
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.com,sales@ex.net", forwarding=f"{ANN},{FAR}", senderBcc=BOB)
    root.ok("PUT", f"user/{BOB}", forwarding=ANN, recipientBcc=ANN)
    root.ok("POST", "alias/team@ex.com", members=f"{ANN},{BOB}")
    home = readers.doveadm.user(ANN)
    root.ok("POST", f"user/{ANN}/change_email/new@ex.com")
    root.ok("PUT", "domain/ex.com", catchall=FAR, recipientBcc=FAR)
    new = "new@ex.com"
    caught, copied = {"catchall_maps": {FAR}}, {"recipient_bcc_maps_domain": {FAR}}
    elsewhere = {"domain_alias_catchall_maps": {FAR}}
    sent: Answers = {}
    if site.directory:  # copies are made of what goes to and comes from other names, too
        sent, elsewhere = {"sender_bcc_maps_user": {BOB}}, elsewhere | copied
    assert readers.postfix(ANN, new, "info@ex.com", "sales@ex.net", "new@ex.net", "ann@ex.net", BOB, "team@ex.com") == {
        ANN: caught | copied,
        new: mailbox(new, new, FAR, name=ANN) | {"sender_bcc_maps_user": {BOB}} | caught | copied,
        "info@ex.com": further_address(new) | sent | caught | copied,
        "sales@ex.net": further_address(new) | elsewhere,
        "new@ex.net": in_alias_domain(new, new, FAR) | elsewhere,
        "ann@ex.net": elsewhere,
        BOB: mailbox(BOB, new) | {"recipient_bcc_maps_user": {new}} | caught | copied,
        "team@ex.com": leads_to(new, BOB) | caught | copied,
    }
    assert readers.logins(ANN, new) == {new}
    assert readers.doveadm.user(ANN) is None
    assert readers.doveadm.user(new) == {**(home or {}), "master_user": new}


def test_a_catch_all_and_copies_follow_a_renamed_user(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", catchall=ANN, recipientBcc=ANN, senderBcc=ANN)
    root.ok("POST", f"user/{ANN}/change_email/new@ex.com")
    assert readers.about(UNKNOWN) == {
        name: {"new@ex.com"} for name in ("catchall_maps", "recipient_bcc_maps_domain", "sender_bcc_maps_domain")
    }


def test_a_user_moves_to_another_domain(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net")
    root.ok("PUT", "domain/ex.org", aliasDomains="ex.info")
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.com", senderBcc=BOB, transport="smtp:[192.0.2.2]:26")
    root.ok("POST", "alias/team@ex.com", members=ANN)
    root.ok("POST", f"user/{ANN}/change_email/ann@ex.org")
    new = "ann@ex.org"
    assert readers.postfix(ANN, "ann@ex.net", new, "ann@ex.info", "info@ex.com", "team@ex.com") == {
        ANN: NOTHING,
        "ann@ex.net": NOTHING,
        new: {
            **mailbox(new, name=ANN),
            "sender_bcc_maps_user": {BOB},
            "transport_maps_user": {"smtp:[192.0.2.2]:26"},
        },
        "ann@ex.info": in_alias_domain(new),
        "info@ex.com": further_address(new),
        "team@ex.com": leads_to(new),
    }
    assert readers.logins(ANN, new) == {new}
    root.ok("DELETE", "domain/ex.com")
    assert readers.about(new) == {**mailbox(new, name=ANN), "transport_maps_user": {"smtp:[192.0.2.2]:26"}}


def test_whoever_names_both_the_old_and_the_new_address_names_the_new_one_once(root: Client, readers: Readers) -> None:
    new = "new@ex.com"
    root.ok("POST", "alias/team@ex.com", members=f"{ANN},{new}")
    root.ok("PUT", f"user/{BOB}", forwarding=f"{ANN},{new}")
    root.ok("PUT", f"user/{ANN}", forwarding=f"{ANN},{new}")
    root.ok("POST", f"user/{ANN}/change_email/{new}")
    assert readers.postfix("team@ex.com", BOB, new) == {
        "team@ex.com": leads_to(new),
        BOB: mailbox(BOB, new),
        new: mailbox(new, name=ANN),
    }


def test_a_user_who_forwards_without_a_copy_still_does_under_a_new_name(root: Client, readers: Readers) -> None:
    root.ok("PUT", f"user/{ANN}", forwarding=FAR)
    root.ok("POST", f"user/{ANN}/change_email/ann@ex.org")
    assert readers.about("ann@ex.org") == mailbox("ann@ex.org", FAR, name=ANN)
    root.ok("POST", f"user/ann@ex.org/change_email/{ANN}")
    assert readers.postfix(ANN, "ann@ex.org") == {ANN: mailbox(ANN, FAR), "ann@ex.org": NOTHING}


def test_a_disabled_user_stays_disabled_under_a_new_name(root: Client, readers: Readers) -> None:
    root.ok("PUT", f"user/{ANN}", accountStatus="disabled")
    root.ok("POST", f"user/{ANN}/change_email/new@ex.com")
    assert readers.is_unknown("new@ex.com")
    root.ok("PUT", "user/new@ex.com", accountStatus="active")
    assert readers.about("new@ex.com") == mailbox("new@ex.com", name=ANN)


# Deleted


def test_of_a_deleted_user_nothing_is_left(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net", catchall=ANN, recipientBcc=ANN)
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.com", senderBcc=FAR, forwarding=f"{ANN},{FAR}")
    root.ok("PUT", f"user/{BOB}", forwarding=ANN, senderBcc=ANN)
    root.ok("POST", "alias/team@ex.com", members=f"{ANN},{BOB}")
    root.ok("DELETE", f"user/{ANN}")
    assert readers.postfix("info@ex.com", "ann@ex.net", UNKNOWN, BOB, "team@ex.com") == {
        "info@ex.com": NOTHING,
        "ann@ex.net": NOTHING,
        UNKNOWN: NOTHING,
        BOB: mailbox(BOB),
        "team@ex.com": leads_to(BOB),
    }
    assert readers.is_unknown(ANN)
    assert readers.doveadm.users() == {BOB, EVE}


def test_a_disabled_user_whose_only_destination_is_deleted_stays_disabled(root: Client, readers: Readers) -> None:
    root.ok("PUT", f"user/{BOB}", forwarding=ANN, accountStatus="disabled")
    root.ok("DELETE", f"user/{ANN}")
    assert readers.is_unknown(BOB)
    root.ok("PUT", f"user/{BOB}", accountStatus="active")
    assert readers.about(BOB) == mailbox(BOB)


def test_a_user_who_comes_back_has_nothing_of_the_one_before(root: Client, readers: Readers) -> None:
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.com", recipientBcc=FAR, removeService="imap", quota="5")
    root.ok("DELETE", f"user/{ANN}/keep_mailbox_days/7")
    root.ok("POST", f"user/{ANN}", password=PASSWORD)
    assert readers.postfix(ANN, "info@ex.com") == {ANN: mailbox(ANN), "info@ex.com": NOTHING}
    assert readers.logins(ANN) == {ANN}
    assert readers.fields("quota_rule", ANN) == ["*:bytes=0"]


def test_of_a_deleted_domain_nothing_is_left(root: Client, readers: Readers) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net", catchall=BOB, outboundRelay="[192.0.2.1]:25", senderBcc=FAR)
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.com")
    root.ok("POST", "alias/team@ex.com", members=EVE)
    root.ok("PUT", "domain/ex.org", catchall=ANN)
    root.ok("PUT", f"user/{EVE}", forwarding=ANN, recipientBcc=ANN)
    root.ok("POST", "alias/all@ex.org", members=f"{ANN},{EVE}")
    root.ok("DELETE", "domain/ex.com")
    names = ("ex.com", "@ex.com", "ex.net", "info@ex.com", "team@ex.com", UNKNOWN, "ann@ex.net", "nobody@ex.org")
    assert readers.postfix(*names) == dict.fromkeys(names, NOTHING)
    assert readers.is_unknown(ANN)
    assert readers.postfix(EVE, "all@ex.org") == {EVE: mailbox(EVE), "all@ex.org": leads_to(EVE)}
    assert readers.doveadm.users() == {EVE}


# Many at once


def test_all_users_of_a_domain_are_switched_off_and_on(root: Client, readers: Readers) -> None:
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.com", forwarding=f"{ANN},{FAR}")
    root.ok("PUT", "users/ex.com", accountStatus="disabled")
    names = (ANN, BOB, "info@ex.com")
    assert readers.postfix(*names, EVE) == {**dict.fromkeys(names, NOTHING), EVE: mailbox(EVE)}
    assert readers.logins(ANN, BOB, EVE) == {EVE}
    root.ok("PUT", "users/ex.com", accountStatus="active")
    assert readers.postfix(*names) == {
        ANN: mailbox(ANN, ANN, FAR),
        BOB: mailbox(BOB),
        "info@ex.com": further_address(ANN),
    }
    assert readers.logins(ANN, BOB, EVE) == {ANN, BOB, EVE}


def test_switching_all_users_off_leaves_those_who_write_to_them_alone(root: Client, readers: Readers) -> None:
    root.ok("POST", "alias/team@ex.com", members=f"{ANN},{EVE}")
    root.ok("PUT", f"user/{EVE}", forwarding=ANN)
    root.ok("PUT", "domain/ex.org", catchall=ANN)
    root.ok("PUT", "users/ex.com", accountStatus="disabled")
    assert readers.postfix("team@ex.com", EVE, "nobody@ex.org") == {
        "team@ex.com": leads_to(ANN, EVE),
        EVE: {**mailbox(EVE, ANN), "catchall_maps": {ANN}},
        "nobody@ex.org": {"catchall_maps": {ANN}},
    }


def test_all_users_of_a_domain_get_a_password_and_a_transport(root: Client, readers: Readers) -> None:
    root.ok("PUT", "users/ex.com", password=OTHER_PASSWORD, transport="smtp:[192.0.2.1]:26")
    assert readers.logins(ANN, BOB, EVE, password=OTHER_PASSWORD) == {ANN, BOB}
    transport = {"transport_maps_user": {"smtp:[192.0.2.1]:26"}}
    assert readers.postfix(ANN, EVE) == {ANN: {**mailbox(ANN), **transport}, EVE: mailbox(EVE)}
