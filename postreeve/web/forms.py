"""Forms made of fields: inputs by kind, with what is stored or what was typed, and what has changed.

Only what somebody has changed is sent to the operation. Each form carries a hash of what it showed, so that it can
warn when somebody else has changed the same meanwhile.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from babel import Locale

from postreeve.errors import Code, Refused, refuse
from postreeve.fields import LANGUAGE, PASSWORD, PRESENT_PASSWORD, AnyField, Role, SetField
from postreeve.profiles import Text, Texts
from postreeve.translations import ACCOUNT_LANGUAGES
from postreeve.web.pages import N_, Ask

AGAIN = "_again"
"""Ends the name of the input in which a password is typed a second time."""
SEEN, ANYWAY = "seen", "anyway"
LONG_TEXT = 500
"""Texts that may be longer get several lines."""
_SWITCH = ["yes", "no"]

SECTION_TITLES = {
    "general": N_("General"),
    "personal_info": N_("Personal information"),
    "password": N_("Password"),
    "members": N_("Members"),
    "forwarding": N_("Forwarding"),
    "aliases": N_("Aliases"),
    "bcc": N_("BCC"),
    "relay": N_("Relay"),
    "catchall": N_("Catch-all"),
    "services": N_("Services"),
    "mailbox": N_("Mailbox"),
    "throttle": N_("Throttling"),
    "greylisting": N_("Greylisting"),
    "wblist": N_("White and black list"),
    "spampolicy": N_("Spam policy"),
    "quarantine": N_("Quarantine"),
    "rcvd_mails": N_("Received mail"),
    "people": N_("Owners and moderators"),
    "subscription": N_("Posting and subscribing"),
    "mails": N_("Mails"),
    "newsletter": N_("Newsletter"),
    "subscribers": N_("Subscribers"),
    "limits": N_("Limits"),
    "access": N_("Access"),
    "passwords": N_("Passwords"),
    "mailboxes": N_("Mailboxes"),
    "retention": N_("Retention"),
    "domains": N_("Domains"),
    "admins": N_("Admins"),
    "password_policies": N_("Password policies"),
    "backupmx": N_("Backup MX"),
    "advanced": N_("Advanced"),
}
"""What pages call sections of profiles, preferences of users, and sections of their own, in the order of pages."""


@dataclass(frozen=True)
class Input:
    """One parameter as a form asks for it."""

    name: str
    label: str
    help: str
    widget: str
    """`text number select switch choices lines area password present secret`."""
    value: str = ""
    values: tuple[str, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()
    low: int | None = None
    high: int | None = None
    longest: int | None = None
    mode: str = ""
    """What is typed, for keyboards on screens: `email`, `numeric`."""
    is_required: bool = False
    stored: str | None = None
    """What is stored now, if somebody else has changed it meanwhile."""
    error: str = ""

    @property
    def id(self) -> str:
        return f"input-{self.name}"


@dataclass(frozen=True)
class Section:
    """A part of a profile with a form of its own."""

    name: str
    fields: tuple[AnyField, ...] = ()
    closed_by: str = ""
    """The profile section that closes it for domain admins, if it is called otherwise."""

    @property
    def title(self) -> str:
        return SECTION_TITLES[self.name]


def sections(fields: Iterable[AnyField], *apart: Section) -> list[Section]:
    """Return the sections of fields; some fields have a section apart."""
    taken = {of.name for section in apart for of in section.fields}
    found: dict[str, list[AnyField]] = {}
    for of in fields:
        if of.name not in taken:
            found.setdefault(of.section, []).append(of)
    order = list(SECTION_TITLES)
    known = [*(Section(name, tuple(members)) for name, members in found.items()), *apart]
    return sorted(known, key=lambda section: order.index(section.name))


def open_sections(ask: Ask, known: Iterable[Section], closed: Collection[str]) -> list[Section]:
    """Return the sections that somebody may change, each with the fields that are open."""
    found = []
    for section in known:
        fields = tuple(
            of for of in section.fields if (ask.admin.is_global or not of.only_global) and of.section not in closed
        )
        is_closed = (section.closed_by or section.name) in closed
        if not is_closed and (fields or not section.fields):
            found.append(Section(section.name, fields, section.closed_by))
    return found


class Form:
    """The inputs of some fields, and what somebody has typed into them.

    Without `stored` it is about something new. `choices` are for sets and texts whose kind does not name them. What is
    `unset` may say nothing: it is shown as the text that stands there.
    """

    def __init__(  # noqa: PLR0913 - each option says one thing about a form
        self,
        ask: Ask,
        fields: Iterable[AnyField],
        stored: Texts | None = None,
        *,
        choices: Mapping[str, Sequence[str]] | None = None,
        required: Collection[AnyField] = (),
        unset: Mapping[str, str] | None = None,
    ) -> None:
        self._ask = ask
        self._fields = tuple(of for of in fields if stored is None or of.name in stored or of.kind.schema in _SECRETS)
        self._stored = stored
        self._choices = choices or {}
        self._required = {of.name for of in required}
        self._unset = unset or {}

    @property
    def inputs(self) -> list[Input]:
        """The inputs, with what was typed if the form is shown again."""
        return [self._input(of) for of in self._fields]

    @property
    def seen(self) -> str:
        """What tells whether somebody else has changed the same meanwhile."""
        shown = [[of.name, (self._stored or {}).get(of.name)] for of in self._fields]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:32]

    @property
    def was_changed(self) -> bool:
        """Whether the form is shown again because somebody else was faster."""
        problem = self._ask.problem
        return problem is not None and problem.code == Code.CHANGED_MEANWHILE.name

    def changes(self) -> dict[str, str]:
        """Return what is to be sent to the operation, by the names that it knows.

        Refuses with `PW_MISMATCH`, and with `CHANGED_MEANWHILE` unless that does not matter.
        """
        self._check_passwords()
        if self._stored is not None and not self._ask.typed(ANYWAY) and self._ask.typed(SEEN) != self.seen:
            refuse(Code.CHANGED_MEANWHILE)
        sent: dict[str, str] = {}
        for of in self._fields:
            if of.name in self._ask.form:
                sent |= self._change(of, self._typed(of))
        return sent

    def _check_passwords(self) -> None:
        for of in self._fields:
            if of.kind is PASSWORD and self._ask.typed(of.name) != self._ask.typed(f"{of.name}{AGAIN}"):
                refuse(Code.PW_MISMATCH, hint=of.name)

    def _change(self, of: AnyField, typed: Text) -> dict[str, str]:
        stored = (self._stored or {}).get(of.name)
        if isinstance(of, SetField):
            return _difference(of, typed, stored or [])
        return {of.name: str(typed)} if typed != _as_typed(of, str(stored or "")) else {}

    def _typed(self, of: AnyField) -> Text:
        values = self._ask.form.get(of.name, ())
        if isinstance(of, SetField):
            return [word for value in values for part in re.split(r"[\r\n,]", value) if (word := part.strip())]
        return _as_typed(of, values[-1] if values else "")

    def _input(self, of: AnyField) -> Input:
        stored = (self._stored or {}).get(of.name, [] if isinstance(of, SetField) else "")
        is_secret = of.kind.schema in _SECRETS
        as_typed = stored if isinstance(stored, list) else _as_typed(of, stored)
        typed = self._typed(of) if self._ask.problem and of.name in self._ask.form and not is_secret else stored
        choices = self._choices_of(of, stored)
        return Input(
            name=of.name,
            label=self._ask._(label(of)),
            help="" if of.kind is PASSWORD or of.help == f"{label(of)}." else self._ask._(of.help),
            widget="select" if choices and of.name in self._unset else _widget(of, choices),
            value=typed if isinstance(typed, str) else "\n".join(typed),
            values=tuple(typed) if isinstance(typed, list) else (),
            choices=choices,
            low=of.kind.schema.get("minimum"),
            high=of.kind.schema.get("maximum"),
            longest=of.kind.schema.get("maxLength"),
            mode=_mode(of),
            is_required=of.name in self._required,
            stored=", ".join([stored] if isinstance(stored, str) else stored)
            if self.was_changed and typed not in (stored, as_typed) else None,
            error=self._error(of),
        )  # fmt: skip

    def _choices_of(self, of: AnyField, stored: Text) -> tuple[tuple[str, str], ...]:
        """Return what can be chosen; what is stored already can be kept."""
        if of.kind is LANGUAGE:
            known = dict(language_choices(self._ask))
            return tuple((known | {str(stored): known.get(str(stored), str(stored))}).items())
        words = list(self._choices.get(of.name) or of.kind.schema.get("enum", ()))
        if not words:
            return ()
        if of.name in self._unset:
            return (("", self._unset[of.name]), *((word, self._ask._(word_title(of, word))) for word in words))
        others = [word for word in ([stored] if isinstance(stored, str) else stored) if word and word not in words]
        return tuple((word, self._ask._(word_title(of, word))) for word in [*words, *others])

    def _error(self, of: AnyField) -> str:
        """Return why the input was refused, if it was this one."""
        problem = self._ask.problem
        if problem is None:
            return ""
        name, _, reason = problem.hint.partition(":")
        if name not in of.names and name != of.name:
            return ""
        return f"{' '.join(problem.sentences)} {reason.strip()}".strip()


def label(of: AnyField) -> str:
    """Return what pages call a field, in English."""
    return of.title or words(of.name)


def words(name: str) -> str:
    """Return a name as words: `maxUserQuota` is `Max user quota`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").lower()
    return spaced[:1].upper() + spaced[1:]


def language_choices(ask: Ask) -> list[tuple[str, str]]:
    """Return the languages of the panel, each called as its speakers call it."""
    names = {code: Locale.parse(name).get_display_name() or name for name, code in ACCOUNT_LANGUAGES.items() if name}
    return [("", ask._("As the browser prefers")), *((code, text.capitalize()) for code, text in names.items())]


_SECRETS = (PASSWORD.schema,)


def _widget(of: AnyField, choices: Sequence[tuple[str, str]]) -> str:  # noqa: PLR0911 - one line for each widget
    schema = of.kind.schema
    if isinstance(of, SetField):
        return "choices" if choices else "lines"
    if schema.get("enum") == _SWITCH:
        return "switch"
    if choices:
        return "select"
    if of.kind is PASSWORD:
        return "password"
    if of.kind is PRESENT_PASSWORD:
        return "present"
    if schema in _SECRETS:
        return "secret"
    if schema.get("type") == "integer":
        return "number"
    return "area" if of.kind.separator or schema.get("maxLength", 0) > LONG_TEXT else "text"


def _mode(of: AnyField) -> str:
    return "email" if of.kind.schema.get("format") == "email" else ""


def word_title(of: AnyField, word: str) -> str:
    """Return what pages call a word of a closed set, in English."""
    return of.kind.titles.get(word) or SECTION_TITLES.get(word) or words(word)


def _as_typed(of: AnyField, text: str) -> str:
    """Return a text as it is once it has been in an input: ends of lines are one sign, blanks at both ends are gone."""
    lines = re.sub(r"\r\n?", "\n", text)
    return lines if of.kind.is_verbatim else lines.strip()


def _spelled(of: SetField[str], word: str) -> str:
    """Return the one spelling of a word of a set, such as `xn--mnchen-3ya.de` of `München.de`."""
    try:
        return str(of.kind.parse(word.strip())).lower()
    except Refused:
        return word.strip().lower()


def _difference(of: SetField[str], typed: Iterable[str], stored: Iterable[str]) -> dict[str, str]:
    """Return how a set becomes what was typed: by what comes and goes where that can be said, else as a whole."""
    wanted = {_spelled(of, word): word for word in typed}
    there = {_spelled(of, word): word for word in stored}
    if wanted.keys() == there.keys():
        return {}
    name = {role: name for name, role in reversed([*of.roles.items()])}
    if Role.ADD not in name or (Role.REMOVE not in name and there):
        return {name[Role.RESET]: ",".join(wanted.values())}
    coming = [word for key, word in wanted.items() if key not in there]
    going = [word for key, word in there.items() if key not in wanted]
    sent = {name[Role.ADD]: ",".join(coming), name.get(Role.REMOVE, ""): ",".join(going)}
    return {key: value for key, value in sent.items() if value}
