"""What Postfix and Dovecot ask a directory for, and how they reach it.

The names and meanings of the maps are iRedMail's. Postfix puts the whole key for `%s` and its domain for `%d`, and does
not ask at all when the key lacks that part; `%%` is one percent sign. A base that is not there has no answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from postreeve.settings import Ldap
from postreeve.storage.directory.names import Tree

_ACTIVE = "(accountStatus=active)"
_HOSTED = f"{_ACTIVE}(enabledService=mail)"
_IN_USE = f"{_ACTIVE}(!(domainStatus=disabled))"
_SERVED = f"{_IN_USE}(enabledService=mail)"
_DELIVERED = f"{_SERVED}(enabledService=deliver)"
_NAMED = "(|(mail=%s)(shadowAddress=%s))"
_USER = f"(objectClass=mailUser){_NAMED}"
_ITS_DOMAIN = f"(objectClass=mailDomain)(|(domainName=%d)(domainAliasName=%d)){_HOSTED}"
_LIST = "(objectClass=mailList)(enabledService=mlmmj)"


@dataclass(frozen=True)
class LookUp:
    """One map: where it looks, for what, and what the answer is."""

    base: str
    scope: str
    query: str
    """A filter without its outermost `(&…)`."""
    answer: str
    form: str = "%s"

    def lines(self) -> Mapping[str, str]:
        """Return the parameters of a Postfix map that say it."""
        lines = {
            "search_base": self.base, "scope": self.scope, "query_filter": f"(&{self.query})",
            "result_attribute": self.answer,
        }  # fmt: skip
        return lines if self.form == "%s" else {**lines, "result_format": self.form}


def postfix_maps(suffix: str) -> Mapping[str, LookUp]:
    """Return the Postfix maps of a directory."""
    domains = Tree(_plain(suffix)).domains
    within = f"domainName=%d,{domains}"
    users = f"ou=Users,{within}"
    return {
        **_domain_maps(domains),
        "virtual_mailbox_maps": LookUp(domains, "sub", f"{_USER}{_DELIVERED}", "homeDirectory", "%s/Maildir/"),
        **_alias_maps(domains),
        "transport_maps_user": LookUp(
            within, "sub", f"(|(objectClass=mailUser)(&{_LIST})){_NAMED}{_SERVED}", "mtaTransport"
        ),
        "sender_login_maps": LookUp(domains, "sub", f"{_USER}{_SERVED}(enabledService=smtp)", "mail"),
        "sender_dependent_relayhost_maps_user": LookUp(
            users, "one", f"(objectClass=mailUser)(mail=%s){_SERVED}", "senderRelayHost"
        ),
        "sender_dependent_relayhost_maps_domain": LookUp(domains, "one", _ITS_DOMAIN, "senderRelayHost"),
        **_bcc_maps(domains, users),
    }


def _domain_maps(domains: str) -> Mapping[str, LookUp]:
    # An alias domain counts as soon as the domain has the service for it.
    hosted = "(objectClass=mailDomain)(|(domainName=%s)(&(enabledService=domainalias)(domainAliasName=%s)))" + _HOSTED
    any_name = f"(objectClass=mailDomain)(|(domainName=%s)(domainAliasName=%s)){_HOSTED}"
    return {
        "virtual_mailbox_domains": LookUp(domains, "one", f"{hosted}(!(domainBackupMX=yes))", "domainName"),
        "relay_domains": LookUp(domains, "one", f"{hosted}(domainBackupMX=yes)", "domainName"),
        "transport_maps_domain": LookUp(domains, "one", any_name, "mtaTransport"),
    }


def _alias_maps(domains: str) -> Mapping[str, LookUp]:
    """Return the maps of addresses in the order in which they are asked, the first that answers counts."""
    forwarded = "(|(objectClass=mailAlias)(&(objectClass=mailUser)(enabledService=forward)))"
    members = (
        "(|(&(|(memberOfGroup=%s)(shadowAddress=%s))(|(objectClass=mailUser)(objectClass=mailExternalUser)))"
        "(&(memberOfGroup=%s)(!(shadowAddress=%s))(|(objectClass=mailAlias)(objectClass=mailList)))"
        f"(&{_LIST}{_NAMED}))"
    )
    return {
        "virtual_alias_maps": LookUp(domains, "sub", f"{_NAMED}{_DELIVERED}{forwarded}", "mailForwardingAddress"),
        "virtual_group_maps": LookUp(domains, "sub", f"{_DELIVERED}{members}", "mail"),
        "virtual_group_members_maps": LookUp(domains, "sub", f"{_USER}{_DELIVERED}", "mail"),
        # Asked for @ex.com when nobody has the address; the catch-all account has no services.
        "catchall_maps": LookUp(domains, "sub", f"{_USER}{_IN_USE}", "mailForwardingAddress"),
    }


def _bcc_maps(domains: str, users: str) -> Mapping[str, LookUp]:
    maps = {}
    for side, word in (("sender", "Sender"), ("recipient", "Recipient")):
        service = f"(enabledService={side}bcc)"
        maps[f"{side}_bcc_maps_user"] = LookUp(users, "one", f"{_USER}{_SERVED}{service}", f"user{word}BccAddress")
        maps[f"{side}_bcc_maps_domain"] = LookUp(domains, "one", f"{_ITS_DOMAIN}{service}", f"domain{word}BccAddress")
    return maps


def dovecot_values(suffix: str) -> Mapping[str, str]:
    """Return where Dovecot looks, and its filters.

    Dovecot puts the login for `%u`. The service and how the connection is protected (nothing, `secured` or `tls`) spell
    the service that a user needs: `imaptls`, `lmtp`, `quota-status`.
    """
    of_user = "(|(mail=%u)(&(enabledService=shadowaddress)(shadowAddress=%u)))"
    return {
        "base": Tree(_plain(suffix)).domains,
        "user_filter": f"(&(objectClass=mailUser){_SERVED}(enabledService=%Ls%Lc){of_user})",
        "iterate_filter": f"(&(objectClass=mailUser){_SERVED})",
    }


def reader_of(ldap: Ldap, user: str, password: str) -> tuple[str, str]:
    """Return the account of the look-ups and its password: a name like `vmail` is that of an entry below the suffix."""
    if not user:
        return ldap.account, ldap.password
    return (user if "=" in user else f"cn={user},{ldap.suffix}"), password


def postfix_lines(ldap: Ldap, account: str, password: str) -> Mapping[str, str]:
    """Return the parameters of a Postfix map that name the server."""
    lines = {"server_host": ldap.url, "version": "3", "timeout": str(ldap.timeout), "bind": "yes"}
    lines |= {"bind_dn": account, "bind_pw": password}
    if ldap.start_tls or "ldaps://" in ldap.url:
        lines |= {"start_tls": "yes" if ldap.start_tls else "no", "tls_require_cert": "yes"}
        lines |= {"tls_ca_cert_file": ldap.ca_file} if ldap.ca_file else {}
    return lines


def _plain(suffix: str) -> str:
    """Return a name in which both programs see no variables."""
    return suffix.replace("%", "%%")
