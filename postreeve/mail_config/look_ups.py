"""What Postfix and Dovecot ask the database for.

The names and meanings of the maps are iRedMail's. Postfix puts the whole key for `%s`, its local part for
`%u` and its domain for `%d`, and does not ask at all when the key lacks that part; `%%` is one percent sign.
"""

# ruff: noqa: S608 - the parts of these texts are constants of this module

from collections.abc import Mapping

from postreeve.settings import Engine

_HOSTED = "domain.active = 1 AND domain.backupmx = 0"
_MAILBOX = "mailbox JOIN domain ON domain.domain = mailbox.domain"


def joined(engine: Engine, *parts: str) -> str:
    """Return the SQL that joins texts; `||` means "or" in MariaDB, and older SQLite knows no CONCAT."""
    return f"CONCAT({', '.join(parts)})" if engine == "mariadb" else " || ".join(parts)


def quoted(engine: Engine, column: str) -> str:
    """Return a column of `mailbox` whose name needs quotes.

    It is qualified because SQLite takes an unknown quoted name that stands alone for a text.
    """
    return f"mailbox.`{column}`" if engine == "mariadb" else f'mailbox."{column}"'


def postfix_maps(engine: Engine) -> Mapping[str, str]:
    """Return the query of each Postfix map."""
    return {
        **_domain_maps(),
        **_mailbox_maps(engine),
        **_alias_maps(engine),
        **_transport_maps(),
        **_sender_maps(engine),
        **_bcc_maps(),
    }


def _domain_maps() -> Mapping[str, str]:
    return {
        "virtual_mailbox_domains": f"""
            SELECT domain.domain FROM domain
            WHERE domain.domain = '%s' AND {_HOSTED}
            UNION
            SELECT alias_domain.alias_domain FROM alias_domain
            JOIN domain ON domain.domain = alias_domain.target_domain
            WHERE alias_domain.alias_domain = '%s' AND alias_domain.active = 1 AND {_HOSTED}""",
        "relay_domains": """
            SELECT domain.domain FROM domain
            WHERE domain.domain = '%s' AND domain.active = 1 AND domain.backupmx = 1""",
    }


def _mailbox_maps(engine: Engine) -> Mapping[str, str]:
    path = joined(engine, "mailbox.storagenode", "'/'", "mailbox.maildir", "'/Maildir/'")
    return {
        "virtual_mailbox_maps": f"""
            SELECT {path} FROM {_MAILBOX}
            WHERE mailbox.username = '%s' AND mailbox.active = 1 AND mailbox.enabledeliver = 1
            AND domain.active = 1""",
    }


def _alias_maps(engine: Engine) -> Mapping[str, str]:
    in_target = joined(engine, "'%u'", "'@'", "alias_domain.target_domain")
    return {
        "virtual_alias_maps": f"""
            SELECT forwardings.forwarding FROM forwardings
            JOIN domain ON domain.domain = forwardings.domain
            WHERE forwardings.address = '%s' AND forwardings.active = 1 AND {_HOSTED}""",
        "domain_alias_maps": f"""
            SELECT forwardings.forwarding FROM alias_domain
            JOIN domain ON domain.domain = alias_domain.target_domain
            JOIN forwardings ON forwardings.address = {in_target}
            WHERE alias_domain.alias_domain = '%d' AND alias_domain.active = 1
            AND forwardings.active = 1 AND domain.backupmx = 0""",
        "catchall_maps": f"""
            SELECT forwardings.forwarding FROM forwardings
            JOIN domain ON domain.domain = forwardings.address
            WHERE forwardings.address = '%d' AND '%u' NOT LIKE '%%+%%'
            AND forwardings.active = 1 AND {_HOSTED}""",
        "domain_alias_catchall_maps": """
            SELECT forwardings.forwarding FROM alias_domain
            JOIN domain ON domain.domain = alias_domain.target_domain
            JOIN forwardings ON forwardings.address = alias_domain.target_domain
            WHERE alias_domain.alias_domain = '%d' AND alias_domain.active = 1 AND forwardings.active = 1""",
    }


def _transport_maps() -> Mapping[str, str]:
    return {
        "transport_maps_user": f"""
            SELECT mailbox.transport FROM {_MAILBOX}
            WHERE mailbox.username = '%s' AND mailbox.domain = '%d' AND mailbox.transport <> ''
            AND mailbox.active = 1 AND mailbox.enabledeliver = 1 AND {_HOSTED}""",
        "transport_maps_maillist": """
            SELECT maillists.transport FROM maillists
            JOIN domain ON domain.domain = maillists.domain
            WHERE maillists.address = '%s' AND maillists.active = 1 AND domain.active = 1""",
        "transport_maps_domain": """
            SELECT domain.transport FROM domain
            WHERE domain.domain = '%s' AND domain.active = 1""",
    }


def _sender_maps(engine: Engine) -> Mapping[str, str]:
    may_send = f"mailbox.active = 1 AND mailbox.enablesmtp = 1 AND {_HOSTED}"
    in_target = joined(engine, "'%u'", "'@'", "alias_domain.target_domain")
    return {
        "sender_login_maps": f"""
            SELECT mailbox.username FROM {_MAILBOX}
            WHERE mailbox.username = '%s' AND mailbox.domain = '%d' AND {may_send}""",
        # Ours: on an iRedMail server its policy service iRedAPD lets users send from these addresses.
        "sender_login_alias_maps": f"""
            SELECT mailbox.username FROM {_MAILBOX}
            JOIN forwardings ON forwardings.forwarding = mailbox.username
            WHERE forwardings.address = '%s' AND forwardings.is_alias = 1
            AND forwardings.active = 1 AND {may_send}
            UNION
            SELECT mailbox.username FROM {_MAILBOX}
            JOIN alias_domain ON alias_domain.target_domain = mailbox.domain
            WHERE alias_domain.alias_domain = '%d' AND alias_domain.active = 1
            AND mailbox.username = {in_target} AND {may_send}""",
        "sender_dependent_relayhost_maps": """
            SELECT sender_relayhost.relayhost FROM sender_relayhost
            WHERE sender_relayhost.account = '%s'""",
    }


def _bcc_maps() -> Mapping[str, str]:
    maps = {}
    for side in ("sender", "recipient"):
        maps[f"{side}_bcc_maps_user"] = f"""
            SELECT bcc.bcc_address FROM {side}_bcc_user bcc
            JOIN domain ON domain.domain = bcc.domain
            WHERE bcc.username = '%s' AND bcc.domain = '%d' AND bcc.active = 1 AND {_HOSTED}"""
        # The row's own `active` has no say, as with iRedMail: who switches it off deletes the row.
        maps[f"{side}_bcc_maps_domain"] = f"""
            SELECT bcc.bcc_address FROM {side}_bcc_domain bcc
            JOIN domain ON domain.domain = bcc.domain
            WHERE bcc.domain = '%d' AND domain.active = 1"""
    return maps


def dovecot_queries(engine: Engine) -> Mapping[str, str]:
    """Return Dovecot's queries.

    Dovecot puts the login for `%u`. The service and how the connection is protected (nothing, `secured` or
    `tls`) spell the column that must be 1: `enableimaptls`, `enablelmtp`, `enablequota-status`.
    """
    enabled = quoted(engine, "enable%Ls%Lc")
    directory = "mailbox.storagebasedirectory", "'/'", "mailbox.storagenode", "'/'", "mailbox.maildir"
    home = joined(engine, *directory)
    mail = joined(engine, "mailbox.mailboxformat", "':~/'", "mailbox.mailboxfolder")
    quota = joined(engine, "'*:bytes='", "(mailbox.quota * 1048576)")
    account = f"mailbox.username = '%u' AND {enabled} = 1 AND mailbox.active = 1 AND {_HOSTED}"
    return {
        "password_query": f"""
            SELECT mailbox.password, mailbox.allow_nets FROM {_MAILBOX}
            WHERE {account}""",
        "user_query": f"""
            SELECT LOWER('%u') AS master_user, LOWER({home}) AS home,
            {mail} AS mail, {quota} AS quota_rule
            FROM {_MAILBOX}
            WHERE {account}""",
        "iterate_query": """
            SELECT mailbox.username AS user FROM mailbox""",
    }
