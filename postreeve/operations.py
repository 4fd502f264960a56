"""Operations, their registry, and `run`, the one door through which every face goes."""

import inspect
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from postreeve.activity.store import Line
from postreeve.doctor.findings import MENDABLE
from postreeve.errors import Code, refuse
from postreeve.fields import ADDRESS, DAYS, DOMAIN, NOTHING, SCOPE, Changes, FieldSet, Form, Kind, keys_of, one_of
from postreeve.mail_log.fields import MAIL_ID
from postreeve.newsletter.fields import LIST_ID, REQUEST, TOKEN
from postreeve.passwords.ahead import HashedAhead
from postreeve.permissions import Actor, Grant, Rule, Target, anyone, authorize, outranks
from postreeve.sessions.store import SessionKind
from postreeve.values import Address, DomainName, Scope
from postreeve.work import (
    ConflictError,
    DuplicateError,
    LongText,
    Profile,
    Rehearsal,
    Remarks,
    Storage,
    StoreUnavailableError,
    Streamed,
    Work,
)

F = TypeVar("F", bound=Callable[..., Any])
ATTEMPTS = 4
_PAUSE_SECONDS = 0.02

PATH_PARAMETERS: Mapping[str, Kind[Any]] = {
    "<domain>": DOMAIN,
    "<mail>": ADDRESS,
    "<new_mail>": ADDRESS,
    "<number>": DAYS,
    "<scope>": SCOPE,
    "<direction>": one_of(["inbound", "outbound"]),
    "<list>": one_of(["whitelist", "blacklist"]),
    "<list_id>": LIST_ID,
    "<request>": REQUEST,
    "<token>": TOKEN,
    "<mail_id>": MAIL_ID,
    "<ailment>": one_of([ailment.value for ailment in MENDABLE]),
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
    preference: str
    shows: FieldSet | None
    is_secretive: bool
    summary: str
    is_account: bool
    is_own: bool
    is_made_of_others: bool

    @property
    def parameters(self) -> tuple[str, ...]:
        """The path parameters in their order, with their brackets."""
        return tuple(part for part in self.template.split("/") if part.startswith("<"))

    @property
    def argument_names(self) -> tuple[str, ...]:
        """The names of the function's arguments, which the path gives but for one's own account."""
        return ("<mail>", *self.parameters) if self.is_own else self.parameters


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
    preference: str = "",
    shows: FieldSet | None = None,
    is_secretive: bool = False,
    is_account: bool = True,
    is_own: bool = False,
    is_made_of_others: bool = False,
) -> Callable[[F], F]:
    """Register a function as an operation.

    `event` is the word of the activity log; an operation with one changes something. `claims` names the path
    parameters that become addresses or domains of ours, `frees` those that are so no longer; a claim that is no
    parameter is held as it stands, where a set is replaced that belongs to nobody. `section` is the
    profile section that closes the whole operation for domain admins, `preference` what closes it for mail users in
    their self-service. `shows` is whose profile is answered, so that
    closed sections and hidden keys are left out. A secretive operation's refusals all take the same time.
    `is_account` is false when outranking does not matter: the path names a thing nobody can log in to. `is_own` makes
    an operation of one's own account: the path does not name it, the function gets it as its first argument `mail`.
    One that is made of others gets no stores but the `Caller`: each of the others has its own rule, work and log line.
    """

    def register(function: F) -> F:
        method, _, template = route.partition(" ")
        summary = (inspect.getdoc(function) or "").partition("\n")[0].rstrip(".")
        REGISTRY[route] = Operation(
            method, template, chapter, function, allow, fields, event,
            claims, frees, section, preference, shows, is_secretive, summary, is_account, is_own,
            is_made_of_others,
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
    kind: SessionKind = SessionKind.API
    """Which sessions the face has, such as the panel's."""
    rehearsal: Rehearsal | None = None
    """Judge the request as if those that are rehearsed here had been carried out, and change nothing."""
    hashed: HashedAhead | None = None
    """The hash of the password in the form, where another thread makes it."""


@dataclass(frozen=True)
class Answer:
    """What an operation gives back: data, a stream of profiles or texts, or nothing, and what is to be said besides."""

    data: Any
    remarks: Remarks = field(default_factory=Remarks)


@dataclass(frozen=True)
class Caller:
    """Somebody who asks for one operation after another."""

    call: Call
    """Who, and from where; path and form are those of each operation."""
    storage: Storage

    def __call__(
        self,
        route: str,
        path: tuple[str, ...],
        form: Form,
        rehearsal: Rehearsal | None = None,
        hashed: HashedAhead | None = None,
    ) -> Answer:
        """Carry out an operation such as `GET /api/user/<mail>`, or rehearse it."""
        call = replace(self.call, path=path, form=form, rehearsal=rehearsal, hashed=hashed)
        return run(REGISTRY[route], call, self.storage)


def run(wanted: Operation, call: Call, storage: Storage) -> Answer:
    """Carry out one request: parse, authorize, open the stores, decide, write, log."""
    parsed = (PATH_PARAMETERS[name].parse(given) for name, given in zip(wanted.parameters, call.path, strict=True))
    arguments = (_own_account(call.actor), *parsed) if wanted.is_own else tuple(parsed)
    changes = wanted.fields.read(call.form)
    grant = authorize(call.actor, wanted.allow, _target(arguments))
    if wanted.is_made_of_others:
        data = wanted.function(Caller(call, storage), *arguments, *_given(wanted, changes))
        return Answer(data, Remarks(ignored=changes.ignored, discarded=changes.discarded))
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _carry_out(wanted, call, storage, grant, arguments, changes)
        except DuplicateError:
            refuse(Code.ALREADY_EXISTS)
        except ConflictError as error:
            if attempt == ATTEMPTS:
                raise StoreUnavailableError("Other writers were always faster.") from error
            time.sleep(_PAUSE_SECONDS * attempt**2 * (0.5 + secrets.randbelow(1000) / 1000))  # not in step with others
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
        if (taken or wanted.frees) and call.rehearsal is None:
            stack.enter_context(storage.claim(taken, _named(wanted, wanted.frees, arguments)))
        work = stack.enter_context(storage.open(grant, call.client, call.via, call.token, call.kind))
        work.remarks.ignored += changes.ignored
        work.remarks.discarded += changes.discarded
        work.hashed = call.hashed
        work.rehearsal = rehearsed = call.rehearsal.further() if call.rehearsal else None
        _check_target(wanted, work, changes)
        data = wanted.function(work, *arguments, *_given(wanted, changes))
        if call.rehearsal and rehearsed:
            call.rehearsal.join(rehearsed, taken)
            return Answer(None, work.remarks)
        if wanted.event:
            about = tuple(work.remarks.about)
            work.commit(_line(wanted, call, grant, changes, about) if changes or wanted.method != "PUT" else None)
        if wanted.is_own and wanted.shows is not None:
            data = _own_part(work, wanted.shows, data)
        elif wanted.shows is not None and not isinstance(data, list):  # a list holds names alone
            data = _visible(work, wanted.shows, data)
        if isinstance(data, Streamed):
            data.items = _until_read(data.items, stack.pop_all())
        elif isinstance(data, LongText):
            data.pieces = _until_read(data.pieces, stack.pop_all())
        elif isinstance(data, Iterator):
            data = _until_read(data, stack.pop_all())
        return Answer(data, work.remarks)


def _given(wanted: Operation, changes: Changes) -> tuple[Changes, ...]:
    """Return what the function of an operation gets of the parameters: those without any get nothing."""
    return (changes,) if wanted.fields is not NOTHING else ()


def _check_target(wanted: Operation, work: Work, changes: Changes) -> None:
    """Refuse what this admin may not do to this target: outranked, closed sections, fields of global admins."""
    actor, target = work.grant.actor, work.grant.target
    if actor is None or actor.is_global:
        return
    if not actor.is_admin:
        _check_preferences(wanted, work, changes)
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


def _check_preferences(wanted: Operation, work: Work, changes: Changes) -> None:
    """Refuse what a mail user's domain has closed to its users, and to change what is no preference of theirs."""
    if wanted.allow is anyone:
        return
    closed = _closed_preferences(work)
    if wanted.preference in closed:
        refuse(Code.PERMISSION_DENIED, hint=f"The preference {wanted.preference} is closed.")
    for changed in changes if wanted.event else ():
        preference = changed.preference or wanted.preference
        if not preference or preference in closed:
            refuse(Code.PERMISSION_DENIED, hint=changed.name)


def _closed_preferences(work: Work) -> frozenset[str]:
    owner = work.grant.owner
    return work.domains.closed_sections("preference", (owner.domain,)) if owner else frozenset()


def _own_part(work: Work, fields: FieldSet, profile: Profile) -> Profile:
    """Return of somebody's own profile the keys of these parameters, but for those that are closed."""
    closed = _closed_preferences(work)
    top, in_settings = keys_of(of for of in fields if of.preference not in closed)
    settings = "accountSetting" if "accountSetting" in profile else "settings"
    shown = {key: value for key, value in profile.items() if key in top or key in _NAMING}
    return {**shown, settings: {key: value for key, value in profile[settings].items() if key in in_settings}}


_NAMING = frozenset({"mail", "username"})
"""The keys of a profile that say whose it is."""


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


def _line(wanted: Operation, call: Call, grant: Grant, changes: Changes, about: tuple[Address, ...]) -> Line:
    """Return the line of the activity log: names of parameters, never their values."""
    target = Target(tuple(account.domain for account in about), about) if about else grant.target
    choices = [word for name, word in zip(wanted.parameters, call.path, strict=True) if _is_said(name)]
    subject = " ".join([*choices, _subject(target, about)])
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


MOST_NAMED = 10
"""Accounts that a line names where an operation has been about more than the path says."""


def _subject(target: Target, about: tuple[Address, ...]) -> str:
    if about:
        return f"{', '.join(about[:MOST_NAMED])}{f' and {more} more' if (more := len(about) - MOST_NAMED) > 0 else ''}"
    return " -> ".join(target.accounts) or target.domain or "global"


def _is_said(parameter: str) -> bool:
    """Tell whether a parameter of the path is repeated in the log: a choice, or what names a thing and is no secret."""
    return parameter == "<mail_id>" or "enum" in PATH_PARAMETERS[parameter].schema


def _named(wanted: Operation, parameters: Iterable[str], arguments: tuple[Any, ...]) -> set[str]:
    """Return the values of some path parameters, which are named without their brackets, and what is no parameter."""
    named = dict(zip(wanted.argument_names, arguments, strict=True))
    values = [named.get(f"<{name}>", name) for name in parameters]
    return {value.name if isinstance(value, Scope) else str(value) for value in values}


def _own_account(actor: Actor | None) -> Address:
    return actor.account if actor else refuse(Code.LOGIN_REQUIRED)


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
