"""The commands of `docs/backup.md`, run on servers of ours."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests import servers

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "backup.md"
_NAMES = "amavisd iredapd vmail iredadmin"
_PATHS = (
    "/var/backups/postreeve",
    "/var/lib/postreeve",
    "/var/lib/ldap",
    "/etc/ldap/slapd.d",
    "--directory=/ ",
    "dc=example,dc=com",
)


def command(kind: str, places: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Return the block of a kind, such as `saves-sqlite`, with a test's own places and names of databases."""
    [text] = re.findall(rf"^```sh {kind}\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    own = " ".join(names[name] for name in _NAMES.split()) if names else _NAMES
    for theirs, ours in {_NAMES: own, **places}.items():
        text = text.replace(theirs, ours)
    assert set(places) <= set(_PATHS), "a place that the document does not name"
    return f"set -eu\n{text}"


def run(text: str, **environment: str) -> None:
    """Run a block as its reader would."""
    path = f"{environment.pop('PATH', '')}:{servers._PATH}".strip(":")
    known = {**os.environ, **environment, "PATH": path}
    done = subprocess.run(["sh", "-c", text], env=known, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
