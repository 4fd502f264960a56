"""What applies in the end, computed from the rows of all scopes by the daemons' own rules.

Each column of a spam policy and each limit of a throttle stands alone: the first row in the daemon's order that says
something about it decides. What nobody says is in the daemon's configuration; told is what iRedMail writes there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
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
    fates = {kind: _fate(levels, *parameters) for kind, parameters in FATES.items()}
    values = {of.name: _value(levels, of) for of in SPAM_POLICY}
    for _, name in FATES.values():  # its two columns may come from two scopes
        values[name]["value"] = _told_apart(levels, name)
    scores = {name: _in_effect(_scores(levels, column), configured) for name, (column, configured) in SCORES.items()}
    return SpamPolicyInEffect(
        values=cast("SpamValues", values),
        fates=cast("Fates", fates),
        scores=cast("SpamScores", scores),
        subject_prefix=_prefix(levels),
    )


def _value(levels: Sequence[Level], of: AnyField) -> dict[str, Any]:
    said = [(level.account, value) for level in levels if (value := value_of(of, level.columns)) is not None]
    return _in_effect(said, CONFIGURED[of.name])


def _told_apart(levels: Sequence[Level], quarantine: str) -> str:
    """Return the value of a parameter that two columns hold, each by itself: mail is withheld, or it is not."""
    is_delivered, is_quarantined = _delivery(levels, quarantine)
    return "yes" if is_quarantined["value"] and not is_delivered["value"] else "no"


def _fate(levels: Sequence[Level], bypass: str, quarantine: str) -> Fate:
    """Tell what becomes of mail; what Amavisd does not look for is delivered, whatever is said about it."""
    is_checked = _fact([(account, not is_yes(said)) for account, said in _column(levels, bypass)], configured=True)
    is_delivered, is_quarantined = _delivery(levels, quarantine)
    if not is_checked["value"]:
        is_delivered = _overruled(is_delivered, True, is_checked["scope"])
        is_quarantined = _overruled(is_quarantined, False, is_checked["scope"])
    return Fate(is_checked=is_checked, is_delivered=is_delivered, is_quarantined=is_quarantined)


def _delivery(levels: Sequence[Level], quarantine: str) -> tuple[Fact, Fact]:
    """Tell whether mail is delivered and whether a copy is kept: the two columns are inherited apart."""
    lover, label, _ = QUARANTINES[quarantine]
    return (
        _fact([(account, is_yes(said)) for account, said in _column(levels, lover)], configured=False),
        _fact([(account, bool(said)) for account, said in _column(levels, label)], configured=True),
    )


def _overruled(fact: Fact, value: bool, scope: str) -> Fact:  # noqa: FBT001 - the value itself
    former = [] if fact["scope"] == DEFAULT else [HiddenFact(value=fact["value"], scope=fact["scope"])]
    return Fact(value=value, scope=scope, hides=[*former, *fact["hides"]])


def _prefix(levels: Sequence[Level]) -> Words:
    """Return the text before the subject of spam; an empty one lets Amavisd try that of the lower level."""
    prefix = _in_effect(_column(levels, "spam_subject_tag2"), CONFIGURED_PREFIX)
    lower = _in_effect(_column(levels, "spam_subject_tag"), "")
    return cast("Words", lower if lower["value"] and not prefix["value"] else prefix)


def _scores(levels: Sequence[Level], column: str) -> Said:
    """Return scores as they were written: the columns hold four bytes."""
    return [(account, round(float(score), 3)) for account, score in _column(levels, column)]


def _column(levels: Sequence[Level], column: str) -> Said:
    return [(level.account, said) for level in levels if (said := level.columns.get(column)) is not None]


def _fact(said: Said, *, configured: bool) -> Fact:
    return cast("Fact", _in_effect(said, configured))


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
    is_general = [setting["sender"] == EVERYBODY for setting in shown]
    at = is_general.index(True) if any(is_general) else len(shown)
    general = SenderSetting(sender=EVERYBODY, status="disable", scope=DEFAULT)
    deciding, *hidden = shown[at:] or [general]
    return GreylistingInEffect(
        status=deciding["status"],
        scope=deciding["scope"],
        hides=hidden,
        senders=shown[:at],
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


def deciding_entry(matching: Iterable[Entry]) -> ListEntry | None:
    """Return the first of the entries that match, which hides the others."""
    found = list(matching)
    return _shown(found[0], found[1:]) if found else None


def _shown(entry: Entry, others: Iterable[Entry] = ()) -> ListEntry:
    return ListEntry(**_hidden(entry), hides=[_hidden(other) for other in others])


def _hidden(entry: Entry) -> HiddenEntry:
    return HiddenEntry(list=entry.verdict, address=entry.address, scope=place(entry.account))
