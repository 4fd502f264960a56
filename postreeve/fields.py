"""What a parameter is: its name, its kind, its sentence, who may set it and where it is stored.

Parsing, documents, command-line options and storage follow from one `Field` each.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar, cast

import msgspec
from babel import Locale, UnknownLocaleError
from msgspec import Meta

from postreeve.errors import Code, Refused, refuse
from postreeve.shapes import (
    AccountSetting,
    Attribute,
    Column,
    LdapShape,
    MlmmjShape,
    Setting,
    SettingList,
    Several,
    SqlShape,
)
from postreeve.values import Address, DomainName, Scope

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S", bound=str)

Form = Mapping[str, Sequence[str]]
"""What a client sent: each name with all its values, as text."""

MOST_LIST_ITEMS = 20_000
MOST_OWN_ITEMS = 1000
"""Each address or domain of ours that a request names is claimed while it runs."""
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"


@dataclass(frozen=True)
class Kind(Generic[T_co]):
    """A type of value: how a text is read, and how a client generator sees it."""

    parse: Callable[[str], T_co]
    schema: Mapping[str, Any]
    separator: str = ""
    """Between several values that are one text; without one a scalar is given once."""


def _typed(annotation: object, code: Code, hint: str) -> Kind[Any]:
    """Return the kind of a msgspec type: bounds and schema come from there, what is meant from the hint."""

    def parse(text: str) -> object:
        try:
            return msgspec.convert(text, annotation, strict=False)
        except msgspec.ValidationError:
            refuse(code, hint=hint)

    return Kind(parse, msgspec.json.schema(annotation))


def whole_number(low: int, high: int, of: str = "") -> Kind[int]:
    """Return the kind of whole numbers between two bounds, both allowed; `of` is their unit."""
    hint = f"A whole number {f'of {of} ' if of else ''}from {low} to {high}."
    bounded = _typed(Annotated[int, Meta(ge=low, le=high)], Code.INVALID_NUMBER, hint)

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,19}", text):
            refuse(Code.INVALID_NUMBER, hint=hint)
        return cast("int", bounded.parse(str(int(text))))

    return Kind(parse, bounded.schema)


def one_of(words: Iterable[str], *, meaning: Mapping[str, Any] | None = None) -> Kind[Any]:
    """Return the kind of a closed set of words, read without regard to case."""
    spelled = list(words)
    known = {word.lower(): (meaning or {}).get(word, word) for word in spelled}

    def parse(text: str) -> object:
        if text.lower() not in known:
            refuse(Code.INVALID_VALUE, hint=f"One of: {', '.join(spelled)}.")
        return known[text.lower()]

    return Kind(parse, {"type": "string", "enum": spelled})


def text(longest: int = 255, pattern: str = "", hint: str = "") -> Kind[str]:
    """Return the kind of one line of text; nothing in it may break out of a Postfix map, a header or a log line.

    `hint` says in plain words what the pattern takes.
    """
    if not pattern:
        pattern, hint = f"^[^{_CONTROLS}]*$", f"One line of at most {longest} characters, no control characters."
    return cast(
        "Kind[str]",
        _typed(Annotated[str, Meta(max_length=longest, pattern=pattern)], Code.INVALID_VALUE, hint),
    )


def _clearable(kind: Kind[str]) -> Kind[str]:
    return Kind(lambda given: kind.parse(given) if given else "", kind.schema)


def _language(given: str) -> str:
    """Read a language as iRedAdmin names them: `de_DE`, or `zh_CN`."""
    try:
        if not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", given) or len(given) > 5:
            raise ValueError(given)  # noqa: TRY301 - one place decides
        Locale.parse(given)
    except (ValueError, UnknownLocaleError):
        refuse(Code.INVALID_VALUE, hint=f"Unknown language {given[:20]!r}.")
    return given


def _absolute_path(given: str) -> str:
    """Read the path of a mailbox; it is lower-cased, because Dovecot lower-cases what it reads."""
    path = given.lower().rstrip("/")
    parts = path.split("/")
    if not re.fullmatch(r"(/[a-z0-9_.@#&+=~'-]+){2,}", path) or {".", ".."} & set(parts) or len(path) > 255:
        refuse(Code.INVALID_VALUE, hint="An absolute path of at least two directories.")
    return path


def _relay(given: str) -> str:
    """Read a next hop as Postfix's relayhost maps want it: without a transport name."""
    hop = given.removeprefix("smtp:")
    if not re.fullmatch(r"(\[[A-Za-z0-9_.:-]+\]|[A-Za-z0-9_.-]+)(:[0-9A-Za-z-]{1,32})?", hop):
        refuse(Code.INVALID_VALUE, hint="A host, as [host]:port or [address]:port.")
    return hop


TEXT = text()
YES_NO: Kind[bool] = one_of(["yes", "no"], meaning={"yes": True, "no": False})
STATUS: Kind[bool] = one_of(["active", "disabled"], meaning={"active": True, "disabled": False})
MEGABYTES = whole_number(0, 2**43 - 1, "megabytes")  # Dovecot multiplies by 2**20 into 63 bits
LIMIT = whole_number(-1, 2**31 - 1)
LENGTH = whole_number(0, 255, "characters")
DAYS = whole_number(0, 36500, "days")
LANGUAGE = _clearable(Kind(_language, {"type": "string", "pattern": "^([a-z]{2,3}(_[A-Z]{2})?)?$", "maxLength": 5}))
TRANSPORT = _clearable(
    text(
        255, r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_.:/@\[\]-]*)?$",
        "A transport of Postfix, such as dovecot or smtp:[host]:port.",
    )
)  # fmt: skip
RELAY = _clearable(Kind(_relay, {"type": "string"}))
NEXT_HOP = Kind(_relay, {"type": "string"})
PASSWORD = Kind(str, {"type": "string", "format": "password"})
MAILBOX_FORMAT: Kind[str] = one_of(["maildir", "mdbox", "sdbox"])
MAILBOX_FOLDER = text(20, "^[A-Za-z0-9]{1,20}$", "Up to 20 letters and digits.")
ABSOLUTE_PATH = Kind(_absolute_path, {"type": "string", "pattern": "^/"})
ADDRESS = Kind(Address.parse, {"type": "string", "format": "email"})
OPTIONAL_ADDRESS = Kind(lambda given: Address.parse(given) if given else "", {"type": "string"})
DOMAIN = Kind(DomainName.parse, {"type": "string", "format": "hostname"})
SCOPE = Kind(Scope.parse, {"type": "string"})
SERVICE = text(64, "^[A-Za-z0-9_-]+$", "A service is one word, such as self-service.")


@dataclass(frozen=True)
class Field(Generic[T_co]):
    """One parameter with one value."""

    name: str
    kind: Kind[T_co]
    help: str
    section: str = "general"
    """The profile section that a global admin may close for domain admins."""
    preference: str = ""
    """The preference with which users may edit this of their own, if they may."""
    only_global: bool = False
    sql: SqlShape | None = None
    ldap: LdapShape | None = None
    mlmmj: MlmmjShape | None = None
    extra: str = ""
    """The key among the profile's extras that shows it, where it is not a column of the row."""
    also: tuple[str, ...] = ()

    @property
    def names(self) -> Mapping[str, str]:
        return dict.fromkeys((self.name, *self.also), "set")

    def read(self, given: Mapping[str, tuple[str, Sequence[str]]], _changes: "Changes") -> T_co | None:
        name, values = given["set"]
        if len(values) > 1 and not self.kind.separator:
            refuse(Code.CONFLICTING_PARAMETERS, hint=f"{name} is given more than once.")
        text = self.kind.separator.join(values)
        value = text if self.kind is PASSWORD else text.strip()
        return _named(name, self.kind.parse, value)


@dataclass(frozen=True)
class SetChange(Generic[S]):
    """What happens to a set of values: replaced as a whole, or some added and some removed."""

    reset: frozenset[S] | None = None
    add: frozenset[S] = frozenset()
    remove: frozenset[S] = frozenset()

    def applied(self, current: Iterable[str]) -> set[str]:
        """Return the set as it is afterwards."""
        return set(self.reset) if self.reset is not None else (set(current) - self.remove) | self.add

    def named(self) -> frozenset[S]:
        """Return the values that the change wants to be there."""
        return self.reset if self.reset is not None else self.add


class Role(StrEnum):
    """What one of the names of a set does with it."""

    RESET = "reset"
    ADD = "add"
    REMOVE = "remove"
    CLEAR = "clear"


@dataclass(frozen=True)
class SetField(Generic[S]):
    """Up to four parameters over one set of values: reset, add, remove and clear."""

    label: str
    kind: Kind[S]
    help: str
    roles: Mapping[str, Role]
    """Every name on the wire, old ones included, with what it does."""
    section: str = "general"
    preference: str = ""
    only_global: bool = False
    is_own: bool = False
    """The values become addresses or domains of ours, so that nobody else may have them."""
    discards_invalid: bool = False
    sql: SqlShape | None = None
    ldap: LdapShape | None = None
    mlmmj: MlmmjShape | None = None
    extra: str = ""

    @property
    def name(self) -> str:
        return self.label

    @property
    def names(self) -> Mapping[str, str]:
        return self.roles

    def read(self, given: Mapping[str, tuple[str, Sequence[str]]], changes: "Changes") -> SetChange[S] | None:
        if len(given) > 1 and Role.RESET in given:
            names = sorted(name for name, _ in given.values())
            refuse(Code.CONFLICTING_PARAMETERS, hint=f"{' and '.join(names)} exclude each other.")
        parts = {role: self._items(name, values, changes) for role, (name, values) in given.items() if role != "clear"}
        cleared = "clear" in given and given["clear"][1][-1].strip().lower() != "no"
        reset = frozenset(parts.get(Role.ADD, ())) if cleared else parts.get(Role.RESET)
        change = SetChange(reset, parts.get(Role.ADD, frozenset()), parts.get(Role.REMOVE, frozenset()))
        return change if reset is not None or change.add or change.remove else None

    def _items(self, name: str, values: Sequence[str], changes: "Changes") -> frozenset[S]:
        words = [word for value in values for part in value.split(",") if (word := part.strip())]
        most = MOST_OWN_ITEMS if self.is_own else MOST_LIST_ITEMS
        if len(words) > most:
            refuse(Code.REQUEST_TOO_LARGE, hint=f"{name} takes {most} values at most.")
        if not self.discards_invalid:
            return frozenset(_named(name, self.kind.parse, word) for word in words)
        good = set()
        for word in words:
            try:
                good.add(self.kind.parse(word))
            except Refused:
                changes.discarded.append(word[:255])
        return frozenset(good)


AnyField = Field[Any] | SetField[Any]


@dataclass
class Changes:
    """The parameters of one request that we know, parsed."""

    values: dict[str, Any] = field(default_factory=dict)
    fields: list[AnyField] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)
    sent: dict[str, dict[str, str]] = field(default_factory=dict)
    """The names that the client used, by the role that each has for its field."""

    def get(self, of: Field[T]) -> T | None:
        """Return the new value, or None when the parameter was not given."""
        return cast("T | None", self.values.get(of.name))

    def of(self, wanted: SetField[S]) -> SetChange[S] | None:
        """Return the change of a set, or None when none of its parameters was given."""
        return cast("SetChange[S] | None", self.values.get(wanted.name))

    def __contains__(self, wanted: AnyField) -> bool:
        return wanted.name in self.values

    def __iter__(self) -> Iterator[AnyField]:
        return iter(self.fields)

    def __bool__(self) -> bool:
        return bool(self.values)

    def of_shape(self, shape: type[SqlShape]) -> Iterator[tuple[Any, Any]]:
        """Yield the shape and the new value of each field that is stored so."""
        for changed in self.fields:
            if isinstance(changed.sql, shape):
                yield changed.sql, self.values[changed.name]

    def of_ldap(self, shape: type[LdapShape]) -> Iterator[tuple[Any, Any]]:
        """Yield the shape and the new value of each field that a directory stores so."""
        for changed in self.fields:
            if isinstance(changed.ldap, shape):
                yield changed.ldap, self.values[changed.name]

    def drop(self, names: Collection[str]) -> None:
        """Take some fields out again, as documented ones are discarded beside another."""
        self.fields = [changed for changed in self.fields if changed.name not in names]
        self.values = {name: value for name, value in self.values.items() if name not in names}

    def sent_names(self, wanted: AnyField) -> list[str]:
        """Return the names under which a field was sent."""
        return list(self.sent.get(wanted.name, {}).values())

    def sent_values(self, wanted: SetField[S], values: Collection[str]) -> list[str]:
        """Return some values of a set as they were sent, such as `addService=smtp`; case does not matter."""
        change = self.of(wanted) or SetChange()
        by_role = {Role.RESET: change.reset or frozenset(), Role.ADD: change.add, Role.REMOVE: change.remove}
        return [
            f"{name}={word}"
            for role, name in self.sent.get(wanted.name, {}).items()
            for word in sorted(by_role.get(Role(role), frozenset()))
            if word.lower() in values
        ]

    def own(self) -> set[str]:
        """Return the addresses and domain names that the request wants to take."""
        return {value for changed in self.fields if isinstance(changed, SetField) and changed.is_own
                for value in self.values[changed.name].named()}  # fmt: skip


class FieldSet:
    """The parameters of a kind of account, with what they demand of each other."""

    def __init__(
        self,
        name: str,
        *fields: AnyField,
        conflicts: Sequence[tuple[AnyField, AnyField]] = (),
        together: Sequence[tuple[AnyField, AnyField]] = (),
    ) -> None:
        """`conflicts` exclude each other; of `together` the first can not be without the second."""
        self.name = name
        self.fields = fields
        self.conflicts = conflicts
        self.together = together
        self._names = {name: (of, role) for of in fields for name, role in of.names.items()}
        self._order = {of.name: index for index, of in enumerate(fields)}

    def __iter__(self) -> Iterator[AnyField]:
        return iter(self.fields)

    def read(self, form: Form) -> Changes:
        """Parse what a client sent; unknown names are kept aside, wrong values are refused."""
        changes = Changes()
        given: dict[str, dict[str, tuple[str, Sequence[str]]]] = {}
        for name, values in form.items():
            if (known := self._names.get(name)) is None:
                changes.ignored.append(name[:64])
                continue
            of, role = known
            roles = given.setdefault(of.name, {})
            if isinstance(of, SetField) and role in roles:
                roles[role] = (name, [*roles[role][1], *values])
            elif role not in roles or name == of.name:  # the new name beats the old one
                roles[role] = (name, values)
        for name in sorted(given, key=self._order.__getitem__):
            of = self.fields[self._order[name]]
            value = of.read(given[name], changes)
            if value is not None:
                changes.values[name] = value
                changes.sent[name] = {role: spelled for role, (spelled, _) in given[name].items()}
                changes.fields.append(of)
        self._check(changes)
        return changes

    def _check(self, changes: Changes) -> None:
        for one, other in self.conflicts:
            if one in changes and other in changes:
                refuse(Code.CONFLICTING_PARAMETERS, hint=f"{one.name} and {other.name} exclude each other.")
        for one, other in self.together:
            if one in changes and other not in changes:
                refuse(Code.MISSING_PARAMETER, hint=f"{one.name} needs {other.name}.")

    def profile_keys(self, sections: Iterable[str]) -> tuple[set[str], set[str]]:
        """Return the keys that show the fields of these sections: of the profile, and of its settings."""
        wanted, top, settings = set(sections), set(), set()
        for of in self.fields:
            if of.section in wanted:
                top |= {of.extra} if of.extra else set()
                match of.sql:
                    case Column(name):
                        top.add(name)
                    case Setting(key) | SettingList(key):
                        settings.add(key)
                    case other if other is not None:
                        top |= set(getattr(other, "keys", ()))
                match of.ldap:
                    case Attribute(name):
                        top.add(name)
                    case AccountSetting(key):
                        settings.add(key)
                    case Several(keys):
                        top |= set(keys)
        return top, settings


NOTHING = FieldSet("nothing")


def _named(name: str, parse: Callable[[str], T], value: str) -> T:
    """Parse, and let a refusal say which parameter it is about."""
    try:
        return parse(value)
    except Refused as no:
        refuse(*no.codes, hint=f"{name}: {no.hint}" if no.hint else name)
