"""iRedMail's schema: the attributes and classes of its entries, and the files that a server loads.

Names and numbers are the ones that every iRedMail server has; the arc 1.3.6.1.4.1.32349 is iRedMail's. Of Amavisd's
schema there is only what every mail user carries: a server that has all of it loads that instead.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

_IREDMAIL = "1.3.6.1.4.1.32349.1.2."
_SYNTAX = "1.3.6.1.4.1.1466.115.121.1."


@dataclass(frozen=True)
class Rule:
    """What values an attribute takes, and how they are compared."""

    syntax: int
    equality: str
    substring: str = ""


IA5 = Rule(26, "caseIgnoreIA5Match", "caseIgnoreSubstringsMatch")
IA5_SUBSTRINGS = Rule(26, "caseIgnoreIA5Match", "caseIgnoreIA5SubstringsMatch")
IA5_WHOLE = Rule(26, "caseIgnoreIA5Match")
IA5_EXACT = Rule(26, "caseExactIA5Match")
TEXT = Rule(15, "caseIgnoreMatch", "caseIgnoreSubstringsMatch")
INTEGER = Rule(27, "integerMatch")
TIME = Rule(24, "generalizedTimeMatch")
BOOLEAN = Rule(7, "booleanMatch")


@dataclass(frozen=True)
class Attribute:
    """An attribute; slapd does not enforce its length."""

    oid: str
    name: str
    rule: Rule
    length: int = 0
    is_single: bool = True

    def definition(self) -> str:
        length = f"{{{self.length}}}" if self.length else ""
        substring = f"\n    SUBSTR {self.rule.substring}" if self.rule.substring else ""
        single = " SINGLE-VALUE" if self.is_single else ""
        return (
            f"( {_number(self.oid)} NAME '{self.name}'\n    EQUALITY {self.rule.equality}{substring}\n"
            f"    SYNTAX {_SYNTAX}{self.rule.syntax}{length}{single} )"
        )


@dataclass(frozen=True)
class ObjectClass:
    """A class of entries; `must` and `may` are names of attributes with blanks between them."""

    oid: str
    name: str
    kind: Literal["STRUCTURAL", "AUXILIARY"]
    must: str
    may: str

    def definition(self) -> str:
        parts = [
            f"\n    {word} ( {' $ '.join(names)} )"
            for word, names in (("MUST", self.must.split()), ("MAY", self.may.split()))
            if names
        ]
        return f"( {_number(self.oid)} NAME '{self.name}' SUP top {self.kind}{''.join(parts)} )"


@dataclass(frozen=True)
class Schema:
    """What one file of a schema defines."""

    name: str
    attributes: Sequence[Attribute]
    classes: Sequence[ObjectClass]

    def as_schema(self) -> str:
        """Return the file that `slapd.conf` includes."""
        lines = [f"# {self._about()}"]
        lines += [f"\nattributetype {attribute.definition()}" for attribute in self.attributes]
        lines += [f"\nobjectclass {each.definition()}" for each in self.classes]
        return "\n".join(lines) + "\n"

    def as_ldif(self) -> str:
        """Return the entry that `cn=config` takes."""
        lines = [
            f"# {self._about()}",
            f"dn: cn={self.name},cn=schema,cn=config",
            "objectClass: olcSchemaConfig",
            f"cn: {self.name}",
            *(f"olcAttributeTypes: {_folded(attribute.definition())}" for attribute in self.attributes),
            *(f"olcObjectClasses: {_folded(each.definition())}" for each in self.classes),
        ]
        return "\n".join(lines) + "\n"

    def _about(self) -> str:
        return f"The schema {self.name} as Postreeve knows it; core, cosine, inetorgperson and nis come before it."


def files_of(schemas: Sequence[Schema]) -> Iterator[tuple[str, str]]:
    """Yield the name of each file of some schemas, with its text."""
    for schema in schemas:
        yield f"{schema.name}.schema", schema.as_schema()
        yield f"{schema.name}.ldif", schema.as_ldif()


def _number(oid: str) -> str:
    return oid if oid.startswith("1.3.") else _IREDMAIL + oid


def _folded(definition: str) -> str:
    """Return a definition on lines as LDIF continues them: each begins with one blank, which is not part of it."""
    return definition.replace("\n    ", "\n  ")


IREDMAIL = Schema(
    "iredmail",
    (
        Attribute("1.1", "domainName", IA5, length=255),
        Attribute("1.2", "mtaTransport", IA5),
        Attribute("1.3", "domainStatus", IA5),
        Attribute("1.4", "domainAdmin", IA5, length=320, is_single=False),
        Attribute("1.5", "domainGlobalAdmin", IA5),
        Attribute("1.6", "domainBackupMX", IA5),
        Attribute("1.7", "domainSenderBccAddress", IA5, length=320),
        Attribute("1.8", "domainRecipientBccAddress", IA5, length=320),
        Attribute("1.9", "domainMaxQuotaSize", INTEGER),
        Attribute("1.10", "domainCurrentQuotaSize", IA5),
        Attribute("1.11", "domainMaxUserNumber", INTEGER),
        Attribute("1.12", "domainCurrentUserNumber", INTEGER),
        Attribute("1.13", "domainMaxAliasNumber", INTEGER),
        Attribute("1.14", "domainCurrentAliasNumber", INTEGER),
        Attribute("1.15", "domainMaxListNumber", INTEGER),
        Attribute("1.16", "domainCurrentListNumber", INTEGER),
        Attribute("1.17", "disclaimer", TEXT),
        Attribute("1.18", "domainDefaultUserQuota", INTEGER),
        Attribute("1.19", "domainAliasName", IA5, length=255, is_single=False),
        Attribute("1.20", "domainWhitelistIP", IA5, is_single=False),
        Attribute("1.21", "domainWhitelistSender", IA5, is_single=False),
        Attribute("1.22", "domainBlacklistIP", IA5, is_single=False),
        Attribute("1.23", "domainBlacklistSender", IA5, is_single=False),
        Attribute("1.24", "domainPendingAliasName", IA5, length=255, is_single=False),
        Attribute("2.1", "mailUID", INTEGER),
        Attribute("2.2", "mailGID", INTEGER),
        Attribute("2.3", "storageBaseDirectory", IA5_EXACT),
        Attribute("2.4", "mailMessageStore", IA5_EXACT),
        Attribute("2.5", "mailQuota", INTEGER),
        Attribute("2.6", "mailQuotaMessageLimit", INTEGER),
        Attribute("2.7", "mailHost", IA5_WHOLE),
        Attribute("2.8", "mailForwardingAddress", IA5_SUBSTRINGS, length=320, is_single=False),
        Attribute("2.9", "accountStatus", IA5),
        Attribute("2.10", "userRecipientBccAddress", IA5, length=320),
        Attribute("2.11", "userSenderBccAddress", IA5, length=320),
        Attribute("2.12", "backupMailAddress", IA5, length=320),
        Attribute("2.13", "enabledService", IA5, is_single=False),
        Attribute("2.14", "memberOfGroup", IA5, length=320, is_single=False),
        Attribute("2.18", "expiredDate", TIME),
        Attribute("2.19", "shadowAddress", IA5, length=320, is_single=False),
        Attribute("2.20", "accountSetting", IA5, is_single=False),
        Attribute("2.21", "userManager", IA5, length=320, is_single=False),
        Attribute("2.22", "mailWhitelistRecipient", IA5, is_single=False),
        Attribute("2.23", "mailBlacklistRecipient", IA5, is_single=False),
        Attribute("2.24", "disabledService", IA5, is_single=False),
        Attribute("2.25", "allowNets", TEXT, length=1024),
        Attribute("2.26", "senderRelayHost", IA5, length=255),
        Attribute("2.27", "maxMessageSize", INTEGER),
        Attribute("2.28", "mailboxFormat", IA5, length=50),
        Attribute("2.29", "mailboxFolder", IA5, length=50),
        Attribute("2.30", "recoveryEmail", IA5, length=320),
        Attribute("2.31", "birthday", IA5, length=10),
        Attribute("3.1", "accessPolicy", IA5),
        Attribute("3.2", "hasMember", IA5),
        Attribute("3.3", "listAllowedUser", IA5, length=320, is_single=False),
        Attribute("3.4", "listModerator", IA5, length=320, is_single=False),
        Attribute("3.5", "listOwner", IA5, length=320, is_single=False),
        Attribute("3.6", "mailingListID", IA5, length=36, is_single=False),
    ),
    (
        ObjectClass(
            "4.1",
            "mailDomain",
            "STRUCTURAL",
            must="domainName",
            may="""
                cn mtaTransport domainAdmin enabledService disabledService domainBackupMX accountStatus mailHost
                domainSenderBccAddress domainRecipientBccAddress domainMaxQuotaSize domainCurrentQuotaSize
                domainMaxUserNumber domainCurrentUserNumber domainMaxAliasNumber domainCurrentAliasNumber
                domainMaxListNumber domainCurrentListNumber domainDefaultUserQuota domainAliasName
                domainPendingAliasName disclaimer description street telephoneNumber facsimileTelephoneNumber
                expiredDate accountSetting domainWhitelistIP domainWhitelistSender domainBlacklistIP
                domainBlacklistSender preferredLanguage senderRelayHost
            """,
        ),
        ObjectClass(
            "4.2",
            "mailAdmin",
            "STRUCTURAL",
            must="mail",
            may="""
                domainGlobalAdmin description enabledService disabledService userPassword accountStatus cn sn
                preferredLanguage givenName expiredDate mailHost accountSetting shadowLastChange
            """,
        ),
        ObjectClass(
            "4.3",
            "mailUser",
            "AUXILIARY",
            must="mail uid",
            may="""
                storageBaseDirectory mailMessageStore homeDirectory userPassword mailHost mailUID mailGID mailQuota
                mailQuotaMessageLimit mailForwardingAddress shadowAddress accountStatus userRecipientBccAddress
                userSenderBccAddress enabledService disabledService telephoneNumber backupMailAddress mtaTransport
                memberOfGroup expiredDate preferredLanguage disclaimer accountSetting title userManager
                mailWhitelistRecipient mailBlacklistRecipient domainGlobalAdmin allowNets senderRelayHost domainStatus
                maxMessageSize mailboxFormat mailboxFolder recoveryEmail birthday
            """,
        ),
        ObjectClass(
            "4.4",
            "mailAlias",
            "STRUCTURAL",
            must="mail",
            may="""
                accountStatus description cn memberOfGroup enabledService disabledService mailForwardingAddress
                shadowAddress expiredDate accountSetting mailHost domainStatus accessPolicy listModerator
            """,
        ),
        ObjectClass(
            "4.5",
            "mailList",
            "STRUCTURAL",
            must="mail",
            may="""
                cn accountStatus description accessPolicy shadowAddress enabledService disabledService memberOfGroup
                hasMember listAllowedUser expiredDate accountSetting mailHost member uniqueMember memberUid gidNumber
                domainStatus listModerator listOwner mtaTransport mailingListID maxMessageSize
            """,
        ),
        ObjectClass(
            "4.6",
            "mailExternalUser",
            "STRUCTURAL",
            must="memberOfGroup",
            may="""
                cn accountStatus mail enabledService disabledService description mailHost accountSetting shadowAddress
                domainStatus
            """,
        ),
    ),
)
AMAVIS = Schema(
    "amavis",
    (Attribute("1.3.6.1.4.1.15312.2.2.1.19", "amavisLocal", BOOLEAN),),
    (
        ObjectClass(
            "1.3.6.1.4.1.15312.2.2.2.1", "amavisAccount", "AUXILIARY", must="", may="amavisLocal cn description"
        ),
    ),
)
SCHEMAS = (AMAVIS, IREDMAIL)
