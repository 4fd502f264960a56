"""Which policies apply to an address in the end, and where they come from."""

from collections.abc import Collection

from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.operations import operation
from postreeve.permissions import admin_of_its_domain
from postreeve.policies import effect
from postreeve.policies.answers import (
    GreylistingInEffect,
    GreylistingVerdict,
    InboundLimits,
    InboundVerdict,
    ListsInEffect,
    OutboundVerdict,
    PolicyInEffect,
    SpamPolicyInEffect,
    ThrottlesInEffect,
    Verdicts,
)
from postreeve.policies.fields import CLIENT, CORRESPONDENT, QUESTION
from postreeve.policies.matching import Correspondent, Receiver, deciding_setting, in_order, judging, sparing
from postreeve.policies.rules import require_scope
from postreeve.values import Address, Scope
from postreeve.wblist.store import Entry
from postreeve.work import Work

CHAPTER = "Policy in Effect"
IN_AMAVISD = frozenset({"spampolicy", "wblist"})
IN_IREDAPD = frozenset({"throttle", "greylisting"})


@operation("GET /api/policy/effective/<mail>", CHAPTER, allow=admin_of_its_domain, fields=QUESTION)
def get_policy_in_effect(work: Work, mail: Address, changes: Changes) -> PolicyInEffect:
    """Get the policies that apply to an address of an account, and for each value the scope that it comes from.

    Mail may come to an account with an extension, to an alias address or in an alias domain; the daemons look up what
    stands in the envelope. For outgoing mail the account counts, as its owner logs in.
    """
    receiver = _receiver(work, mail)
    sections = _sections(work, receiver)
    answer = PolicyInEffect(account=receiver.account, address=receiver.address)
    if "spampolicy" in sections:
        answer["spam_policy"] = _spam_policy(work, receiver)
    if "throttle" in sections:
        answer["throttle"] = _throttles(work, receiver)
    if "greylisting" in sections:
        answer["greylisting"] = _greylisting(work, receiver)
    if "wblist" in sections:
        answer["wblist"] = _lists(work, receiver)
    if address := changes.get(CORRESPONDENT):
        plain = address.without_extension(work.settings.recipient_delimiters)
        who = Correspondent(address, plain, changes.get(CLIENT) or "")
        answer["verdicts"] = Verdicts(
            inbound=_inbound(work, receiver, who, sections), outbound=_outbound(work, receiver, who, sections)
        )
    return answer


def _receiver(work: Work, address: Address) -> Receiver:
    """Return whose address it is: an account's own, or one that leads to it."""
    plain = address.without_extension(work.settings.recipient_delimiters)
    primary = work.addresses.hosted({address.domain}, only_active=True).get(address.domain, address.domain)
    own, home = Address(f"{address.local_part}@{primary}"), Address(f"{plain.local_part}@{primary}")
    owners = work.addresses.taken({own, home})
    found = own if own in owners else home
    account = Address(owners.get(found, found))
    require_scope(work, Scope.of(account))
    if account != found and found not in work.users.aliases(account):  # it is somewhere that mail is forwarded to
        refuse(Code.NO_SUCH_ACCOUNT, hint=address)
    if not work.grant.admin.administers(account.domain):
        refuse(Code.PERMISSION_DENIED, hint=address)
    return Receiver(account, address, plain, home)


def _sections(work: Work, receiver: Receiver) -> frozenset[str]:
    """Return the sections of which there is something to tell: their database is here, and they are open."""
    settings = work.settings
    present = (IN_AMAVISD if settings.amavisd else frozenset()) | (IN_IREDAPD if settings.iredapd else frozenset())
    if not present:
        refuse(Code.NOT_AVAILABLE, hint="There is neither a database amavisd nor iredapd here.")
    if work.grant.admin.is_global:
        return present
    return present - work.domains.closed_sections("user", (receiver.account.domain,))


def _spam_policy(work: Work, receiver: Receiver) -> SpamPolicyInEffect:
    return effect.spam_policy(work.spam_policies.levels(receiver.in_amavisd))


def _throttles(work: Work, receiver: Receiver) -> ThrottlesInEffect:
    return ThrottlesInEffect(
        inbound=effect.limits(work.throttles.matching(receiver.in_iredapd, "inbound")),
        outbound=effect.limits(work.throttles.matching(receiver.in_session, "outbound")),
    )


def _greylisting(work: Work, receiver: Receiver) -> GreylistingInEffect:
    return effect.greylisting(
        work.greylisting.settings(receiver.in_iredapd),
        effect.for_people(work.greylisting.whitelisted(receiver.in_iredapd)),
    )


def _lists(work: Work, receiver: Receiver) -> ListsInEffect:
    return ListsInEffect(
        inbound=effect.entries_shown(_asked(work, receiver.in_iredapd, "inbound")),
        outbound=effect.entries_shown(_asked(work, receiver.in_session, "outbound")),
    )


def _asked(work: Work, accounts: Collection[str], direction: str) -> list[Entry]:
    """Return the entries of lists as iRedAPD asks them."""
    return in_order(work.wblists.matching(accounts, direction))


# One correspondent


def _inbound(work: Work, receiver: Receiver, who: Correspondent, sections: Collection[str]) -> InboundVerdict:
    """Tell what decides about mail from somebody who has not logged in."""
    verdict = InboundVerdict()
    if "greylisting" in sections:
        verdict["greylisting"] = _greylisting_verdict(work, receiver, who)
    if "throttle" in sections:
        verdict["throttle"] = _inbound_limits(work, receiver, who)
    if "wblist" in sections:
        is_own = who.plain == receiver.plain  # iRedAPD lets mail to oneself pass
        asked = [] if is_own else _asked(work, receiver.in_iredapd, "inbound")
        judged = work.wblists.matching(receiver.in_amavisd, "inbound")
        found, points = judging(entry for entry in judged if who.is_judged(entry.address))
        verdict["wblist"] = effect.deciding_entry([entry for entry in asked if who.is_listed(entry.address)])
        verdict["spam_check"] = effect.deciding_entry(found)
        verdict["spam_points"] = points
    return verdict


def _outbound(work: Work, receiver: Receiver, who: Correspondent, sections: Collection[str]) -> OutboundVerdict:
    """Tell what decides about mail to somebody, when the account's owner has logged in."""
    verdict = OutboundVerdict()
    if "throttle" in sections:
        is_local = who.plain.domain == receiver.account.domain  # iRedAPD lets mail within a domain pass
        accounts = [] if is_local else [*receiver.in_session, *who.clients]
        verdict["throttle"] = effect.limits(work.throttles.matching(accounts, "outbound"))
    if "wblist" in sections:
        is_own = who.plain == receiver.account
        asked = [] if is_own else _asked(work, [*receiver.in_session, *who.known_client], "outbound")
        verdict["wblist"] = effect.deciding_entry([entry for entry in asked if who.is_recipient(entry.address)])
    return verdict


def _greylisting_verdict(work: Work, receiver: Receiver, who: Correspondent) -> GreylistingVerdict:
    """Tell whether somebody is greylisted; the DNS, where a domain may name its senders, is not asked."""
    if who.is_trusted:
        return GreylistingVerdict(status="disable", whitelisted=None, setting=None)
    spared = sparing(who, effect.for_people(work.greylisting.whitelisted(receiver.in_iredapd)))
    setting = deciding_setting(who, work.greylisting.settings(receiver.in_iredapd))
    is_greylisted = spared is None and setting is not None and setting["status"] == "enable"
    return GreylistingVerdict(
        status="enable" if is_greylisted else "disable",
        whitelisted=effect.whitelisted_shown(spared) if spared else None,
        setting=effect.setting_shown(setting) if setting else None,
    )


def _inbound_limits(work: Work, receiver: Receiver, who: Correspondent) -> InboundLimits:
    """Return what limits mail from somebody; iRedAPD lets mail within a domain pass."""
    if who.plain.domain == receiver.address.domain:
        return InboundLimits(of_sender={}, of_recipient={})
    kind = "outbound" if who.is_trusted else "external"
    return InboundLimits(
        of_sender=effect.limits(work.throttles.matching(who.throttled, kind)),
        of_recipient=effect.limits(work.throttles.matching([*receiver.in_iredapd, *who.clients], "inbound")),
    )
