"""What a client knows of its own accounts: which states each may have, by the answers that it got.

An answer that says what has happened leaves one state. After one that does not (503, or a connection that broke) the
account is as it was or as it was to become, and each later answer rules out one of them.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

UNKNOWN = "UNKNOWN"
"""Nobody knows whether it has happened."""
DONE = ""
"""The outcome of what has happened; that of what was refused is its code."""


@dataclass(frozen=True)
class User:
    """A mailbox, as its rows have it."""

    address: str
    name: str
    aliases: frozenset[str] = frozenset()
    forwarding: frozenset[str] = frozenset()
    throttle: int = 0


@dataclass(frozen=True)
class Alias:
    """A mail alias, as its rows have it."""

    address: str
    name: str
    members: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Domain:
    """A domain, as its rows have it."""

    address: str
    name: str
    aliases: frozenset[str] = frozenset()
    catchall: frozenset[str] = frozenset()


Thing = User | Alias | Domain
State = Thing | None


@dataclass(frozen=True)
class Deed:
    """A request that changes something, and what becomes of it in each state."""

    method: str
    path: str
    form: dict[str, str]
    address: str
    """What it is about."""
    change: Callable[[Any], State]
    """From what is there to what is there then."""
    is_creation: bool = False

    def outcome(self, state: State) -> tuple[str, State]:
        """Return what the answer says, and what is there then."""
        is_there = state is not None and state.address == self.address
        if self.is_creation:
            return ("ALREADY_EXISTS", state) if is_there else (DONE, self.change(state))
        missing = "NO_SUCH_DOMAIN" if "@" not in self.address else "NO_SUCH_ACCOUNT"
        return (DONE, self.change(state)) if is_there else (missing, state)


class ContradictionError(AssertionError):
    """An answer that can not be, after those before."""


@dataclass
class Slot:
    """One account in the client's books, under one of its addresses."""

    addresses: tuple[str, str]
    states: frozenset[State] = frozenset({None})
    rests_until: float = 0
    history: list[str] = field(default_factory=list)

    def note(self, deed: Deed, outcome: str) -> None:
        """Take down the outcome of a deed."""
        self.history.append(f"{deed.method} {deed.path} {deed.form}: {outcome or 'done'}")
        if outcome == UNKNOWN:
            self.states |= {deed.outcome(state)[1] for state in self.states}
            return
        left = frozenset(new for said, new in map(deed.outcome, self.states) if said == outcome)
        if not left:
            raise ContradictionError("\n".join([f"It may be {set(self.states)}.", *self.history[-12:]]))
        self.states = left

    @property
    def is_known(self) -> bool:
        return len(self.states) == 1

    @property
    def is_free(self) -> bool:
        return None in self.states


@dataclass
class Tally:
    """What the client has seen altogether."""

    acknowledged: Counter[str] = field(default_factory=Counter)
    unavailable: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    """Requests without an answer of ours, by what came instead."""
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Creations and deletions of users that were acknowledged."""
    seconds: Counter[int] = field(default_factory=Counter)
    """Acknowledged requests by the second in which they were."""
    wrong: list[str] = field(default_factory=list)


def created(thing: Thing, method: str, path: str, form: dict[str, str]) -> Deed:
    """Return the deed that creates something."""
    return Deed(method, path, form, thing.address, lambda _: thing, is_creation=True)


def changed(address: str, path: str, form: dict[str, str], **values: Any) -> Deed:
    """Return the deed that gives something other values."""
    return Deed("PUT", path, form, address, lambda state: replace(state, **values))


def gone(address: str, path: str) -> Deed:
    """Return the deed that deletes something."""
    return Deed("DELETE", path, {}, address, lambda _: None)


def text(values: Iterable[str]) -> str:
    return ",".join(sorted(values))
