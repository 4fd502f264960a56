"""One work in a directory: what it reads is the state before it, and what it writes waits for its end.

Edits are collected, those of one entry as one modification, and sent by `commit` in the order in which they were said.
There are no transactions to rely on (see `docs/decisions/`), so what was done before a refusal is taken back.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

import ldap
from ldap.controls import RequestControl
from ldap.controls.libldap import AssertionControl, SimplePagedResultsControl
from ldap.controls.readentry import PreReadControl
from ldap.controls.simple import ValueLessRequestControl

from postreeve.storage.directory import filters, names
from postreeve.storage.directory.connections import Directory, Lease, Schema
from postreeve.storage.directory.entries import Edit, Entry, Values, octets_of
from postreeve.storage.directory.filters import Filter
from postreeve.storage.directory.names import Tree
from postreeve.work import ConflictError, DuplicateError, StoreUnavailableError

log = logging.getLogger("postreeve.storage")

PAGE = 512
"""Entries that one answer of a search holds."""
EVERYTHING = ("*",)
NAME_ONLY = ("1.1",)
STAMP = "entryCSN"
"""The operational attribute that changes with each modification of an entry."""

Scope = Literal["base", "one", "sub"]
_SCOPES = {"base": ldap.SCOPE_BASE, "one": ldap.SCOPE_ONELEVEL, "sub": ldap.SCOPE_SUBTREE}
_PERMISSIVE = ValueLessRequestControl("1.2.840.113556.1.4.1413", criticality=True)
"""Inserting a value that is there already is no error."""


class Locks(Protocol):
    """What keeps an entry for one work alone until it ends; a directory itself has no locks."""

    def take(self, *wanted: str) -> None:
        """Wait for some names, all together; those that this work has already are had at once."""

    def wait(self, name: str) -> None:
        """Wait until no other work has a name, without taking it."""


class Session:
    """One connection to a directory, for one work."""

    def __init__(self, directory: Directory, locks: Locks | None = None) -> None:
        self.directory = directory
        self._locks = locks
        self._lease = Lease(directory)
        self._steps: list[_Step] = []
        self._edits: dict[str, Edit] = {}
        self._stamps: dict[str, str] = {}
        self._is_paging = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def tree(self) -> Tree:
        return self.directory.tree

    @property
    def schema(self) -> Schema:
        return self.directory.schema

    # Reading

    def find(self, dn: str, attributes: Sequence[str] = EVERYTHING) -> Entry | None:
        """Return an entry, or None if it is not there."""
        found = self._searched(dn, "base", filters.ANYTHING, attributes, [])[0]
        return found[0] if found else None

    def search(
        self, base: str, condition: Filter, attributes: Sequence[str] = EVERYTHING, *, scope: Scope = "one"
    ) -> Iterator[Entry]:
        """Yield the entries below a base that meet a condition, page by page; none, if the base is not there.

        Other reading goes on meanwhile: a second search that has pages takes a connection of its own, since a server
        keeps one place in the pages of each connection.
        """
        if self._is_paging:
            with Session(self.directory) as other:
                yield from other.search(base, condition, attributes, scope=scope)
            return
        self._is_paging = True
        try:
            cookie = b""
            while True:
                control = SimplePagedResultsControl(True, PAGE, cookie)
                entries, controls = self._searched(base, scope, condition, attributes, [control])
                yield from entries
                cookie = next((found.cookie for found in controls if found.controlType == control.controlType), b"")
                if not cookie:
                    return
        finally:
            self._is_paging = False

    def count(self, base: str, condition: Filter, *, scope: Scope = "one") -> int:
        """Count the entries below a base that meet a condition."""
        return sum(1 for _ in self.search(base, condition, NAME_ONLY, scope=scope))

    def compare(self, dn: str, attribute: str, value: str) -> bool:
        """Tell whether an attribute holds a value, without reading it; False, if the entry is not there."""

        def send(driver: Any) -> bool:
            try:
                return bool(driver.compare_s(dn, attribute, value.encode()))
            except (ldap.NO_SUCH_ATTRIBUTE, ldap.NO_SUCH_OBJECT):
                return False

        return bool(self.ask(send))

    def lock(self, dn: str, attributes: Sequence[str] = EVERYTHING) -> Entry | None:
        """Return an entry, and keep other works that lock it away until this one ends.

        An edit of it fails with `ConflictError` if anybody else has changed it meanwhile, locking or not.
        """
        if self._locks:
            self._locks.take(names.value(dn).lower())
        entry = self.find(dn, (*attributes, STAMP))
        if entry:
            self._stamps[names.key(dn)] = entry.text(STAMP)
        return entry

    def await_others(self, name: str) -> None:
        """Wait until no other work has locked the entry of an address or domain."""
        if self._locks:
            self._locks.wait(name.lower())

    def is_locked(self, dn: str) -> bool:
        """Tell whether this work has locked an entry that is there."""
        return bool(self.stamp(dn))

    # Writing

    def add(self, dn: str, attributes: Mapping[str, Values]) -> None:
        """Add an entry; attributes without values, and those that this server does not know, are left out."""
        known = {name: self._distinct(name, octets_of(values)) for name, values in attributes.items()}
        self._steps.append(_Addition(dn, {name: values for name, values in known.items() if values}))

    def edit(self, dn: str) -> Edit:
        """Return the edit of an entry, to which every part of the work adds what it changes."""
        key = names.key(dn)
        if (edit := self._edits.get(key)) is None:
            edit = self._edits[key] = Edit(dn)
            self._steps.append(_Modification(edit, self))
        return edit

    def rename(self, dn: str, new: str) -> None:
        """Give an entry another name, also below another parent."""
        self._steps.append(_Renaming(dn, new))

    def delete(self, dn: str) -> None:
        """Delete an entry without others below it."""
        self._steps.append(_Deletion(dn))

    def delete_tree(self, dn: str) -> None:
        """Delete an entry with everything below it; once that has begun it is not taken back, but may be repeated."""
        below = [entry.dn for entry in self.search(dn, filters.ANYTHING, NAME_ONLY, scope="sub")]
        for each in sorted(below, key=lambda found: -len(names.parts(found))):
            self._steps.append(_Deletion(each, is_for_good=True))

    def also(self, do: Callable[[], None], undo: Callable[[], None]) -> None:
        """Write to another store when its turn comes, after what was said before; `undo` is how to take that back."""
        self._steps.append(_Elsewhere(do, undo))

    def commit(self) -> None:
        """Send everything that was collected, in its order; where a step fails, take those before it back."""
        steps = [step for step in self._steps if step.is_needed()]
        self._forget()
        if steps and not self._lease.is_held:
            self.find("", NAME_ONLY)  # a connection that died while it was idle is found out by reading
        ways_back: list[_Step | None] = []
        for step in steps:
            try:
                ways_back.append(self.ask(step.carry_out))
            except Exception:
                self._take_back(ways_back)
                raise

    def _take_back(self, ways_back: Sequence["_Step | None"]) -> None:
        """Undo what was done, the last first; what a broken connection leaves undone is for the log."""
        for step in reversed([step for step in ways_back if step]):
            try:
                self.ask(step.carry_out)
            except (ldap.LDAPError, ConflictError, DuplicateError, StoreUnavailableError) as error:
                log.warning("Half of a change stays in the directory: %s at %s", error, step)

    def rollback(self) -> None:
        """Forget everything that was collected."""
        self._forget()

    def rest(self) -> None:
        """Give the connection back until the next use: a reader may be slow. A search with pages needs it."""
        if not self._is_paging:
            self._lease.end()

    def close(self) -> None:
        """Forget what was not committed, and give the connection back."""
        self._forget()
        self._lease.end()

    def ask(self, send: Callable[[Any], Any]) -> Any:
        """Ask the driver itself."""
        return self._lease.ask(send)

    def _forget(self) -> None:
        self._steps, self._edits, self._stamps = [], {}, {}

    def _searched(
        self, base: str, scope: Scope, condition: Filter, attributes: Sequence[str], controls: list[RequestControl]
    ) -> tuple[list[Entry], list[Any]]:
        def send(driver: Any) -> tuple[list[Any], list[Any]]:
            number = driver.search_ext(base, _SCOPES[scope], condition, list(attributes), serverctrls=controls)
            try:
                _, found, _, answered = driver.result3(number)
            except ldap.NO_SUCH_OBJECT:
                return [], []
            return found, answered

        found, answered = self.ask(send)
        return [Entry(dn, values) for dn, values in found if dn is not None], answered

    def _distinct(self, name: str, values: list[bytes]) -> list[bytes]:
        """Return values that the server does not take for the same; none, if it does not know the attribute."""
        if not self.schema.knows(name):
            return []
        return list({self.schema.folded(name, value): value for value in values}.values())

    def modifications(self, edit: Edit) -> list[tuple[int, str, list[bytes] | None]]:
        """Return an edit as the driver takes it, without attributes that this server does not know.

        A value that goes is inserted first: then it is there to be removed, whoever has removed it before.
        """
        found: list[tuple[int, str, list[bytes] | None]] = []
        for name, change in edit.changes():
            if not self.schema.knows(name):
                continue
            if change.replaced is not None:
                found.append((ldap.MOD_REPLACE, name, self._distinct(name, list(change.replaced)) or None))
                continue
            if coming := self._distinct(name, [*change.removed, *change.inserted]):
                found.append((ldap.MOD_ADD, name, coming))
            if going := self._distinct(name, list(change.removed)):
                found.append((ldap.MOD_DELETE, name, going))
        return found

    def stamp(self, dn: str) -> str:
        """Return the stamp that an entry had when it was locked."""
        return self._stamps.get(names.key(dn), "")


class _Step(Protocol):
    """One request that changes something."""

    def is_needed(self) -> bool: ...

    def carry_out(self, driver: Any) -> "_Step | None":
        """Send the request, and return the one that takes it back."""


@dataclass(frozen=True)
class _Addition:
    dn: str
    attributes: Mapping[str, list[bytes]]

    def is_needed(self) -> bool:
        return True

    def carry_out(self, driver: Any) -> _Step:
        driver.add_s(self.dn, list(self.attributes.items()))
        return _Deletion(self.dn, is_for_good=True)


@dataclass(frozen=True)
class _Restoration:
    """Gives attributes the values that they had."""

    dn: str
    before: Sequence[tuple[int, str, list[bytes] | None]]

    def is_needed(self) -> bool:
        return True

    def carry_out(self, driver: Any) -> None:
        driver.modify_s(self.dn, self.before)


class _Modification:
    """All edits of one entry."""

    def __init__(self, edit: Edit, session: Session) -> None:
        self.edit = edit
        self.session = session
        self._changes: list[tuple[int, str, list[bytes] | None]] = []
        self._stamp = ""

    def is_needed(self) -> bool:
        self._changes = self.session.modifications(self.edit)
        self._stamp = self.session.stamp(self.edit.dn)
        return bool(self._changes)

    def carry_out(self, driver: Any) -> _Step:
        touched = list(dict.fromkeys(name for _, name, _ in self._changes))
        asserted = [AssertionControl(True, filters.equal(STAMP, self._stamp))] if self._stamp else []
        controls = [_PERMISSIVE, PreReadControl(True, touched), *asserted]
        _, _, _, answered = driver.modify_ext_s(self.edit.dn, self._changes, serverctrls=controls)
        before = Entry(self.edit.dn, _before(answered))
        return _Restoration(self.edit.dn, [(ldap.MOD_REPLACE, name, before.octets(name) or None) for name in touched])


@dataclass(frozen=True)
class _Renaming:
    dn: str
    new: str

    def is_needed(self) -> bool:
        return names.key(self.dn) != names.key(self.new)

    def carry_out(self, driver: Any) -> _Step:
        above = names.parent(self.new)
        superior = None if names.key(above) == names.key(names.parent(self.dn)) else above
        driver.rename_s(self.dn, names.rdn(*names.parts(self.new)[0]), superior)
        return _Renaming(self.new, self.dn)


@dataclass(frozen=True)
class _Deletion:
    dn: str
    is_for_good: bool = False

    def is_needed(self) -> bool:
        return True

    def carry_out(self, driver: Any) -> _Step | None:
        if self.is_for_good:
            driver.delete_s(self.dn)
            return None
        _, _, _, answered = driver.delete_ext_s(self.dn, serverctrls=[PreReadControl(True, list(EVERYTHING))])
        return _Addition(self.dn, _before(answered))


@dataclass(frozen=True)
class _Elsewhere:
    """What a work writes to another store."""

    do: Callable[[], None]
    undo: Callable[[], None]

    def is_needed(self) -> bool:
        return True

    def carry_out(self, _driver: Any) -> _Step:
        self.do()
        return _Elsewhere(self.undo, self.do)


def _before(controls: Sequence[Any]) -> dict[str, list[bytes]]:
    """Return the attributes of an entry as they were, from the controls of an answer."""
    return next((found.entry for found in controls if found.controlType == PreReadControl.controlType), {})
