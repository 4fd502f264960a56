"""Accounts from a table: each row is judged, or carried out, by the ordinary operation."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from postreeve.errors import Code, Refused, refuse
from postreeve.operations import Caller
from postreeve.passwords import is_slow
from postreeve.passwords.ahead import HashedAhead, hashed_ahead
from postreeve.transfer.kinds import MAIL, AccountKind
from postreeve.transfer.tables import Row, read
from postreeve.users.fields import NEW_PASSWORD
from postreeve.values import Address
from postreeve.work import ConflictError, Rehearsal, StoreUnavailableError

PASSWORD = NEW_PASSWORD.name


class ImportOutcome(StrEnum):
    """What became of a row."""

    CREATED = "created"
    READY = "ready"
    """It would be created: nothing has been done."""
    EXISTS = "exists"
    """There is such an account already; it stays as it is."""
    REFUSED = "refused"


@dataclass(frozen=True)
class ImportResult:
    """What became of a row, or would."""

    line: Annotated[int, Meta(description="Number of the line on which the row begins.")]
    mail: Annotated[str, Meta(description="The address, as far as it can be read.")]
    outcome: Annotated[
        ImportOutcome,
        Meta(
            description="`created`, `exists` (an account that is there already stays as it is), `refused`, or, when"
            " nothing was to be done, `ready`."
        ),
    ]
    codes: Annotated[list[str], Meta(description="The message codes of a refusal.")] = field(default_factory=list)
    hint: Annotated[str, Meta(description="A sentence for people.")] = ""
    left_out: Annotated[
        list[str], Meta(description="Parameters that can not be stored here, and values that were left out.")
    ] = field(default_factory=list)


def imported(
    caller: Caller, kind: AccountKind, lines: Iterable[str], *, is_rehearsal: bool, threads: int = 1
) -> Iterator[ImportResult]:
    """Create the accounts of a table, or tell what would become of them, row by row as it is read.

    It may be repeated: what is there already is told and left alone. When a store does not answer, the rest is not
    tried. Refuses at once when the first row does not name parameters. With several threads those hash the passwords
    of the rows that follow, where that takes its time.
    """
    rows = read(lines, {name.lower() for of in kind.secrets for name in of.names})
    columns = _columns(kind, next(rows, None))
    one = _Import(caller, kind, columns, Rehearsal() if is_rehearsal else None)
    scheme = caller.storage.site().default_password_scheme
    if threads == 1 or is_rehearsal or PASSWORD not in columns or not is_slow(scheme):
        return _results(one, ((row, None) for row in rows))
    return _results(one, hashed_ahead(rows, one.password_in, scheme, threads))


def _columns(kind: AccountKind, head: Row | None) -> list[str]:
    """Return the names of the columns."""
    if head is None or head.problem:
        refuse(Code.INVALID_VALUE, hint="The table needs a first row with the names of its columns.")
    known, spelled = kind.columns, [cell.strip() for cell in head.cells]
    columns = [known.get(name.lower(), "") for name in spelled]
    if "" in columns:
        refuse(Code.INVALID_VALUE, hint=f"Unknown column {spelled[columns.index('')][:64]!r}.")
    if MAIL not in columns:
        refuse(Code.INVALID_VALUE, hint=f"There is no column {MAIL}.")
    if double := next((name for name in columns if columns.count(name) > 1), ""):
        refuse(Code.INVALID_VALUE, hint=f"The column {double} is there more than once.")
    return columns


def _results(one: "_Import", rows: Iterable[tuple[Row, HashedAhead | None]]) -> Iterator[ImportResult]:
    for row, hashed in rows:
        mail = one.mail_in(row)
        try:
            yield one.result(row, mail, hashed)
        except Refused as no:
            yield ImportResult(row.line, mail, ImportOutcome.REFUSED, [code.name for code in no.codes], no.hint)
        except (StoreUnavailableError, ConflictError):
            hint = f"{Code.SERVICE_UNAVAILABLE.value} The rows from here on were not tried."
            yield ImportResult(row.line, mail, ImportOutcome.REFUSED, [Code.SERVICE_UNAVAILABLE.name], hint)
            return


class _Import:
    """The rows of one table."""

    def __init__(self, caller: Caller, kind: AccountKind, columns: Sequence[str], rehearsal: Rehearsal | None) -> None:
        self.caller = caller
        self.kind = kind
        self.columns = columns
        self.rehearsal = rehearsal
        self._there: dict[str, frozenset[str]] = {}

    def mail_in(self, row: Row) -> str:
        """Return what stands in the row as its address."""
        at = self.columns.index(MAIL)
        return row.cells[at].strip()[:254] if at < len(row.cells) else ""

    def password_in(self, row: Row) -> str:
        """Return the password of a row that will be carried out; nothing if there is none."""
        at = self.columns.index(PASSWORD)
        mail = self.mail_in(row).lower()
        is_there = mail in self._there.get(mail.rpartition("@")[2], ())
        return row.cells[at] if at < len(row.cells) and not is_there else ""

    def result(self, row: Row, mail: str, hashed: HashedAhead | None) -> ImportResult:
        """Carry out a row, or rehearse it."""
        if row.problem:
            refuse(Code.INVALID_VALUE, hint=row.problem)
        if len(row.cells) != len(self.columns):
            refuse(Code.INVALID_VALUE, hint=f"{len(row.cells)} cells, where the first row has {len(self.columns)}.")
        if self._is_there(Address.parse(mail)):
            return ImportResult(row.line, mail, ImportOutcome.EXISTS)
        form = {name: [cell] for name, cell in zip(self.columns, row.cells, strict=True) if cell and name != MAIL}
        remarks = self.caller(self.kind.create, (mail,), form, self.rehearsal, hashed).remarks
        outcome = ImportOutcome.READY if self.rehearsal else ImportOutcome.CREATED
        return ImportResult(row.line, mail, outcome, hint=remarks.hint, left_out=[*remarks.ignored, *remarks.discarded])

    def _is_there(self, mail: Address) -> bool:
        """Tell whether there is such an account; a domain is looked through once."""
        if mail.domain not in self._there:
            self._there[mail.domain] = frozenset(self._accounts(mail.domain))
        return mail in self._there[mail.domain]

    def _accounts(self, domain: str) -> Iterable[str]:
        try:
            found: Iterable[str] = self.caller(self.kind.listing, (domain,), {"email_only": ["yes"]}).data
        except Refused:  # the operation says why
            return ()
        return found
