"""Commands as administrators type them, on the installation of a test."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from postreeve.cli import app
from tests.outages.processes import settings_file
from tests.site import Site


@dataclass(frozen=True)
class Shell:
    """Somebody at a shell, without a terminal."""

    file: Path

    def run(self, *words: str, typed: str | bytes = "", **variables: str) -> Result:
        """Run a command to its end."""
        where = [f"--data={self.file.parent}", f"--settings={self.file}"]
        others = {name: None for name in os.environ if name.startswith("POSTREEVE_")}
        return CliRunner().invoke(app, [*words, *where], input=typed, env={**others, **variables})

    def ok(self, *words: str, typed: str | bytes = "", **variables: str) -> str:
        """Run a command that is to do what it is told with nothing to say besides, and return its output."""
        done = self.run(*words, typed=typed, **variables)
        assert (done.exit_code, done.stderr) == (0, ""), (done.output, done.exception)
        return done.stdout

    def data(self, *words: str) -> Any:
        return json.loads(self.ok(*words, "--json"))

    def refusal(self, *words: str, status: int = 1, typed: str | bytes = "", **variables: str) -> str:
        """Run a command that is to be refused, and return the last line of what it says."""
        done = self.run(*words, typed=typed, **variables)
        assert (done.exit_code, done.stdout) == (status, ""), (done.output, done.exception)
        return done.stderr.splitlines()[-1]


def shell(site: Site, folder: Path, **values: Any) -> Shell:
    """Return a shell on the host of a site."""
    settings = site.settings
    lists = {"mlmmj": settings.mlmmj, "mlmmj_spool": settings.mlmmj_spool, "mlmmj_archive": settings.mlmmj_archive}
    return Shell(settings_file(folder, site.stores, **{**lists, **values}))
