"""Operations, their registry, and `run`, the one door through which every face goes."""

import inspect
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from postreeve.activity.store import Line
from postreeve.errors import Code, refuse
from postreeve.fields import ADDRESS, DAYS, DOMAIN, NOTHING, SCOPE, Changes, FieldSet, Form, Kind, one_of
from postreeve.permissions import Actor, Grant, Rule, Target, authorize, outranks
from postreeve.values import Address, DomainName, Scope
from postreeve.work import (
    ConflictError,
    DuplicateError,
    LongText,
    Profile,
    Remarks,
    Storage,
    StoreUnavailableError,
    Streamed,
    Work,
)

F = TypeVar("F", bound=Callable[..., Any])
ATTEMPTS = 4

PATH_PARAMETERS: Mapping[str, Kind[Any]] = {
    "<domain>": DOMAIN,
    "<mail>": ADDRESS,
    "<new_mail>": ADDRESS,
    "<number>": DAYS,
    "<scope>": SCOPE,
    "<direction>": one_of(["inbound", "outbound"]),
    "<list>": one_of(["whitelist", "blacklist"]),
}


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked for."""

    method: str
    template: str
    chapter: str
    function: Callable[..., Any]
    allow: Rule
    fields: FieldSet
    event: str
    claims: tuple[str, ...]
    frees: tuple[str, ...]
    section: str
    shows: FieldSet | None
    is_secretive: bool
    summary: str
    is_account: bool

    @property
    def parameters(self) -> tuple[str, ...]:
        """The path parameters in their order, with their brackets."""
        return tuple(part for part in self.template.split("/") if part.startswith("<"))


REGISTRY: dict[str, Operation] = {}
"""Every operation under its method and path template, such as `GET /api/user/<mail>`."""


def operation(  # noqa: PLR0913 - each option says one thing about an operation
    route: str,
    chapter: str,
    *,
    allow: Rule,
    fields: FieldSet = NOTHING,
    event: str = "",
    claims: tuple[str, ...] = (),
    frees: tuple[str, ...] = (),
    section: str = "",
    shows: FieldSet | None = None,
    is_secretive: bool = False,
    is_account: bool = True,
) -> Callable[[F], F]:
    """Register a function as an operation.

    `event` is the word of the activity log; an operation with one changes something. `claims` names the path
    parameters that become addresses or domains of ours, `frees` those that are so no longer; a claim that is no
    parameter is held as it stands, where a set is replaced that belongs to nobody. `section` is the
    profile section that closes the whole operation for domain admins. `shows` is whose profile is answered, so that
    closed sections and hidden keys are left out. A secretive operation's refusals all take the same time.
    `is_account` is false when outranking does not matter: the path names a thing nobody can log in to.
    """

    def register(function: F) -> F:
        method, _, template = route.partition(" ")
        summary = (inspect.getdoc(function) or "").partition("\n")[0].rstrip(".")
        REGISTRY[route] = Operation(
            method, template, chapter, function, allow, fields, event,
            claims, frees, section, shows, is_secretive, summary, is_account,
        )  # fmt: skip
        return function

    return register


@dataclass(frozen=True)
class Call:
    """One request, as any face puts it."""

    actor: Actor | None
    path: tuple[str, ...]
    form: Form
    client: str
    via: str = ""
    """Stands before the text of the activity log, such as `[API]`."""
    token: str = ""
    """The id of the session, if the face has one."""


@dataclass(frozen=True)
class Answer:
    """What an operation gives back: data, a stream of profiles or texts, or nothing, and what is to be said besides."""

    data: Any
    remarks: Remarks = field(default_factory=Remarks)


def run(wanted: Operation, call: Call, storage: Storage) -> Answer:
    """Carry out one request: parse, authorize, open the stores, decide, write, log."""
    arguments = tuple(
        PATH_PARAMETERS[name].parse(given) for name, given in zip(wanted.parameters, call.path, strict=True)
    )
    changes = wanted.fields.read(call.form)
    grant = authorize(call.actor, wanted.allow, _target(arguments))
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _carry_out(wanted, call, storage, grant, arguments, changes)
        except DuplicateError:
            refuse(Code.ALREADY_EXISTS)
        except ConflictError as error:
            if attempt == ATTEMPTS:
                raise StoreUnavailableError("Other writers were always faster.") from error
            time.sleep(0.02 * attempt**2)
    raise AssertionError


def _carry_out(  # noqa: PLR0913 - the parts of one request
    wanted: Operation,
    call: Call,
    storage: Storage,
    grant: Grant,
    arguments: tuple[Any, ...],
    changes: Changes,
) -> Answer:
    with ExitStack() as stack:
        taken = _named(wanted, wanted.claims, arguments) | (changes.own() if wanted.event else set())
        if taken or wanted.frees:
            stack.enter_context(storage.claim(taken, _named(wanted, wanted.frees, arguments)))
        work = stack.enter_context(storage.open(grant, call.client, call.via, call.token))
        work.remarks.ignored += changes.ignored
        work.remarks.discarded += changes.discarded
        _check_target(wanted, work, changes)
        given = (changes,) if wanted.fields is not NOTHING else ()
        data = wanted.function(work, *arguments, *given)
        if wanted.event:
            work.commit(_line(wanted, call, grant, changes) if changes or wanted.method != "PUT" else None)
        if wanted.shows is not None and not isinstance(data, list):  # a list holds names alone
            data = _visible(work, wanted.shows, data)
        if isinstance(data, Streamed):
            data.items = _until_read(data.items, stack.pop_all())
        elif isinstance(data, LongText):
            data.pieces = _until_read(data.pieces, stack.pop_all())
        elif isinstance(data, Iterator):
            data = _until_read(data, stack.pop_all())
        return Answer(data, work.remarks)


def _check_target(wanted: Operation, work: Work, changes: Changes) -> None:
    """Refuse what this admin may not do to this target: outranked, closed sections, fields of global admins."""
    actor, target = work.grant.actor, work.grant.target
    if actor is None or actor.is_global:
        return
    if wanted.section:
        kind = "user" if target.account else "domain"
        if wanted.section in work.domains.closed_sections(kind, target.domains):
            refuse(Code.PERMISSION_DENIED, hint=f"The section {wanted.section} is closed.")
    if not wanted.event:
        return
    if wanted.is_account and target.account and not outranks(actor, work.users.rank(target.account)):
        refuse(Code.PERMISSION_DENIED, hint="This account administers more than you do.")
    closed = work.domains.closed_sections(wanted.fields.name, target.domains)
    for changed in changes:
        if changed.only_global or changed.section in closed:
            refuse(Code.PERMISSION_DENIED, hint=changed.name)


def _visible(work: Work, fields: FieldSet, data: Profile | Streamed | Iterator[Profile]) -> Any:  # noqa: ANN401 - as it came
    """Leave out of profiles what is hidden from everybody, and what is closed to this admin."""
    hidden = {
        "user": work.settings.api_hidden_user_profiles,
        "admin": work.settings.api_hidden_admin_profiles,
    }
    always = hidden.get(fields.name, [])
    if isinstance(data, Streamed):
        return replace(data, profile=next(_shown(work, fields, always, [data.profile])))
    if isinstance(data, dict):
        return next(_shown(work, fields, always, [data]))
    return _shown(work, fields, always, data)


def _shown(work: Work, fields: FieldSet, always: Iterable[str], profiles: Iterable[Profile]) -> Iterator[Profile]:
    closed: Mapping[str, tuple[set[str], set[str]]] = {}
    if not work.grant.admin.is_global:
        closed = {
            domain: fields.profile_keys(work.domains.closed_sections(fields.name, (domain,)))
            for domain in work.grant.target.domains or work.grant.admin.domains
        }
    for profile in profiles:
        for key in always:
            profile.pop(key, None)
        if closed:
            top, in_settings = closed[_domain_of(profile)]
            for key in top:
                profile.pop(key, None)
            settings: Profile = profile.get("accountSetting") or profile.get("settings") or {}
            for key in in_settings:
                settings.pop(key, None)
        yield profile


def _domain_of(profile: Profile) -> str:
    """Return the domain of a row, or of an entry, which has lists of values."""
    found = profile.get("domain") or profile.get("domainName") or profile["mail"]
    name: str = found[0] if isinstance(found, list) else found
    return name.rpartition("@")[2].lower()


def _until_read(data: Iterator[Any], stack: ExitStack) -> Iterator[Any]:
    """Keep the stores open until a stream has been read, or thrown away."""
    with stack:
        yield from data


_PLAIN_EVENTS = frozenset({"create", "active", "disable"})
"""Events that say all; to the others belong the names of the parameters."""


def _line(wanted: Operation, call: Call, grant: Grant, changes: Changes) -> Line:
    """Return the line of the activity log: names of parameters, never their values."""
    target = grant.target
    choices = [word for name, word in zip(wanted.parameters, call.path, strict=True) if _is_choice(name)]
    subject = " ".join([*choices, " -> ".join(target.accounts) or target.domain or "global"])
    names = ", ".join(changed.name for changed in changes)
    event = wanted.event
    if event == "update" and names == "accountStatus":
        event = "active" if all(changes.values.values()) else "disable"
    deed = re.split("[;,]", wanted.summary)[0]
    text = f"{deed}: {subject}{f' ({names})' if names and event not in _PLAIN_EVENTS else ''}."
    return Line(
        event=event,
        admin=call.actor.account if call.actor else "",
        ip=call.client,
        domain=target.domain or "",
        username=target.account or "",
        msg=f"{call.via} {text}".lstrip(),
    )


def _is_choice(parameter: str) -> bool:
    return "enum" in PATH_PARAMETERS[parameter].schema


def _named(wanted: Operation, parameters: Iterable[str], arguments: tuple[Any, ...]) -> set[str]:
    """Return the values of some path parameters, which are named without their brackets, and what is no parameter."""
    named = dict(zip(wanted.parameters, arguments, strict=True))
    values = [named.get(f"<{name}>", name) for name in parameters]
    return {value.name if isinstance(value, Scope) else str(value) for value in values}


def _target(arguments: tuple[Any, ...]) -> Target:
    """Return the domains and accounts among the path's arguments; the scope of everybody is none of them."""
    places = [argument.place if isinstance(argument, Scope) else argument for argument in arguments]
    accounts = tuple(place for place in places if isinstance(place, Address))
    domains = tuple(
        place.domain if isinstance(place, Address) else place
        for place in places
        if isinstance(place, Address | DomainName)
    )
    return Target(domains, accounts)
