"""What the settings of a list demand of each other, before mlmmj gets them.

mlmmj itself checks nothing: a list that is moderated without moderators loses mail, one that is both for members and
for moderators refuses the moderators, and an empty file of moderators makes it crash.
"""

from collections.abc import Collection, Iterable, Mapping

from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.shapes import Flag, Lines
from postreeve.subscribable_lists.fields import (
    CONTROLS,
    CUSTOM_HEADERS,
    EXTRA_ADDRESSES,
    FOOTER_HTML,
    FOOTER_TEXT,
    MEMBERS_ONLY,
    MODERATORS,
    MODERATORS_ONLY,
    NEW_SUBSCRIBERS,
    OWNERS,
    POLICY,
    REMOVED_HEADERS,
    SUBSCRIBERS,
    SUBSCRIPTION_MODERATED,
    SUBSCRIPTION_MODERATORS,
    SWITCHES,
)
from postreeve.subscribable_lists.store import ListSetting, ListSettings
from postreeve.values import Address

DEFAULTS: Mapping[str, ListSetting] = {
    **{switch.name: False for switch in SWITCHES},
    "only_subscriber_can_get_old_posts": True,
    "disable_retrieving_old_posts": True,
    "disable_retrieving_subscribers": True,
    "disable_send_copy_to_sender": True,
}
"""A new list: as mlmmjadmin makes it, with the two switches that its document promises besides."""
NOTHING: Mapping[str, ListSetting] = {
    name: False if isinstance(shape, Flag) else () if isinstance(shape, Lines) else ""
    for name, shape in CONTROLS.items()
}
"""What mlmmj knows where there are no control files."""
REMOVED_ALWAYS = ("Authentication-Results:", "DKIM-Signature:")
"""A list changes what it sends on: these would no longer be true."""
PUBLIC = "public"
POLICIES: Mapping[str, tuple[bool, bool]] = {
    PUBLIC: (False, False), "domain": (False, False), "subdomain": (False, False),
    "membersonly": (False, True), "moderatorsonly": (True, False),
}  # fmt: skip
"""For each access policy the switches: only moderators, only subscribers."""


def access(changes: Changes, current: str | None) -> str | None:
    """Return the access policy that the changes want, or None if they leave it; `current` is None for a new list.

    The policy and the two switches `only_…_can_post` say the same; where both are given they must not disagree.
    """
    moderators_only, members_only = changes.get(MODERATORS_ONLY), changes.get(MEMBERS_ONLY)
    if (policy := changes.get(POLICY)) is not None:
        wanted = POLICIES[policy]
        if moderators_only not in {None, wanted[0]} or members_only not in {None, wanted[1]}:
            refuse(Code.CONFLICTING_PARAMETERS, hint=f"{POLICY.name}, {MODERATORS_ONLY.name}, {MEMBERS_ONLY.name}")
        return policy
    if moderators_only:
        return "moderatorsonly"
    if members_only or (current is None and members_only is None):
        return "membersonly"
    is_dropped = (current == "moderatorsonly" and moderators_only is False) or (
        current == "membersonly" and members_only is False
    )
    return PUBLIC if is_dropped or current is None else None


def resolved(
    mail: Address, changes: Changes, policy: str | None, current: ListSettings, alias_domains: Collection[str]
) -> dict[str, ListSetting]:
    """Return what mlmmj has to be told; `current` is what it knows, or the defaults of a new list."""
    given: dict[str, ListSetting] = {
        of.name: changes.values[of.name] for of in changes if of.name in CONTROLS and not _is_set(of.name)
    }
    if policy is not None:
        given[MODERATORS_ONLY.name], given[MEMBERS_ONLY.name] = POLICIES[policy]
    given |= _people(mail, changes, {**current, **given})
    given |= _subscription(changes)
    if (extra := changes.of(EXTRA_ADDRESSES)) is not None or not current.get(EXTRA_ADDRESSES.name):
        given[EXTRA_ADDRESSES.name] = further_addresses(mail, extra.named() if extra else (), alias_domains)
    if CUSTOM_HEADERS in changes or CUSTOM_HEADERS.name not in current:
        given[CUSTOM_HEADERS.name] = with_own_headers(mail, changes.get(CUSTOM_HEADERS) or ())
    removed = changes.of(REMOVED_HEADERS)
    if removed or REMOVED_HEADERS.name not in current:
        names = {name.lower(): name for name in [*(removed.named() if removed else ()), *REMOVED_ALWAYS, "Reply-To:"]}
        given[REMOVED_HEADERS.name] = tuple(sorted(names.values()))
    return given | _footers({**current, **given})


def further_addresses(mail: Address, extra: Iterable[str], alias_domains: Iterable[str]) -> tuple[str, ...]:
    """Return what else mail may call the list: commands to a name that mlmmj does not know go to all subscribers."""
    return (*sorted(extra), *(f"{mail.local_part}@{name}" for name in sorted(alias_domains)))


def require_others(mail: Address, changes: Changes, current: ListSettings, told: ListSettings) -> None:
    """Refuse a list that owns or moderates itself, or is its own subscriber: mail would go round in circles.

    `told` is what mlmmj has to be told; what is there already matters only when the list gets another address.
    """
    everything = {**current, **told}
    names = {mail, *_texts(everything, EXTRA_ADDRESSES.name)}
    asked = everything if EXTRA_ADDRESSES in changes else told
    people = {person for of in (OWNERS, MODERATORS, SUBSCRIPTION_MODERATORS) for person in _texts(asked, of.name)}
    if names & people:
        refuse(Code.INVALID_VALUE, hint="A list neither owns nor moderates itself.")
    if any(names & change.add for of in (NEW_SUBSCRIBERS, SUBSCRIBERS) if (change := changes.of(of))):
        refuse(Code.INVALID_VALUE, hint="A list does not subscribe to itself.")


def with_own_headers(mail: Address, headers: Iterable[str]) -> tuple[str, ...]:
    """Return headers with those that every list has; of one name, the list's own stands alone."""
    local, domain = mail.local_part, mail.domain
    own = {
        "Precedence": "bulk",
        "List-Id": f"<{mail}>",
        "Reply-To": mail,
        "X-Mailing-List": mail,
        "List-Post": f"<mailto:{mail}>",
        "List-Subscribe": f"<mailto:{local}+subscribe@{domain}?subject=Subscribe>",
        "List-Unsubscribe": f"<mailto:{local}+unsubscribe@{domain}?subject=Unsubscribe>",
    }
    names = {name.lower() for name in own}
    others = [header for header in headers if header.partition(":")[0].lower() not in names]
    return (*sorted(others), *(f"{name}: {value}" for name, value in own.items()))


def _people(mail: Address, changes: Changes, settings: ListSettings) -> dict[str, ListSetting]:
    """Return owners and moderators, of whom neither list is ever empty: the owners stand in for moderators."""
    people: dict[str, ListSetting] = {}
    owners = changes.of(OWNERS)
    if owners is not None or not settings.get(OWNERS.name):
        people[OWNERS.name] = tuple(sorted(owners.named() if owners else ())) or (f"postmaster@{mail.domain}",)
    moderators = changes.of(MODERATORS)
    named = tuple(sorted(moderators.named())) if moderators is not None else _texts(settings, MODERATORS.name)
    if moderators is not None or not named:
        people[MODERATORS.name] = named or _texts({**settings, **people}, OWNERS.name)
    return people


def _subscription(changes: Changes) -> dict[str, ListSetting]:
    """Return who approves of subscribers: nobody, those named, or the owners where nobody is named."""
    is_moderated, moderators = changes.get(SUBSCRIPTION_MODERATED), changes.of(SUBSCRIPTION_MODERATORS)
    if is_moderated is False:
        return {SUBSCRIPTION_MODERATED.name: False, SUBSCRIPTION_MODERATORS.name: ()}
    if moderators is not None:
        return {SUBSCRIPTION_MODERATED.name: True, SUBSCRIPTION_MODERATORS.name: tuple(sorted(moderators.named()))}
    return {SUBSCRIPTION_MODERATED.name: True} if is_moderated else {}


def _footers(settings: ListSettings) -> dict[str, ListSetting]:
    """Return both footers or none: the program that adds them acts only if both files are there."""
    texts = {name: str(settings.get(name) or "").strip("\n") for name in (FOOTER_TEXT.name, FOOTER_HTML.name)}
    if not any(text.strip() for text in texts.values()):
        return dict.fromkeys(texts, "")
    return {name: f"{text}\n" for name, text in texts.items()}


def _texts(settings: ListSettings, name: str) -> tuple[str, ...]:
    value = settings.get(name)
    return value if isinstance(value, tuple) else ()


def _is_set(name: str) -> bool:
    """Tell whether a parameter is worked out together with others."""
    return name in {
        OWNERS.name, MODERATORS.name, EXTRA_ADDRESSES.name, SUBSCRIPTION_MODERATED.name, SUBSCRIPTION_MODERATORS.name,
        CUSTOM_HEADERS.name, REMOVED_HEADERS.name, MODERATORS_ONLY.name, MEMBERS_ONLY.name,
    }  # fmt: skip
