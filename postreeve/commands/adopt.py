"""Takes over the settings of an iRedAdmin."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec
import typer

from postreeve import app as assembly
from postreeve.adopt import daemons, files, neighbours
from postreeve.adopt.names import Adopted, Left, translate
from postreeve.adopt.neighbours import Advice, Verdict
from postreeve.adopt.reading import read
from postreeve.commands.shared import Data, plain_errors
from postreeve.configuration import from_mapping
from postreeve.doctor.findings import Ailment, Finding
from postreeve.settings import Settings, SettingsError

LEFT = 3
"""The exit code when the settings are written, and something that they name does not answer."""
_DATA = Path("data")
NEEDED = frozenset({"vmail", "ldap", "iredadmin"})
"""Stores without which nothing can be served."""


def adopt(  # noqa: PLR0913 - what, where to, and how
    file: Annotated[Path, typer.Argument(metavar="SETTINGS.PY", help="iRedAdmin's settings file; it is never run.")],
    data: Data = _DATA,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="Settings file to write; DATA/postreeve.toml if not given.")
    ] = None,
    root: Annotated[
        Path, typer.Option(help="Where the host's files begin whose cron jobs and services are looked at.")
    ] = Path("/"),
    ldap_ca: Annotated[
        Path | None,
        typer.Option(
            help="Certificate of the authority that the directory's is from, where the host does not know it."
        ),
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace settings that are there already.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    check: Annotated[bool, typer.Option(help="Ask the databases and daemons that the file names.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Tell everything as JSON.")] = False,
) -> None:
    """Write settings for a site that has an iRedAdmin, from its settings file.

    What was understood and what not is told, the databases and daemons are asked, and what else runs on the host is
    told what to do with. The exit code is 0 if all is well, 3 if something that the settings name does not answer, and
    1 if nothing was written.
    """
    target = settings_file or data / "postreeve.toml"
    with plain_errors():
        adoption = _Adoption(translate(read(file)), target, root, _options(data, settings_file))
        if ldap_ca and "ldap" in adoption.adopted.settings:
            adoption.adopted.settings["ldap"]["ca_file"] = str(ldap_ca.resolve())
        settings = adoption.checked()
        if check:
            adoption.ask(settings)
        if not dry_run:
            adoption.write(f"Written by `postreeve adopt` from {file.resolve()}.", is_forced=force)
    typer.echo(adoption.as_json() if as_json else "\n".join(adoption.told()))
    raise typer.Exit(LEFT if any(not found.is_note for found in adoption.findings) else 0)


@dataclass
class _Adoption:
    """One settings file on its way to ours."""

    adopted: Adopted
    target: Path
    root: Path
    options: str
    """Say where the settings are, as the other commands are told."""
    ages: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)
    settings: Settings | None = None

    def checked(self) -> Settings:
        """Hold the settings to what ours have to be."""
        self.settings = from_mapping(self.adopted.settings, naming="The setting {}, as it would be written,".format)
        return self.settings

    def ask(self, settings: Settings) -> None:
        """Look at every store and daemon; one that is needed and can not be used is the end."""
        with TemporaryDirectory(prefix="postreeve-") as folder:
            token = Path(folder, "token")
            files.write({token: f"{self.adopted.token}\n"}, is_forced=False)
            self.findings = assembly.look(msgspec.structs.replace(settings, mlmmjadmin_token_file=str(token)))
        self.findings += [found for found in daemons.silent(settings) if found.name in self.adopted.settings]
        unusable = {found.name for found in self.findings if found.ailment is Ailment.STORE}
        for found in self.findings:
            if found.ailment is Ailment.STORE and found.name in NEEDED:
                raise SettingsError(f"{found.sentence} Nothing was written.")
        policies = {name: None for name in ("amavisd", "iredapd") if name in unusable}
        self.ages = assembly.ages(msgspec.structs.replace(settings, **policies))

    def write(self, remark: str, *, is_forced: bool) -> None:
        texts: dict[Path, str] = {}
        settings = self.adopted.settings
        if self.adopted.token:
            token = (self.target.parent / Settings().mlmmjadmin_token_file).resolve()
            texts[token] = f"{self.adopted.token}\n"
            settings = {"mlmmjadmin_token_file": str(token), **settings}  # whatever data directory is served from
        texts[self.target] = files.text_of(settings, remark)
        files.write(texts, is_forced=is_forced)
        self.written = [*texts]

    # What is told

    def told(self) -> Iterator[str]:
        yield "Understood:"
        for each in self.adopted.understood:
            value = f" = {each.value}" if each.value != "" else ""
            where = f"line {each.line}" if each.line else "iRedAdmin's default"
            yield f"  {each.name} → {each.setting}{value} ({where})"
        yield from _left("Known, and without a meaning here:", self.adopted.idle)
        yield from _left("Not understood:", self.adopted.not_understood)
        yield from self._asked()
        yield from self._advice()
        yield ""
        yield from (f"Written: {file} (closed to others)." for file in self.written)
        if not self.written:
            yield "Nothing was written."
        else:
            yield f"Next: `postreeve doctor{self.options}`, then `postreeve serve{self.options}`."

    def _asked(self) -> Iterator[str]:
        if not (self.ages or self.findings):
            return
        yield ""
        yield "Asked:"
        stores = self._stores()
        yield from (f"  The {stores[name]} answers: {words}." for name, words in self.ages.items())
        yield from (f"  {found.sentence}" for found in self.findings)

    def _stores(self) -> dict[str, str]:
        settings = self.settings or Settings()
        stores = {name: str(store) for name, store in settings.databases.items()}
        return stores | ({"ldap": str(settings.ldap)} if settings.ldap else {})

    def _advice(self) -> Iterator[str]:
        yield ""
        yield "On this host:"
        found = neighbours.advice(self.root)
        yield from (f"  {each.verdict}: {each.what} in {each.where}; {each.reason}." for each in _ordered(found))
        yield from (
            f"  {folder} can not be looked into: run this as root." for folder in neighbours.unreadable(self.root)
        )
        if not found:
            yield "  No cron job or service of iRedMail's was found; `docs/adoption.md` names those that there may be."

    def as_json(self) -> str:
        adopted = self.adopted
        told = {
            "understood": [asdict(each) for each in adopted.understood],
            "idle": [asdict(each) for each in adopted.idle],
            "not_understood": [asdict(each) for each in adopted.not_understood],
            "stores": [{"name": name, "where": self._stores()[name], "has": has} for name, has in self.ages.items()],
            "findings": [{"name": found.name, "sentence": found.sentence} for found in self.findings],
            "advice": [asdict(each) for each in neighbours.advice(self.root)],
            "written": [str(file) for file in self.written],
        }
        return json.dumps(told, ensure_ascii=False, indent=1)


def _options(data: Path, settings_file: Path | None) -> str:
    given = {"--data": data if data != _DATA else None, "--settings": settings_file}
    return "".join(f" {name} {shlex.quote(str(path))}" for name, path in given.items() if path)


def _left(title: str, lines: list[Left]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from (f"  line {left.line}: {left.name}{': ' if left.name else ''}{left.reason}." for left in lines)


def _ordered(found: list[Advice]) -> list[Advice]:
    return sorted(found, key=lambda each: list(Verdict).index(each.verdict))
