"""The parameters of greylisting."""

from postreeve.errors import Code, refuse
from postreeve.fields import DOMAIN, YES_NO, Field, FieldSet, Kind, Role, SetField, one_of
from postreeve.patterns import Form, Pattern
from postreeve.shapes import Column, Rows

LONGEST = 100
"""The characters of an account or a sender on MariaDB."""
_NEVER_MATCHED = frozenset({Form.WILDCARD_IP, Form.ANY_DOMAIN})


def _sender(given: str) -> Pattern:
    """Read a sender in a form that iRedAPD compares when it greylists."""
    sender = Pattern.parse(given)
    if sender.form in _NEVER_MATCHED or len(sender) > LONGEST:
        refuse(Code.INVALID_VALUE)
    return sender


STATUS = Field(
    "status", one_of(["enable", "disable"], meaning={"enable": True, "disable": False}),
    "Switch greylisting on or off: `enable` or `disable`.", sql=Column("active"),
)  # fmt: skip
SENDERS = SetField(
    "senders", Kind(_sender, {"type": "string"}),
    "Senders that are not greylisted: IP addresses, networks, e-mail addresses, domains as `@ex.com`, or domains with "
    "all below them as `@.ex.com`.",
    {"senders": Role.RESET, "addSenders": Role.ADD, "removeSenders": Role.REMOVE},
    discards_invalid=True, sql=Rows("greylisting_whitelists", "account", "sender"),
)  # fmt: skip
SPF_DOMAINS = SetField(
    "domains", DOMAIN, "Domains whose mail servers, as the DNS names them, are not greylisted.",
    {"domains": Role.RESET, "addDomains": Role.ADD, "removeDomains": Role.REMOVE},
    discards_invalid=True, sql=Rows("greylisting_whitelist_domains", "", "domain"),
)  # fmt: skip
QUERY_NOW = Field(
    "query_dns_immediately", YES_NO, "Ask the DNS for the new domains at once, instead of leaving it to the job."
)

SETTING = FieldSet("greylisting", STATUS)
WHITELIST = FieldSet("greylisting", SENDERS)
SPF_WHITELIST = FieldSet("greylisting", SPF_DOMAINS, QUERY_NOW)
