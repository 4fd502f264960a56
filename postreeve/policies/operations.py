"""Which policies apply to a user in the end, and where they come from."""

from collections.abc import Collection

from postreeve.fields import Changes
from postreeve.operations import operation
from postreeve.patterns import tried_by_amavisd, tried_by_iredapd
from postreeve.permissions import admin_of_its_domain
from postreeve.policies import effect
from postreeve.policies.answers import ListEntry, ListsInEffect, PolicyInEffect, ThrottlesInEffect, Verdicts
from postreeve.policies.fields import CLIENT, CORRESPONDENT, QUESTION
from postreeve.policies.matching import Correspondent, in_order, is_greylisted
from postreeve.policies.rules import require_scope
from postreeve.values import Address, Scope
from postreeve.wblist.store import Entry
from postreeve.work import Work

CHAPTER = "Policy in Effect"


@operation("GET /api/policy/effective/<mail>", CHAPTER, allow=admin_of_its_domain, fields=QUESTION)
def get_policy_in_effect(work: Work, mail: Address, changes: Changes) -> PolicyInEffect:
    """Get the policies that apply to a user, each value with the scope it comes from and what it hides."""
    require_scope(work, Scope.of(mail))
    is_global = work.grant.admin.is_global
    closed = frozenset() if is_global else work.domains.closed_sections("user", (mail.domain,))
    answer = PolicyInEffect(account=mail)
    if "spampolicy" not in closed:
        answer["spam_policy"] = effect.spam_policy(work.spam_policies.levels(tried_by_amavisd(mail)))
    if "throttle" not in closed:
        answer["throttle"] = _throttles(work, mail)
    if "greylisting" not in closed:
        answer["greylisting"] = effect.greylisting(
            work.greylisting.settings(tried_by_iredapd(mail)), work.greylisting.whitelisted(tried_by_iredapd(mail))
        )
    if "wblist" not in closed:
        answer["wblist"] = _lists(work, mail)
    if (correspondent := changes.get(CORRESPONDENT)) and not {"greylisting", "wblist"} & closed:
        plain = correspondent.without_extension(work.settings.recipient_delimiters)
        answer["verdicts"] = _verdicts(work, mail, Correspondent(plain, changes.get(CLIENT) or ""), correspondent)
    return answer


def _throttles(work: Work, mail: Address) -> ThrottlesInEffect:
    accounts = tried_by_iredapd(mail)
    return ThrottlesInEffect(
        inbound=effect.limits(work.throttles.matching(accounts, "inbound")),
        outbound=effect.limits(work.throttles.matching(accounts, "outbound")),
    )


def _lists(work: Work, mail: Address) -> ListsInEffect:
    accounts = tried_by_iredapd(mail)
    return ListsInEffect(
        inbound=effect.shown(in_order(work.wblists.matching(accounts, "inbound"))),
        outbound=effect.shown(in_order(work.wblists.matching(accounts, "outbound"))),
    )


def _verdicts(work: Work, mail: Address, who: Correspondent, full: Address) -> Verdicts:
    """Tell what decides about mail from and to somebody; Amavisd compares the address with its extension."""
    accounts = tried_by_iredapd(mail)
    inbound = in_order(work.wblists.matching(accounts, "inbound"))
    outbound = in_order(work.wblists.matching(accounts, "outbound"))
    judging = work.wblists.matching(tried_by_amavisd(mail), "inbound")
    is_grey = is_greylisted(who, work.greylisting.settings(accounts), work.greylisting.whitelisted(accounts))
    return Verdicts(
        greylisting="enable" if is_grey else "disable",
        inbound=_deciding([entry for entry in inbound if who.is_listed(entry.address)]),
        outbound=_deciding([entry for entry in outbound if who.is_recipient(entry.address)]),
        spam_check=_deciding([entry for entry in judging if Correspondent(full).is_judged(entry.address)]),
    )


def _deciding(matching: Collection[Entry]) -> list[ListEntry]:
    """Return the entry that decides, or nothing."""
    return effect.shown(list(matching)[:1])
