"""One work in a directory: what it reads is the state before it, and what it writes waits for its end.

Edits are collected, those of one entry as one modification, and sent by `commit`: as one transaction where the server
has them (OpenLDAP 2.5), else one after the other in the order in which they were said.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

import ldap
from ldap.controls import RequestControl
from ldap.controls.libldap import AssertionControl, SimplePagedResultsControl
from ldap.controls.simple import ValueLessRequestControl
from ldap.extop import ExtendedRequest

from postreeve.storage.directory import filters, names
from postreeve.storage.directory.connections import END_TRANSACTION, START_TRANSACTION, Directory, Lease, Schema
from postreeve.storage.directory.entries import Edit, Entry, Values, octets_of
from postreeve.storage.directory.filters import Filter
from postreeve.storage.directory.names import Tree

PAGE = 512
"""Entries that one answer of a search holds."""
MOST_STEPS = 5000
"""Modifications in one transaction; deleting a larger domain takes several."""
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
        try:
            return bool(self.ask(lambda driver: driver.compare_s(dn, attribute, value.encode())))
        except ldap.NO_SUCH_ATTRIBUTE:
            return False

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
        """Delete an entry with everything below it."""
        below = [entry.dn for entry in self.search(dn, filters.ANYTHING, NAME_ONLY, scope="sub")]
        for each in sorted(below, key=lambda found: -len(names.parts(found))):
            self.delete(each)

    def commit(self) -> None:
        """Send everything that was collected."""
        steps = [step for step in self._steps if step.is_needed()]
        self._forget()
        if not steps:
            return
        if not self._lease.is_held:
            self.find("", NAME_ONLY)  # a connection that died while it was idle is found out by reading
        if not self.directory.has_transactions:
            for step in steps:
                self.ask(lambda driver, step=step: driver.result3(step.send(driver, [])))  # type: ignore[misc]
            return
        for begin in range(0, len(steps), MOST_STEPS):
            batch = steps[begin : begin + MOST_STEPS]
            self.ask(lambda driver, batch=batch: _carry_out(driver, batch))  # type: ignore[misc]

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

    def send(self, driver: Any, controls: list[RequestControl]) -> int:
        """Send it, and return the number by which the answer is asked for."""


@dataclass(frozen=True)
class _Addition:
    dn: str
    attributes: Mapping[str, list[bytes]]

    def is_needed(self) -> bool:
        return True

    def send(self, driver: Any, controls: list[RequestControl]) -> int:
        return int(driver.add_ext(self.dn, list(self.attributes.items()), serverctrls=controls))


class _Modification:
    def __init__(self, edit: Edit, session: Session) -> None:
        self.edit = edit
        self.session = session
        self._changes: list[tuple[int, str, list[bytes] | None]] = []
        self._stamp = ""

    def is_needed(self) -> bool:
        self._changes = self.session.modifications(self.edit)
        self._stamp = self.session.stamp(self.edit.dn)
        return bool(self._changes)

    def send(self, driver: Any, controls: list[RequestControl]) -> int:
        asserted = [AssertionControl(True, filters.equal(STAMP, self._stamp))] if self._stamp else []
        return int(driver.modify_ext(self.edit.dn, self._changes, serverctrls=[*controls, _PERMISSIVE, *asserted]))


@dataclass(frozen=True)
class _Renaming:
    dn: str
    new: str

    def is_needed(self) -> bool:
        return names.key(self.dn) != names.key(self.new)

    def send(self, driver: Any, controls: list[RequestControl]) -> int:
        above = names.parent(self.new)
        superior = None if names.key(above) == names.key(names.parent(self.dn)) else above
        own = names.rdn(*names.parts(self.new)[0])
        return int(driver.rename(self.dn, own, superior, serverctrls=controls))


@dataclass(frozen=True)
class _Deletion:
    dn: str

    def is_needed(self) -> bool:
        return True

    def send(self, driver: Any, controls: list[RequestControl]) -> int:
        return int(driver.delete_ext(self.dn, serverctrls=controls))


class _Part(RequestControl):  # type: ignore[misc]
    """Says that a request is part of a transaction."""

    def __init__(self, transaction: bytes) -> None:
        super().__init__("1.3.6.1.1.21.2", criticality=True)
        self.transaction = transaction

    def encodeControlValue(self) -> bytes:  # noqa: N802 - the driver's name
        return self.transaction


def _carry_out(driver: Any, steps: Sequence[_Step]) -> None:
    """Make several requests one: all of them happen, or none."""
    _, given = driver.extop_result(driver.extop(ExtendedRequest(START_TRANSACTION, None)))
    transaction = given or b""
    try:
        for step in steps:
            driver.result3(step.send(driver, [_Part(transaction)]))
    except ldap.LDAPError:
        with suppress(ldap.LDAPError):
            _end(driver, transaction, is_good=False)
        raise
    _end(driver, transaction, is_good=True)


def _end(driver: Any, transaction: bytes, *, is_good: bool) -> None:
    """Commit a transaction, or give it up: a SEQUENCE of a BOOLEAN, which is TRUE when it is missing, and the id."""
    body = (b"" if is_good else b"\x01\x01\x00") + b"\x04" + bytes([len(transaction)]) + transaction
    driver.extop_result(driver.extop(ExtendedRequest(END_TRANSACTION, b"\x30" + bytes([len(body)]) + body)))
