"""Who may do what: actors, the rules that operations name, and the grant that opens storage."""

from collections.abc import Callable
from dataclasses import dataclass, field

from postreeve.errors import Code, refuse
from postreeve.values import Address, DomainName


@dataclass(frozen=True)
class Allowance:
    """How much a domain admin may create, all managed domains together; 0 is unlimited, -1 none."""

    domains: int = -1
    users: int = 0
    aliases: int = 0
    lists: int = 0
    quota: int = 0
    """In megabytes."""


MAIL_LOG, QUARANTINE = "mail log", "quarantine"


@dataclass(frozen=True)
class Actor:
    """Somebody who asks: an admin, a mail user with an admin's rights, or a mail user without."""

    account: Address
    is_global: bool
    is_user: bool
    domains: frozenset[DomainName] = frozenset()
    allowance: Allowance = field(default_factory=Allowance)
    language: str = ""
    """As the account has it; empty leaves it to the browser."""
    time_zone: str = ""
    withheld: frozenset[str] = frozenset()
    """Which of the mail log and the quarantine a global admin keeps from this admin."""

    @property
    def is_admin(self) -> bool:
        """Whether there is anything that the actor may administer; a standalone admin is one without a domain, too."""
        return self.is_global or bool(self.domains) or not self.is_user

    def administers(self, domain: str) -> bool:
        """Tell whether the actor may see and change what lies in a domain."""
        return self.is_global or domain in self.domains


def plain_user(account: Address, language: str = "", time_zone: str = "") -> Actor:
    """Return a mail user who is here for nothing but the own account."""
    return Actor(account, is_global=False, is_user=True, language=language, time_zone=time_zone)


@dataclass(frozen=True)
class Rank:
    """What an account may do, as far as it matters for who may change it."""

    is_global: bool = False
    domains: frozenset[DomainName] = frozenset()


@dataclass(frozen=True)
class Target:
    """What an operation is about: the domains and accounts that its path names, in that order."""

    domains: tuple[DomainName, ...] = ()
    accounts: tuple[Address, ...] = ()

    @property
    def domain(self) -> DomainName | None:
        return self.domains[0] if self.domains else None

    @property
    def account(self) -> Address | None:
        return self.accounts[0] if self.accounts else None


@dataclass(frozen=True)
class Grant:
    """The proof that somebody may do what is about to be done; nothing else opens storage."""

    actor: Actor | None
    target: Target

    @property
    def admin(self) -> Actor:
        """The actor, where the rule has made sure that there is one."""
        if self.actor is None:
            refuse(Code.LOGIN_REQUIRED)
        return self.actor

    @property
    def owner(self) -> Address | None:
        """The account whose own things alone may be shown, where somebody without an admin's rights asks."""
        return self.actor.account if self.actor and not self.actor.is_admin else None

    @property
    def domains(self) -> frozenset[DomainName] | None:
        """The domains that a listing may show; None is all. A mail user has none: see `owner`."""
        return None if self.admin.is_global else self.admin.domains


Rule = Callable[[Actor | None, Target], bool]


def anyone(_actor: Actor | None, _target: Target) -> bool:
    """Let everybody in, logged in or not."""
    return True


def any_admin(actor: Actor | None, _target: Target) -> bool:
    """Let every admin in; what is shown depends on the grant."""
    return actor is not None and actor.is_admin


def global_admin(actor: Actor | None, _target: Target) -> bool:
    """Let global admins in."""
    return actor is not None and actor.is_global


def admin_of_its_domain(actor: Actor | None, target: Target) -> bool:
    """Let those in who administer the domain that the target lies in; for a rename, both domains."""
    return actor is not None and bool(target.domains) and all(map(actor.administers, target.domains))


def admin_of_its_scope(actor: Actor | None, target: Target) -> bool:
    """Let those in who administer the domain that the scope lies in; for everybody's, global admins."""
    return actor is not None and (actor.is_global or admin_of_its_domain(actor, target))


def owner(actor: Actor | None, target: Target) -> bool:
    """Let mail users in who are there for self-service, for their own account."""
    return actor is not None and not actor.is_admin and target.account == actor.account


def owner_or_admin(actor: Actor | None, _target: Target) -> bool:
    """Let every admin in, and mail users in their self-service; what is shown depends on the grant."""
    return actor is not None


def may_view_mail_log(actor: Actor | None, _target: Target) -> bool:
    """Let every admin in from whom the mail log is not kept; what is shown depends on the grant."""
    return any_admin(actor, _target) and _may_have(actor, MAIL_LOG)


def may_view_received_mails(actor: Actor | None, _target: Target) -> bool:
    """Let every admin in from whom the mail log is not kept, and mail users in their self-service."""
    return owner_or_admin(actor, _target) and _may_have(actor, MAIL_LOG)


def may_manage_quarantine(actor: Actor | None, _target: Target) -> bool:
    """Let every admin in from whom the quarantine is not kept, and mail users in their self-service."""
    return owner_or_admin(actor, _target) and _may_have(actor, QUARANTINE)


def _may_have(actor: Actor | None, wanted: str) -> bool:
    return actor is not None and (actor.is_global or wanted not in actor.withheld)


def may_create_domains(actor: Actor | None, _target: Target) -> bool:
    """Let those in whom a global admin allowed to add domains; how many is a limit."""
    return actor is not None and actor.is_admin and (actor.is_global or actor.allowance.domains >= 0)


def authorize(actor: Actor | None, rule: Rule, target: Target) -> Grant:
    """Return the grant for a rule, or refuse: first to log in, then for good."""
    if not rule(actor, target):
        refuse(Code.LOGIN_REQUIRED if actor is None else Code.PERMISSION_DENIED)
    return Grant(actor, target)


def outranks(actor: Actor, rank: Rank) -> bool:
    """Tell whether an actor may change an account of this rank: it administers nothing more."""
    return actor.is_global or (not rank.is_global and rank.domains <= actor.domains)
