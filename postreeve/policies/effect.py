"""What applies in the end, computed from the rows of all scopes by the daemons' own rules.

Each column of a spam policy and each limit of a throttle stands alone: the first row in the daemon's order that says
something about it decides. What nobody says is in the daemon's configuration; told is what iRedMail writes there.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any, cast

from postreeve.fields import AnyField
from postreeve.greylisting.store import StoredSetting, Whitelisted
from postreeve.patterns import EVERYBODY, form_of
from postreeve.policies.answers import (
    DEFAULT,
    GLOBAL,
    Fact,
    Fate,
    Fates,
    GreylistingInEffect,
    HiddenEntry,
    HiddenFact,
    HiddenLimit,
    Limit,
    Limits,
    ListEntry,
    SenderSetting,
    SpamPolicyInEffect,
    SpamScores,
    SpamValues,
    WhitelistedSender,
    Words,
)
from postreeve.policies.matching import verdict_of
from postreeve.spam_policy.fields import SPAM_POLICY
from postreeve.spam_policy.rules import QUARANTINES, is_yes, value_of
from postreeve.spam_policy.store import Level
from postreeve.throttle.fields import LIMITS, MAX_RCPTS
from postreeve.throttle.store import Throttle
from postreeve.wblist.store import Entry

CONFIGURED: Mapping[str, str | float] = {
    **dict.fromkeys((of.name for of in SPAM_POLICY if of.name.startswith("bypass_")), "no"),
    **dict.fromkeys(QUARANTINES, "yes"),
    "prefix_spam_in_subject": "yes",
    "always_insert_x_spam_headers": "no",
    "spam_score": 6.2,
    "banned_rulenames": "",
}
"""What iRedMail's configuration of Amavisd says."""
CONFIGURED_PREFIX = "[SPAM] "
SCORES = {
    "headers": ("spam_tag_level", 2.0),
    "mark": ("spam_tag2_level", 6.2),
    "fate": ("spam_kill_level", 6.9),
}
"""The columns of scores, and what the configuration says."""
FATES = {
    "spam": ("bypass_spam_checks", "quarantine_spam"),
    "virus": ("bypass_virus_checks", "quarantine_virus"),
    "banned": ("bypass_banned_checks", "quarantine_banned"),
    "bad_header": ("bypass_header_checks", "quarantine_bad_header"),
}
"""Each kind of unwanted mail, and the parameters about it."""

Said = Sequence[tuple[str, Any]]
"""What accounts say about one thing, in the daemon's order."""


def place(account: str) -> str:
    """Return the name of an account as paths of the API have it; other texts that the daemons look up stay."""
    if account == EVERYBODY:
        return GLOBAL
    name = account.removeprefix("@")
    return name if "." in name and not name.startswith(".") else account


# Amavisd


def spam_policy(levels: Sequence[Level]) -> SpamPolicyInEffect:
    """Return the spam policy of a recipient, from the policies of all scopes in Amavisd's order."""
    return SpamPolicyInEffect(
        values=cast("SpamValues", {of.name: _value(levels, of) for of in SPAM_POLICY}),
        fates=cast("Fates", {kind: _fate(levels, *parameters) for kind, parameters in FATES.items()}),
        scores=cast("SpamScores", {name: _score(levels, *column) for name, column in SCORES.items()}),
        subject_prefix=_prefix(levels),
    )


def _value(levels: Sequence[Level], of: AnyField) -> dict[str, Any]:
    said = [(level.account, value) for level in levels if (value := value_of(of, level.columns)) is not None]
    found = _in_effect(said, CONFIGURED[of.name])
    if of.name in QUARANTINES:  # its two columns may come from two scopes
        is_delivered, is_quarantined = _delivery(levels, of.name)
        found["value"] = "yes" if is_quarantined["value"] and not is_delivered["value"] else "no"
    return found


def _fate(levels: Sequence[Level], bypass: str, quarantine: str) -> Fate:
    """Tell what becomes of mail; what Amavisd does not look for is delivered, whatever is said about it."""
    is_checked = _fact(levels, bypass, lambda said: not is_yes(said), configured=True)
    is_delivered, is_quarantined = _delivery(levels, quarantine)
    if not is_checked["value"]:
        is_delivered = _overruled(is_delivered, True, is_checked["scope"])
        is_quarantined = _overruled(is_quarantined, False, is_checked["scope"])
    return Fate(is_checked=is_checked, is_delivered=is_delivered, is_quarantined=is_quarantined)


def _delivery(levels: Sequence[Level], quarantine: str) -> tuple[Fact, Fact]:
    """Tell whether mail is delivered and whether a copy is kept: the two columns are inherited apart."""
    lover, label, _ = QUARANTINES[quarantine]
    return _fact(levels, lover, is_yes, configured=False), _fact(levels, label, bool, configured=True)


def _overruled(fact: Fact, value: bool, scope: str) -> Fact:  # noqa: FBT001 - the value itself
    former = [] if fact["scope"] == DEFAULT else [HiddenFact(value=fact["value"], scope=fact["scope"])]
    return Fact(value=value, scope=scope, hides=[*former, *fact["hides"]])


def _prefix(levels: Sequence[Level]) -> Words:
    """Return the text before the subject of spam; an empty one lets Amavisd try that of the lower level."""
    prefix = _in_effect(_column(levels, "spam_subject_tag2"), CONFIGURED_PREFIX)
    lower = _in_effect(_column(levels, "spam_subject_tag"), "")
    return cast("Words", lower if lower["value"] and not prefix["value"] else prefix)


def _score(levels: Sequence[Level], column: str, configured: float) -> dict[str, Any]:
    """Return a score as it was written: the columns hold four bytes."""
    said = [(account, round(float(score), 3)) for account, score in _column(levels, column)]
    return _in_effect(said, configured)


def _fact(levels: Sequence[Level], column: str, reading: Callable[[Any], bool], *, configured: bool) -> Fact:
    said = [(account, reading(stored)) for account, stored in _column(levels, column)]
    return cast("Fact", _in_effect(said, configured))


def _column(levels: Sequence[Level], column: str) -> Said:
    return [(level.account, said) for level in levels if (said := level.columns.get(column)) is not None]


def _in_effect(said: Said, configured: object) -> dict[str, Any]:
    """Return what applies of what is said about one thing, and what that hides."""
    shown = [{"value": value, "scope": place(account)} for account, value in said]
    first, *others = shown or [{"value": configured, "scope": DEFAULT}]
    return {**first, "hides": others}


# iRedAPD


def limits(throttles: Sequence[Throttle]) -> Limits:
    """Return the limits in one direction, from the throttles of all scopes in iRedAPD's order.

    A throttle without a period is invisible to iRedAPD, even its size of a message.
    """
    found: dict[str, Limit] = {}
    visible = [throttle for throttle in throttles if throttle["period"] > 0]
    for name in (of.name for of in (*LIMITS, MAX_RCPTS)):
        said = [
            HiddenLimit(value=value, period=throttle["period"], scope=place(throttle["account"]))
            for throttle in visible
            if (value := cast("int", throttle.get(name, -1))) >= 0
        ]
        if said:
            found[name] = Limit(**said[0], hides=said[1:])
    return cast("Limits", found)


def greylisting(settings: Iterable[StoredSetting], whitelisted: Collection[Whitelisted]) -> GreylistingInEffect:
    """Return whether unknown senders are greylisted, from the settings of all scopes in iRedAPD's order."""
    shown = [setting_shown(setting) for setting in settings]
    senders = list(takewhile(lambda setting: setting["sender"] != EVERYBODY, shown))
    nobody = SenderSetting(sender=EVERYBODY, status="disable", scope=DEFAULT)
    deciding, *hidden = shown[len(senders) :] or [nobody]
    return GreylistingInEffect(
        status=deciding["status"],
        scope=deciding["scope"],
        hides=hidden,
        senders=senders,
        whitelisted=[whitelisted_shown(entry) for entry in whitelisted],
    )


def setting_shown(setting: StoredSetting) -> SenderSetting:
    """Return a setting of greylisting as it is answered."""
    return SenderSetting(sender=setting["sender"], status=setting["status"], scope=place(setting["account"]))


def whitelisted_shown(entry: Whitelisted) -> WhitelistedSender:
    """Return a whitelisted sender as it is answered."""
    return WhitelistedSender(sender=entry.sender, scope=place(entry.account), comment=entry.comment)


def for_people(whitelisted: Iterable[Whitelisted]) -> list[Whitelisted]:
    """Return whitelisted senders in an order that stays; to iRedAPD it means nothing."""
    return sorted(whitelisted, key=lambda entry: (-form_of(entry.account).in_iredapd, entry.sender, entry.comment))


def entries_shown(entries: Iterable[Entry]) -> list[ListEntry]:
    """Return the entries of a list in the order in which they are asked.

    Each hides what is never reached because of it: the same address once more and, after everybody, all that follows.
    """
    shown: dict[str, ListEntry] = {}
    for entry in entries:
        if before := shown.get(EVERYBODY) or shown.get(entry.address):
            before["hides"].append(_hidden(entry))
        else:
            shown[entry.address] = _shown(entry)
    return list(shown.values())


def deciding_entry(matching: Sequence[Entry]) -> ListEntry | None:
    """Return the first of the entries that match, which hides the others."""
    return _shown(matching[0], matching[1:]) if matching else None


def _shown(entry: Entry, others: Iterable[Entry] = ()) -> ListEntry:
    return ListEntry(**_hidden(entry), hides=[_hidden(other) for other in others])


def _hidden(entry: Entry) -> HiddenEntry:
    verdict = verdict_of(entry)
    assert verdict, "the others are left out before"
    return HiddenEntry(list=verdict, address=entry.address, scope=place(entry.account))
