"""The packages that are delivered: they build, hold everything, and work where nothing else of ours is."""

import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.outages.processes import environment, free_port
from tests.site import PASSWORD, ROOT, Client

HERE = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.slow  # a build and an installation


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel and the source distribution, the wheel built from that as whoever packages us does."""
    folder = tmp_path_factory.mktemp("packages")
    source = folder / "source"
    source.mkdir()
    for name in _tracked():  # not what lies about here
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((HERE / name).read_bytes())
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "made"), str(source)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "made"


def _tracked() -> list[str]:
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(words, cwd=HERE, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in found if (HERE / name).is_file()]


def test_the_wheel_holds_every_file_of_the_program(packages: Path) -> None:
    [wheel] = packages.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert {name for name in _tracked() if name.startswith("postreeve/")} == {
        name for name in held if name.startswith("postreeve/")
    }
    assert any(name.endswith("licenses/LICENSE") for name in held)


def test_the_source_distribution_holds_what_else_administrators_need(packages: Path) -> None:
    [archive] = packages.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        held = {name.partition("/")[2] for name in file.getnames()}
    wanted = [name for name in _tracked() if name.startswith(("postreeve/", "deploy/", "docs/", "changes/"))]
    assert set(wanted) <= held
    assert {"LICENSE", "README.md", "pyproject.toml"} <= held


@pytest.fixture(scope="module")
def installed(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel in it; what it depends on is read from the environment of the tests.

    Installing that anew would need packages from elsewhere.
    """
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    [wheel] = packages.glob("*.whl")
    words = [sys.executable, "-m", "pip", "--python", str(folder), "install", "--no-index", "--no-deps", str(wheel)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [place] = folder.glob("lib/python*/site-packages")
    (place / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_wheel_needs_nothing_that_is_not_declared(installed: Path) -> None:
    words = [sys.executable, "-m", "pip", "--python", str(installed), "check"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_is_this_wheel_that_runs(installed: Path) -> None:
    words = [str(installed / "bin" / "python"), "-c", "import postreeve; print(postreeve.__file__)"]
    done = subprocess.run(words, cwd=installed, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(installed)


def test_from_the_wheel_alone_a_new_installation_serves(installed: Path, tmp_path: Path) -> None:
    program = installed / "bin" / "postreeve"
    there = environment(POSTREEVE_ADMIN_PASSWORD=PASSWORD)
    done = subprocess.run(
        [program, "init", f"--data={tmp_path}", f"--admin={ROOT}"], cwd=tmp_path, env=there, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with _serving(program, tmp_path) as host:
        root = Client(f"{host}/iredadmin/api").login(ROOT)
        root.ok("POST", "domain/ex.com")
        for path in ("iredadmin/login", "iredadmin/api/reference", "iredadmin/static/panel.css", "readyz", "metrics"):
            assert requests.get(f"{host}/{path}", timeout=10).status_code == 200, path


@contextmanager
def _serving(program: Path, data: Path) -> Iterator[str]:
    port = free_port()
    words = [str(program), "serve", f"--data={data}", f"--listen=127.0.0.1:{port}"]
    with subprocess.Popen(words, cwd=data, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        host = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                requests.get(f"{host}/healthz", timeout=10)
            except requests.ConnectionError:
                continue
            break
        try:
            yield host
        finally:
            process.terminate()
            process.stdout.read()
