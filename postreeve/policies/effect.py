"""What applies in the end, computed from the rows of all scopes by the daemons' own rules.

Each column of a spam policy and each limit of a throttle stands alone: the first row in the daemon's order that says
something about it decides. What nobody says is in the daemon's configuration; told is what iRedMail writes there.
"""

from collections.abc import Collection, Sequence
from typing import cast

from postreeve.greylisting.store import StoredSetting, Whitelisted
from postreeve.patterns import EVERYBODY
from postreeve.policies.answers import (
    NOBODY,
    Fate,
    GreylistingInEffect,
    Hidden,
    Limit,
    ListEntry,
    Scalar,
    SpamPolicyInEffect,
    Value,
    WhitelistedSender,
)
from postreeve.spam_policy.fields import SPAM_POLICY
from postreeve.spam_policy.rules import QUARANTINES, is_yes, value_of
from postreeve.spam_policy.store import Level
from postreeve.throttle.fields import LIMITS, MAX_RCPTS
from postreeve.throttle.store import Throttle
from postreeve.wblist.store import Entry

CONFIGURED: dict[str, Scalar] = {
    **dict.fromkeys((of.name for of in SPAM_POLICY if of.name.startswith("bypass_")), "no"),
    **dict.fromkeys(QUARANTINES, "yes"),
    "prefix_spam_in_subject": "yes",
    "always_insert_x_spam_headers": "no",
    "spam_score": 6.2,
    "banned_rulenames": None,
}
"""What iRedMail's configuration of Amavisd says."""
CONFIGURED_PREFIX = "[SPAM] "


def spam_policy(levels: Sequence[Level]) -> SpamPolicyInEffect:
    """Return the spam policy of a recipient, from the policies of all scopes in Amavisd's order."""
    return SpamPolicyInEffect(
        values={of.name: _value(of.name, [(level.account, value_of(of, level.columns)) for level in levels])
                for of in SPAM_POLICY},
        fates={name: _fate(levels, lover, label) for name, (lover, label, _) in QUARANTINES.items()},
        subject_prefix=_prefix(levels),
    )  # fmt: skip


def limits(throttles: Sequence[Throttle]) -> dict[str, Limit]:
    """Return the limits of a user in one direction, from the throttles of all scopes in iRedAPD's order.

    A throttle without a period is invisible to iRedAPD, even its size of a message.
    """
    found: dict[str, Limit] = {}
    visible = [throttle for throttle in throttles if throttle["period"] > 0]
    for name in (of.name for of in (*LIMITS, MAX_RCPTS)):
        said = [(throttle, value) for throttle in visible if (value := _limit(throttle, name)) >= 0]
        if said:
            (first, value), *others = said
            found[name] = Limit(
                value=value, scope=first["account"], period=first["period"],
                hides=[Hidden(value=other, scope=throttle["account"]) for throttle, other in others],
            )  # fmt: skip
    return found


def greylisting(settings: Sequence[StoredSetting], whitelisted: Collection[Whitelisted]) -> GreylistingInEffect:
    """Return whether unknown senders are greylisted, from the settings of all scopes in iRedAPD's order."""
    general = [(setting["account"], setting["status"]) for setting in settings if setting["sender"] == EVERYBODY]
    (scope, status), *others = general or [(NOBODY, "disable")]
    return GreylistingInEffect(
        status=status,
        scope=scope,
        hides=[Hidden(value=value, scope=account) for account, value in others],
        settings_of_senders=[setting for setting in settings if setting["sender"] != EVERYBODY],
        whitelisted=[
            WhitelistedSender(sender=entry.sender, scope=entry.account, comment=entry.comment) for entry in whitelisted
        ],
    )


def shown(entries: Collection[Entry]) -> list[ListEntry]:
    """Return entries of lists as they are answered."""
    return [ListEntry(list=entry.verdict, address=entry.address, scope=entry.account) for entry in entries]


def _value(name: str, said: Sequence[tuple[str, Scalar]]) -> Value:
    configured: list[tuple[str, Scalar]] = [(NOBODY, CONFIGURED[name])]
    (scope, value), *others = [(scope, value) for scope, value in said if value is not None] or configured
    return Value(value=value, scope=scope, hides=[Hidden(value=other, scope=account) for account, other in others])


def _fate(levels: Sequence[Level], lover: str, label: str) -> Fate:
    """Tell what becomes of mail: whether it is delivered and whether a copy is kept are inherited apart."""
    is_loved, kept = _first(levels, lover), _first(levels, label)
    return Fate(is_delivered=is_loved is not None and is_yes(is_loved), is_quarantined=kept is None or bool(kept))


def _prefix(levels: Sequence[Level]) -> str:
    """Return the text before the subject of spam; an empty one lets Amavisd try that of the lower level."""
    text = _first(levels, "spam_subject_tag2")
    return CONFIGURED_PREFIX if text is None else str(text or _first(levels, "spam_subject_tag") or "")


def _first(levels: Sequence[Level], column: str) -> str | float | None:
    return next((value for level in levels if (value := level.columns.get(column)) is not None), None)


def _limit(throttle: Throttle, name: str) -> int:
    return cast("int", throttle.get(name, -1))
