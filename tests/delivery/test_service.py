"""The unit of systemd and the image, as far as they can be looked at without running them."""

import re
import subprocess
from pathlib import Path

import pytest

from tests import servers
from tests.outages.processes import PROGRAM

ROOT = Path(__file__).parent.parent.parent
UNIT = ROOT / "deploy" / "postreeve.service"
DOCUMENTS = ("in-production", "upgrading", "backup")
MOST_EXPOSED = 1.6
"""Of ten; a service without a sandbox has 9.6."""


def systemd_analyze(*words: str) -> "subprocess.CompletedProcess[str]":
    program = servers._program("systemd-analyze")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


@pytest.mark.slow  # it needs systemd, which `make quick` does without
def test_systemd_takes_every_line_of_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/postreeve/bin/postreeve", str(PROGRAM)))
    done = systemd_analyze("verify", str(unit))
    assert (done.returncode, [line for line in done.stderr.splitlines() if UNIT.name in line]) == (0, [])


@pytest.mark.slow  # as above
def test_the_sandbox_leaves_little_open() -> None:
    done = systemd_analyze("security", "--offline=true", f"--threshold={int(MOST_EXPOSED * 10)}", str(UNIT))
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow  # commands
def test_the_unit_starts_a_command_that_there_is() -> None:
    [line] = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    _, command, *options = line.split()
    help_ = subprocess.run([PROGRAM, command, "--help"], capture_output=True, text=True, check=True).stdout
    assert all(option in help_ for option in options if option.startswith("--"))


@pytest.mark.slow  # each command is asked for its help
def test_commands_of_the_documents_are_there_with_their_options() -> None:
    texts = [(ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8").replace("\\\n", "") for name in DOCUMENTS]
    found = re.findall(r"/bin/postreeve (?!--)(.*)$", "\n".join(texts), re.MULTILINE)
    lines = {line.partition(" #")[0] for line in found}
    assert len(lines) > 5
    for line in lines:
        words = line.split()
        command = words[: 2 if words[0] == "job" else 1]
        done = subprocess.run([PROGRAM, *command, "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, line
        assert all(word in done.stdout for word in words if word.startswith("--")), line


def test_the_image_is_made_of_files_that_are_there() -> None:
    """The image itself is not built here: that needs Docker, and packages from elsewhere."""
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (?!--)(.*) \S+$", text, re.MULTILINE) for name in line.split()]
    assert {"pyproject.toml", "postreeve"} <= set(copied)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored
