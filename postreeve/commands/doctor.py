"""Tells what is wrong, and mends what is safe."""

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from postreeve import app as assembly
from postreeve.commands.shared import Data, File, plain_errors, run
from postreeve.doctor.findings import MENDABLE, Ailment, Finding
from postreeve.jobs import pending
from postreeve.settings import Settings, SettingsError
from postreeve.work import ConflictError, Storage, StoreUnavailableError

LEFT = 3
"""The exit code when something is wrong; 1 is that the doctor could not look."""
LOOK, MEND = "GET /api/doctor", "POST /api/doctor/<ailment>/<scope>"
SHOWN = 20
"""Findings of one kind that are written out."""
_ROOT = (0, 0)
"""Owner and group of a file that a service, which is another user, can only read as long as everybody can."""
_NEEDED = frozenset({"vmail", "ldap", "iredadmin"})
"""Stores without which there is nothing to look at."""


def doctor(
    data: Data = Path("data"),
    settings_file: File = None,
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Show what would be mended, then mend what is safe.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell everything as JSON.")] = False,
) -> None:
    """Tell what is wrong in the stores and between them; nothing is changed without --fix.

    The exit code is 0 if nothing is wrong, 3 if something is, and 1 if a store that is needed can not be used.
    """
    with plain_errors():
        settings = assembly.settings_of(data, settings_file)
        visit = _Visit(settings, settings_file or data / "postreeve.toml", is_quiet=as_json)
        visit.look()
        if fix:
            visit.mend()
    typer.echo(visit.as_json() if as_json else "\n".join(visit.told(is_fixed=fix)))
    raise typer.Exit(0 if not visit.wrong else LEFT if visit.is_possible else 1)


class _Visit:
    """One look at an installation, and what was mended in it."""

    def __init__(self, settings: Settings, file: Path, *, is_quiet: bool) -> None:
        self.settings = settings
        self.file = file
        self.is_quiet = is_quiet
        self.findings: list[Finding] = []
        self.mended: list[Finding] = []
        self.failed: list[tuple[Finding, str]] = []

    @property
    def is_possible(self) -> bool:
        """Whether the accounts could be looked at."""
        return not any(found.ailment is Ailment.STORE and found.name in _NEEDED for found in self.findings)

    @property
    def wrong(self) -> list[Finding]:
        return [found for found in self.findings if not found.is_note]

    def look(self) -> None:
        """Look at each store by itself, then at the accounts, as far as their stores can be used."""
        self.findings = [*_of_file(self.file, self.settings), *assembly.look(self.settings)]
        if self.is_possible:
            with closing(assembly.opened(self._usable())) as storage:
                told = run(LOOK, "", {}, storage, "[doctor]", "There is nothing to be seen").data
            self.findings += [msgspec.convert(each, Finding) for each in map(_as_finding, told)]

    def _usable(self) -> Settings:
        """Return the settings without stores that can not be used: the others can be looked at without them."""
        broken = {found.name for found in self.findings if found.ailment is Ailment.STORE}
        without: dict[str, Any] = {name: None for name in ("amavisd", "iredapd") if name in broken}
        without |= {"mlmmj": ""} if "mlmmj" in broken else {}
        return msgspec.structs.replace(self.settings, **without)

    def mend(self) -> None:
        """Show the plan, do it, and look again."""
        planned = [found for found in self.findings if found.remedy]
        if not planned:
            return
        if not self.is_quiet:
            typer.echo("\n".join(["To be mended:", *_plan(planned)]))
        for found in planned:
            if found.ailment is Ailment.SETTINGS_FILE:
                self._close_file(found)
        if of_stores := [found for found in planned if found.ailment is not Ailment.SETTINGS_FILE]:
            with closing(assembly.storage_of(self._usable())) as storage:
                self._mend_all(of_stores, storage)
        self.look()

    def _close_file(self, found: Finding) -> None:
        try:
            self.file.chmod(stat.S_IMODE(self.file.stat().st_mode) & ~stat.S_IRWXO)
        except OSError as error:
            self.failed.append((found, f"{error.strerror}."))
        else:
            self.mended.append(found)

    def _mend_all(self, planned: list[Finding], storage: Storage) -> None:
        with typer.progressbar(planned, label="Mending", hidden=self.is_quiet) as bar:
            for found in bar:
                try:
                    if found.ailment in MENDABLE:
                        run(MEND, (found.ailment.value, found.name), {}, storage, "[doctor]", "It is refused")
                except (SettingsError, StoreUnavailableError, ConflictError) as error:
                    self.failed.append((found, " ".join(str(error).split())))
                else:
                    self.mended.append(found)
        if any(found.ailment is Ailment.PENDING for found in planned):
            pending.run(storage)

    def told(self, *, is_fixed: bool) -> Iterator[str]:
        for found, reason in self.failed:
            yield f"Not mended: {found.sentence} {reason}"
        yield from _listed(self.wrong, is_fixed=is_fixed)
        notes = [found for found in self.findings if found.is_note]
        if notes:
            yield "Worth knowing:"
            yield from (f"  {found.sentence}" for found in notes[:SHOWN])
            yield from _more(len(notes))
        yield self._summary(is_fixed=is_fixed)

    def _summary(self, *, is_fixed: bool) -> str:
        if not self.is_possible:
            return "The accounts can not be looked at before that is mended."
        if not self.wrong:
            return "Nothing is wrong." if not self.mended else f"Everything is mended: {len(self.mended)}."
        mendable = sum(bool(found.remedy) for found in self.wrong)
        if is_fixed:
            return f"{len(self.mended)} mended; {len(self.wrong)} are left."
        return f"{len(self.wrong)} things are wrong; `postreeve doctor --fix` mends {mendable} of them."

    def as_json(self) -> str:
        told = {
            "findings": [_shown(found) for found in self.findings],
            "mended": [_shown(found) for found in self.mended],
            "failed": [{**_shown(found), "reason": reason} for found, reason in self.failed],
        }
        return json.dumps(told, ensure_ascii=False, indent=1)


def _of_file(file: Path, settings: Settings) -> Iterator[Finding]:
    """Tell when others can read the passwords of the stores."""
    has_secrets = any(store.password for store in settings.databases.values()) or settings.ldap
    if has_secrets and file.exists() and (status := file.stat()).st_mode & stat.S_IRWXO:
        sentence = f"The settings file {file} holds passwords, and everybody on this host may get at them."
        if is_of_root := (status.st_uid, status.st_gid) == _ROOT:
            sentence += " It is root's: `chown` it to the user as whom Postreeve runs, then `chmod 0600`."
        yield Finding(Ailment.SETTINGS_FILE, os.fspath(file), sentence, is_for_people=is_of_root)


def _as_finding(told: Mapping[str, Any]) -> dict[str, Any]:
    known = {key: told[key] for key in ("ailment", "name", "sentence", "is_note")}
    return {**known, "is_for_people": not told["remedy"]}


def _shown(found: Finding) -> dict[str, object]:
    return {
        "ailment": found.ailment.value, "name": found.name, "sentence": found.sentence, "remedy": found.remedy,
        "is_note": found.is_note,
    }  # fmt: skip


def _by_kind(findings: Iterable[Finding]) -> Iterator[tuple[Ailment, list[Finding]]]:
    ordered = sorted(findings, key=lambda found: list(Ailment).index(found.ailment))
    for ailment, several in groupby(ordered, key=lambda found: found.ailment):
        yield ailment, list(several)


def _plan(planned: Iterable[Finding]) -> Iterator[str]:
    for ailment, several in _by_kind(planned):
        names = ", ".join(found.name for found in several[:SHOWN])
        more = f" and {len(several) - SHOWN} more" if len(several) > SHOWN else ""
        yield f"  {ailment.value}, {several[0].remedy}: {names}{more}"


def _listed(findings: Iterable[Finding], *, is_fixed: bool) -> Iterator[str]:
    for _, several in _by_kind(findings):
        for found in several[:SHOWN]:
            hint = f" With --fix {found.remedy}." if found.remedy and not is_fixed else ""
            yield f"{found.sentence}{hint}"
        yield from _more(len(several))


def _more(count: int) -> Iterator[str]:
    if count > SHOWN:
        yield f"  … and {count - SHOWN} more like these; --json names all."
