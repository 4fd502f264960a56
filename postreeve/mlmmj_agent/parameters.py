"""The parameters of mlmmjadmin's API: how they become settings of a list, and how these are shown."""

from collections.abc import Iterable, Mapping

from postreeve.errors import Code, Refused, refuse
from postreeve.fields import YES_NO, Changes, Field, FieldSet, Form, text
from postreeve.shapes import FirstLine, Flag, Lines, MlmmjShape
from postreeve.subscribable_lists import rules
from postreeve.subscribable_lists.fields import (
    CONTROLS,
    EXTRA_ADDRESSES,
    LIST,
    MAX_SIZE,
    MEMBERS_ONLY,
    MODERATORS_ONLY,
    OWNERS,
    SUBSCRIPTION,
    SUBSCRIPTION_MODERATED,
    SUBSCRIPTION_MODERATORS,
)
from postreeve.subscribable_lists.store import ListSetting, ListSettings, Version
from postreeve.values import Address

FURTHER: Mapping[str, MlmmjShape] = {
    "if_mod_send_only_mod_moderate": Flag("ifmodsendonlymodmoderate"),
    "disable_notify_subscription_moderated": Flag("nosubmodmails"),
    "disable_notify_when_missing_listaddress": Flag("notoccdenymails"),
    "disable_notify_when_access_denied": Flag("noaccessdenymails"),
    "disable_notify_when_subscriber_only": Flag("nosubonlydenymails"),
    "disable_notify_when_moderator_only": Flag("nomodonlydenymails"),
    "disable_notify_when_exceeding_max_mail_size": Flag("nomaxmailsizedenymails"),
    "tocc": Flag("tocc"),
    "reply_to_sender": Flag("replyto"),
    "enable_newsletter_subscription": Flag("enable_newsletter_subscription"),
    "relay_host": FirstLine("relayhost"),
    "smtp_helo": FirstLine("smtphelo"),
    "smtp_port": FirstLine("smtpport"),
}
"""What mlmmjadmin knows of a list besides: mostly whether mlmmj tells people that it has refused their mail."""
ALL = {**CONTROLS, **FURTHER}
_HOST = text(255, r"^[A-Za-z0-9.:-]*$", "A host or an address.")
_PORT = text(5, r"^[0-9]*$", "A port.")
_KINDS = {"relay_host": _HOST, "smtp_helo": _HOST, "smtp_port": _PORT}
PROFILE = FieldSet(
    "list",
    *(of for of in LIST if of.name in CONTROLS),
    *(Field(name, _KINDS.get(name, YES_NO), f"mlmmj's `{shape.file}`.") for name, shape in FURTHER.items()),
)
AT_CREATION: Mapping[str, ListSetting] = {
    **rules.DEFAULTS, "disable_retrieving_subscribers": False, "disable_send_copy_to_sender": False,
}  # fmt: skip
"""A new list, where the request says nothing else: as mlmmjadmin makes it."""


def of_new_list(mail: Address, form: Form) -> dict[str, ListSetting]:
    """Return the settings of a new list."""
    return {**AT_CREATION, **_resolved(mail, form, AT_CREATION, None)}


def of_list(mail: Address, form: Form, current: ListSettings) -> dict[str, ListSetting]:
    """Return what changes of a list; names that are unknown are for others."""
    policies = {switches: policy for policy, switches in rules.POLICIES.items() if any(switches)}
    is_open_to = (current[MODERATORS_ONLY.name] is True, current[MEMBERS_ONLY.name] is True)
    return _resolved(mail, form, current, policies.get(is_open_to, rules.PUBLIC))


def shown(settings: ListSettings, wanted: Iterable[str]) -> dict[str, object]:
    """Return settings as mlmmjadmin shows them: those that are wanted, or all if none of them is known."""
    everything = {name: _shown(ALL[name], value) for name, value in settings.items()}
    everything["owners"] = everything[OWNERS.name]
    return {name: everything[name] for name in wanted if name in everything} or everything


def people(mail: Address, form: Form, name: str, current: tuple[str, ...]) -> tuple[str, ...]:
    """Return owners or moderators after a change: all of them anew, or some more and some less."""
    names = (name, f"add_{name}", f"remove_{name}")
    if not set(names) & set(form):
        refuse(Code.MISSING_PARAMETER, hint=" or ".join(names))
    if name in form:
        return addresses(form, name)
    more, less = addresses(form, names[1]), addresses(form, names[2])
    return tuple(sorted({*current, *more} - {*less, mail}))


def addresses(form: Form, name: str) -> tuple[Address, ...]:
    """Return the addresses in a list with commas, sorted; words that are none are left out, unless all are."""
    words = [word.strip() for value in form.get(name, ()) for word in value.split(",") if word.strip()]
    found = {address for word in words if (address := address_of(word))}
    if words and not found:
        refuse(Code.INVALID_MAIL, hint=name)
    return tuple(sorted(found))


def address_of(word: str) -> Address | None:
    """Return an address as it may be subscribed, or name a list; None if it is none."""
    try:
        return Address.parse(word)
    except Refused:
        return None


def version(form: Form) -> Version:
    """Return what subscribers are to get."""
    return SUBSCRIPTION.parse(_one(form, "subscription") or "normal")


def is_yes(form: Form, name: str, *, default: bool) -> bool:
    """Return a switch; one that is empty is as if it were not there."""
    value = _one(form, name)
    return YES_NO.parse(value) if value else default


def _one(form: Form, name: str) -> str:
    return form.get(name, ("",))[-1].strip()


def _resolved(mail: Address, form: Form, current: ListSettings, policy: str | None) -> dict[str, ListSetting]:
    changes = PROFILE.read(_filled(form))
    settings = rules.resolved(mail, changes, rules.access(changes, policy), current, ())
    further = settings.get(EXTRA_ADDRESSES.name)
    if isinstance(further, tuple):
        settings[EXTRA_ADDRESSES.name] = tuple(address for address in further if address != mail)
    return {**settings, **_further(changes)}


def _further(changes: Changes) -> dict[str, ListSetting]:
    return {of.name: changes.values[of.name] for of in changes if of.name in FURTHER}


def _filled(form: Form) -> Form:
    """Return what a client sent without switches that are empty, and with what else an empty value means."""
    filled = {name: values for name, values in form.items() if any(map(str.strip, values)) or not _is_switch(name)}
    if MAX_SIZE.name in filled and not _one(filled, MAX_SIZE.name):
        filled[MAX_SIZE.name] = ["0"]
    approvers = filled.get(SUBSCRIPTION_MODERATORS.name)
    if approvers and not any(map(str.strip, approvers)) and SUBSCRIPTION_MODERATED.name not in filled:
        filled[SUBSCRIPTION_MODERATED.name] = ["no"]  # no approvers at all: mlmmjadmin takes it so
    return filled


def _is_switch(name: str) -> bool:
    return isinstance(ALL.get(name), Flag)


def _shown(shape: MlmmjShape, value: ListSetting) -> object:
    match shape, value:
        case Flag(), _:
            return "yes" if value else "no"
        case Lines(), tuple():
            return sorted(value)
        case _:
            return str(value) if value else ""
