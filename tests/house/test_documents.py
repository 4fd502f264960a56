"""The documents are up to date, and what they tell people to type works."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from postreeve.configuration import from_mapping
from postreeve.operations import REGISTRY
from postreeve.web import rendering
from tests.house.world import DESCRIPTIONS
from tests.site import Site

ROOT = Path(__file__).parent.parent.parent
BY_HAND = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
ADDRESS = "127.0.0.1:8080"
LEFT_BEHIND = {"data", "mail", "cookies", "cookies-of-ann"}
"""What the commands of the documents write into the folder of the clone."""


def test_the_generated_documents_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_sample_settings_are_the_defaults() -> None:
    text = (ROOT / "docs/reference/postreeve.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {}
    assert from_mapping(tomllib.loads(re.sub(r"^#(?! )", "", text, flags=re.MULTILINE))) == from_mapping({})


@pytest.mark.parametrize("file", [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"], ids=str)
def test_links_lead_somewhere(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, place = target.partition("#")
        assert "://" not in target, f"{target} leads to somebody else"
        aim = file.parent / path if path else file
        assert aim.exists(), target
        if place:
            assert place in _anchors(aim.read_text(encoding="utf-8")), target


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_the_architecture_names_every_folder() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    folders = [path.name for path in (ROOT / "postreeve").iterdir() if (path / "__init__.py").exists()]
    modules = [path.name for path in (ROOT / "postreeve").glob("*.py") if path.name != "__init__.py"]
    assert [name for name in folders if f"{name}/" not in text] == []
    assert [name for name in modules if name not in text] == []


# Commands in the documents. A block marked `sh runs` is run; one marked `sh serves` is left running.


@pytest.mark.slow
@pytest.mark.parametrize("file", [ROOT / "README.md", ROOT / "docs/first-ten-minutes.md"], ids=["readme", "ten"])
def test_the_commands_of_a_document_work(file: Path, tmp_path: Path) -> None:
    for entry in ROOT.iterdir():
        if entry.name not in LEFT_BEHIND:
            (tmp_path / entry.name).symlink_to(entry)
    address = f"127.0.0.1:{_free_port()}"
    blocks = re.findall(r"^```sh (runs|serves)\n(.*?)^```$", file.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert {kind for kind, _ in blocks} == {"runs", "serves"}
    before = "\n".join(text for kind, text in blocks[: _serving(blocks)] if kind == "runs")
    after = "\n".join(text for kind, text in blocks[_serving(blocks) :] if kind == "runs")
    there = {entry.name for entry in tmp_path.iterdir()}
    _run(before, tmp_path, address)
    with _left_running(blocks[_serving(blocks)][1], tmp_path, address):
        _run(after, tmp_path, address)
    assert {entry.name for entry in tmp_path.iterdir()} - there <= LEFT_BEHIND | {"server.log"}


def test_what_the_commands_write_is_ignored_by_git() -> None:
    for name in LEFT_BEHIND:
        path = f"{name}/x" if name in {"data", "mail"} else name
        done = subprocess.run([_git(), "check-ignore", "-q", path], cwd=ROOT, check=False)
        assert done.returncode == 0, name


def _git() -> str:
    return shutil.which("git") or "git"


def _serving(blocks: list[tuple[str, str]]) -> int:
    return next(index for index, (kind, _) in enumerate(blocks) if kind == "serves")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _script(text: str, address: str) -> str:
    """Return commands for another port, and without looking for new packages first."""
    return f"set -eu\n{text}".replace(ADDRESS, address).replace("make ", "make -o .venv/.installed ")


def _environment(address: str) -> dict[str, str]:
    return {
        **os.environ, "LISTEN": address, "POSTREEVE_LISTEN": address, "no_proxy": "127.0.0.1",
    }  # fmt: skip


def _run(text: str, folder: Path, address: str) -> None:
    done = subprocess.run(
        [_shell(), "-c", _script(text, address)], cwd=folder, env=_environment(address), capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"_success":false' not in done.stdout, done.stdout


@contextmanager
def _left_running(text: str, folder: Path, address: str) -> Iterator[None]:
    log = folder / "server.log"
    with log.open("w", encoding="utf-8") as output, subprocess.Popen(
        [_shell(), "-c", _script(text, address)], cwd=folder, env=_environment(address), stdout=output,
        stderr=output, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            _wait_for(address, process, log)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    host, _, port = address.partition(":")
    for _ in range(600):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(log.read_text(encoding="utf-8"))


def _shell() -> str:
    return shutil.which("bash") or "sh"


# The pages


def test_the_reference_loads_nothing_from_elsewhere(site: Site) -> None:
    answer = requests.get(f"{site.base}/reference", timeout=10)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    links = re.findall(r'(?:href|src)="([^"]+)"', answer.text)
    assert all(link.startswith(("#", "/iredadmin/")) for link in links)
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    [style] = [link for link in links if "/static/" in link]
    host = site.base.removesuffix("/iredadmin/api")
    assert requests.get(f"{host}{style}", timeout=10).headers["content-type"] == "text/css; charset=utf-8"


def test_places_that_the_reference_links_to_are_there(site: Site) -> None:
    text = requests.get(f"{site.base}/reference", timeout=10).text
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(re.findall(r' id="([^"]+)"', text))


def test_each_operation_of_the_reference_shows_that_it_opens(site: Site) -> None:
    text = requests.get(f"{site.base}/reference", timeout=10).text
    opening = '<summary>\n<span class="opens" aria-hidden="true"></span>\n'
    assert text.count(opening) == text.count("<summary>") == text.count("<details ") == len(REGISTRY)
    style = rendering.static("style.css").decode()
    assert re.search(r"^\.opens::before \{\s+content: ", style, re.MULTILINE)
    assert re.search(r"^\[open\] > summary \.opens::before \{\s+content: ", style, re.MULTILINE)


def test_documents_say_where_values_are_and_never_which_file_of_ours_knows() -> None:
    text = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    assert "sql.py" not in text
    assert "|  |" not in text
    assert "``" not in text.replace("```", "")


def test_no_parameter_is_documented_as_old_and_as_excluded() -> None:
    for description in DESCRIPTIONS:
        for parameter in description.parameters:
            old = [other.name for other in description.parameters if other.new_name == parameter.name]
            excluded = [note for note in parameter.notes if note.startswith("Not together with")]
            assert not [name for name in old for note in excluded if f"`{name}`" in note], parameter.name


def test_pages_that_are_not_there_are_told_in_the_form_of_their_place(site: Site) -> None:
    host = site.base.removesuffix("/iredadmin/api")
    page = requests.get(f"{host}/iredadmin/nothing", timeout=10)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert requests.get(f"{host}/iredadmin/static/..%2Fpages.py", timeout=10).status_code == 404
    assert requests.post(f"{host}/iredadmin/static/style.css", timeout=10).status_code == 405
    site.change_settings(enable_restful_api=False)
    off = requests.get(f"{site.base}/domains", timeout=10)
    assert (off.status_code, off.json()) == (404, {"_success": False, "_msg": "NO_SUCH_OPERATION"})
