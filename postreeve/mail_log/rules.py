"""Whose mails somebody may see, in the log and in the quarantine."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from postreeve.activity.fields import SINCE, UNTIL
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.listings import PAGE_SIZE, USUAL_ON_PAGE
from postreeve.mail_log.fields import ACCOUNT, AFTER, KIND, OF_DOMAIN, RECIPIENT, SENDER, SUBJECT
from postreeve.mail_log.store import MailFlow, MailSearch, Side, Whose
from postreeve.permissions import may_view_mail_log
from postreeve.values import Address, DomainName
from postreeve.work import Work


def search_of(work: Work, changes: Changes, side: Side) -> MailSearch:
    """Return what is looked for, among the mails that the actor may see."""
    kind, since, until = changes.get(KIND), changes.get(SINCE), changes.get(UNTIL)
    return MailSearch(
        whose_mails(work, changes.get(OF_DOMAIN), changes.get(ACCOUNT)), side,
        kinds=[kind] if kind else [],
        sender=changes.get(SENDER) or "",
        recipient=changes.get(RECIPIENT) or "",
        subject=changes.get(SUBJECT) or "",
        since=_unix(since) if since else 0,
        until=_unix(until) if until else None,
        after=changes.get(AFTER),
        most=changes.get(PAGE_SIZE) or USUAL_ON_PAGE,
    )  # fmt: skip


def whose_mails(work: Work, domain: DomainName | None, account: Address | None) -> Whose:
    """Return whose mails are asked for, of a domain or an account if one is named; refuse what is not the actor's.

    A domain that waits for the proof of its ownership is nobody's yet: whoever adds one sees no mail for it.
    """
    actor = work.grant.admin
    if account and (account == actor.account if work.grant.owner else actor.administers(account.domain)):
        return _of_account(work, account)
    if domain and not account and not work.grant.owner and actor.administers(domain):
        work.domains.require(domain)
        return _of_domains(work, [domain])
    if domain or account:
        refuse(Code.PERMISSION_DENIED, hint=account or domain or "")
    if work.grant.owner:
        return _of_account(work, work.grant.owner)
    return Whose(is_everybody=True) if actor.is_global else _of_domains(work, actor.domains)


def flow_of_mail(work: Work) -> MailFlow | None:
    """Return how much mail there was lately, of the domains that the actor administers; None if there is no log here.

    Nor is there one for admins from whom it is kept, and for those who administer no active domain.
    """
    if not work.settings.amavisd or not may_view_mail_log(work.grant.actor, work.grant.target):
        return None
    whose = whose_mails(work, None, None)
    return None if whose.is_nobody else work.mail_log.flow(whose, int(time.time()))


def _of_domains(work: Work, domains: Iterable[DomainName]) -> Whose:
    return Whose(domains=work.addresses.names_of([*domains]))


def _of_account(work: Work, account: Address) -> Whose:
    """Return an account's mails: those of its alias addresses as well, in alias domains too."""
    mails = {account, *map(Address, work.users.aliases(account))}
    hosted = work.addresses.hosted({mail.domain for mail in mails}, only_active=True)
    return Whose(
        addresses=frozenset(
            f"{mail.local_part}@{name}"
            for mail in mails
            if mail.domain in hosted
            for name in work.addresses.names_of([hosted[mail.domain]])
        )
    )


def _unix(moment: str) -> int:
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())
