"""The pages' door: how a slice's pages are registered, what they may ask, and what they answer.

A page is a plain function of an `Ask` and the segments of its path. What it does goes through `ask.run`, so that it can
do nothing that the API can not. It knows no store, and its template no back end.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from postreeve import operations
from postreeve.errors import Refused
from postreeve.fields import Form
from postreeve.operations import REGISTRY, Answer, Call
from postreeve.permissions import Actor, Target
from postreeve.sessions.store import SessionKind
from postreeve.translations import Language
from postreeve.work import LongText, Remarks, Storage, Streamed

MOUNT = "/iredadmin"
PANEL, SELF_SERVICE = SessionKind.PANEL, SessionKind.SELF_SERVICE

P = TypeVar("P", bound=Callable[..., "View"])


def N_(text: str) -> str:  # noqa: N802 - the name by which gettext's tools know it
    """Mark a text that is translated where it is shown."""
    return text


@dataclass(frozen=True)
class Shown:
    """A template with what it shows; the title is the page's own if none is given."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    status: int = 200


@dataclass(frozen=True)
class Redirect:
    """The way to another page, below the mount point, with something to say there."""

    path: str
    notice: str = ""
    opened: str | None = None
    """The id of a session that a login has opened; empty when one has ended."""
    theme: str | None = None
    """`light`, `dark`, or empty for what the browser prefers."""


@dataclass(frozen=True)
class Download:
    """A file for the browser to keep, written as it is read."""

    name: str
    media_type: str
    pieces: Iterable[str]


View = Shown | Redirect | Download


@dataclass(frozen=True)
class Problem:
    """Why what was asked for was refused."""

    sentences: tuple[str, ...]
    hint: str = ""
    """In English, such as the name of a parameter: from within the operation."""
    code: str = ""


@dataclass
class Ask:
    """One request for a page."""

    storage: Storage
    path: str
    """Below the mount point, such as `/domains`."""
    query: Form
    form: Form
    """What a form has sent; empty when a page is just looked at."""
    client: str
    language: Language
    actor: Actor | None = None
    token: str = ""
    """The id of the session."""
    csrf: str = ""
    """Stands in every form."""
    theme: str = ""
    problem: Problem | None = None
    """Set when a form's request was refused and the page is shown again; `form` has what was typed."""
    remarks: Remarks = field(default_factory=Remarks)
    """What the operations said besides their answers; the layout shows it."""
    face: SessionKind = PANEL
    """The kind of session that the page is for."""

    @property
    def admin(self) -> Actor:
        """Who asks, where a session was needed to come here."""
        assert self.actor is not None
        return self.actor

    def run(self, route: str, *path: str, **form: str | Sequence[str]) -> Any:  # noqa: ANN401 - what the operation says
        """Carry out an operation such as `GET /api/user/<mail>`, and return its data, long ones read to their end."""
        answer = self.answer(route, *path, **form)
        match answer.data:
            case Streamed(profile, key, items):
                return {**profile, key: list(items)}
            case LongText(pieces):
                return "".join(pieces)
            case Iterator() as items:
                return list(items)
            case data:
                return data

    def answer(self, route: str, *path: str, **form: str | Sequence[str]) -> Answer:
        """Carry out an operation, and return its answer as it comes; who does not read a long one has to close it."""
        sent = {name: [value] if isinstance(value, str) else list(value) for name, value in form.items()}
        via = "[self-service]" if self.face is SELF_SERVICE else ""
        call = Call(self.actor, path, sent, self.client, via, self.token, self.face)
        answer = operations.run(REGISTRY[route], call, self.storage)
        self._note(answer.remarks)
        return answer

    def _note(self, said: Remarks) -> None:
        """Remember what an operation has said besides its answer."""
        self.remarks.ignored += said.ignored
        self.remarks.discarded += said.discarded
        self.remarks.pending += said.pending
        self.remarks.hint = f"{self.remarks.hint} {said.hint}".strip()

    def may(self, route: str, target: Target | None = None) -> bool:
        """Tell whether an operation's rule lets the actor in."""
        return route in REGISTRY and REGISTRY[route].allow(self.actor, target or Target())

    def text(self, name: str, default: str = "") -> str:
        """Return one value of the query string."""
        return next(iter(self.query.get(name, ())), default)

    def typed(self, name: str, default: str = "") -> str:
        """Return one value that a form has sent, the last one."""
        values = self.form.get(name) or [default]
        return values[-1]

    def marked(self, name: str = "mark") -> list[str]:
        """Return what is marked in a table."""
        return list(self.form.get(name, ()))

    def _(self, text: str, **values: object) -> str:
        """Return a text in the reader's language."""
        return self.language.gettext(text, **values)

    def ngettext(self, one: str, many: str, number: int, **values: object) -> str:
        """Return one of two texts, by a number, in the reader's language."""
        return self.language.ngettext(one, many, number, **values)

    def explain(self, no: Refused) -> Problem:
        """Return a refusal in the reader's language."""
        sentences = tuple(self.language.gettext(code.value) for code in no.codes)
        return Problem(sentences, no.hint, no.codes[0].name)

    def one_each(self, names: Iterable[str], deed: Callable[[str], object]) -> "Results":
        """Do something to each of several accounts by itself, and return what became of each."""
        results = Results()
        for name in names:
            try:
                deed(name)
                results.done.append(name)
            except Refused as no:
                results.refused[name] = self.explain(no)
        return results


@dataclass
class Results:
    """What became of each of several accounts."""

    done: list[str] = field(default_factory=list)
    refused: dict[str, Problem] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """One page, or what its form asks for."""

    method: str
    template: str
    """Of its path, below the mount point: `/users/<domain>`."""
    title: str
    function: Callable[..., View]
    face: SessionKind
    is_open: bool
    is_secretive: bool
    takes_file: bool
    is_embeddable: bool

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in self.template.split("/") if part)


PAGES: dict[str, Page] = {}
"""Every page under its method and path template, such as `GET /users/<domain>`."""


def page(  # noqa: PLR0913 - each option says one thing about a page
    route: str,
    *,
    title: str = "",
    face: SessionKind = PANEL,
    is_open: bool = False,
    is_secretive: bool = False,
    takes_file: bool = False,
    is_embeddable: bool = False,
) -> Callable[[P], P]:
    """Register a function as a page, below the mount point.

    A `POST` page is what a form sends to; when it is refused, the `GET` page of the same path is shown again with what
    was typed. `face` is the kind of session that is needed, but for open pages, which are for everybody. A secretive
    page's refusals all take the same time. An embeddable one takes what a form on somebody else's page sends.
    """

    def register(function: P) -> P:
        method, _, template = route.partition(" ")
        PAGES[route] = Page(method, template, title, function, face, is_open, is_secretive, takes_file, is_embeddable)
        return function

    return register


def path_to(*segments: str, **query: str) -> str:
    """Return the path of a page, below the mount point; what stands in a segment stays within it."""
    path = "/" + "/".join(quote(segment, safe="@.-_~+") for segment in segments)
    return f"{path}?{urlencode(query)}" if query else path


def local_path(path: str) -> str:
    """Return a path below the mount point that somebody was sent from, or the first page."""
    return path if re.fullmatch(r"/(?![/\\])[^\x00-\x20\\\x7f]*", path) else "/"
