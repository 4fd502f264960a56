"""The commands as administrators type them: what they say, what they refuse, and how a server starts and ends."""

import grp
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner, Result

from postreeve import __version__
from postreeve.cli import app
from postreeve.web.requests import UNSENT_SECONDS
from postreeve.web.serving import ENDING_SECONDS
from tests.outages.processes import PROGRAM, environment
from tests.site import PASSWORD, Client

pytestmark = pytest.mark.slow  # starts of the command

ADMIN = "boss@admins.test"


def ran(*words: str, **variables: str) -> Result:
    """Run a command to its end."""
    others = {name: None for name in os.environ if name.startswith("POSTREEVE_")}
    return CliRunner().invoke(app, words, env={**others, **variables})


def refusal(*words: str, **variables: str) -> str:
    """Run a command that is to be refused, and return its one sentence."""
    done = ran(*words, **variables)
    assert (done.exit_code, done.stdout) == (1, ""), done.stderr
    [line] = done.stderr.splitlines()
    assert re.fullmatch(r"postreeve: .+\.", line), line
    return line.removeprefix("postreeve: ")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a new installation with a global admin, to be copied."""
    folder = tmp_path_factory.mktemp("installed")
    done = ran("init", f"--data={folder}", f"--admin={ADMIN}", POSTREEVE_ADMIN_PASSWORD=PASSWORD)
    assert done.exit_code == 0, done.stderr
    return folder


@pytest.fixture
def data(installed: Path, tmp_path: Path) -> Path:
    """The data directory of a new installation, for one test alone."""
    return Path(shutil.copytree(installed, tmp_path / "data"))


@contextmanager
def served(data: Path, *options: str, host: str = "127.0.0.1") -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Serve on a free port, and yield the process with what it has announced."""
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as free:
        port = free.getsockname()[1]
    listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with subprocess.Popen(
        [str(PROGRAM), "serve", f"--data={data}", f"--listen={listen}", *options],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.terminate()


# Options


def test_the_version_is_told() -> None:
    assert ran("--version").stdout == f"Postreeve {__version__}\n"


@pytest.mark.parametrize("command", ["init", "serve", "mail-config", "admin-password", "job pending"])
def test_help_shows_no_default_where_there_is_none(command: str) -> None:
    done = ran(*command.split(), "--help", COLUMNS="200")
    assert done.exit_code == 0
    assert set(re.findall(r"\[default: ([^\]]*)\]", done.stdout)) <= {"data", "vmail"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--listen=8085",), "The option --listen must be HOST:PORT or [IPv6]:PORT"),
        (("--listen=localhost:99999",), "a port from 1 to 65535; 'localhost:99999' is not."),
        (("--listen=::1:8080",), "'::1:8080' is not."),
        (("--workers=-1",), "The option --workers must be a whole number of at least 1."),
        (("--workers=0",), "The option --workers must be a whole number of at least 1."),
        (("--listen=no-such-host.invalid:8080",), "Postreeve can not listen on no-such-host.invalid: "),
        (("--listen=192.0.2.1:8080",), "Postreeve can not listen on 192.0.2.1, port 8080: Cannot assign"),
    ],
)
def test_serve_says_in_a_sentence_what_is_wrong_with_an_option(
    installed: Path, options: tuple[str, ...], words: str
) -> None:
    assert words in refusal("serve", f"--data={installed}", *options)


# Serving


@pytest.mark.parametrize("options", [(), pytest.param(("--workers=2",), marks=pytest.mark.slow)], ids=["one", "two"])
def test_what_is_announced_is_there(data: Path, options: tuple[str, ...]) -> None:
    with served(data, *options) as (process, told):
        addresses = re.findall(r"http://\S+", told)
        assert len(addresses) == 2, told
        for address in addresses:
            page = requests.get(address, timeout=30)
            assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=ENDING_SECONDS) == 0


def test_an_ipv6_address_can_be_served(data: Path) -> None:
    with served(data, host="::1") as (_, told):
        [base] = re.findall(r"(http://\[::1\]:[0-9]+/iredadmin/) ", told)
        Client(f"{base}api").login(ADMIN)


def test_a_switched_off_api_is_not_announced(data: Path) -> None:
    (data / "postreeve.toml").write_text("enable_restful_api = false\n")
    with served(data) as (_, told):
        assert told.endswith("the API is switched off.\n")


def test_a_port_in_use_is_told_before_anything_is_announced(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        said = refusal("serve", f"--data={data}", f"--listen=127.0.0.1:{port}")
    assert said == f"Postreeve can not listen on 127.0.0.1, port {port}: Address already in use."


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_client_that_stalls_in_its_body_does_not_keep_a_server_from_ending(data: Path, number: int) -> None:
    with served(data) as (process, told):
        [port] = set(re.findall(r":([0-9]+)/", told))
        with socket.create_connection(("127.0.0.1", int(port))) as line:
            head = "POST /iredadmin/api/login HTTP/1.1", "Host: x", "Content-Length: 100", "Expect: 100-continue"
            line.sendall("\r\n".join([*head, "", "username="]).encode())
            assert line.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"  # it waits for the rest now
            process.send_signal(number)
            process.wait(timeout=UNSENT_SECONDS - 5)  # the client is not waited for; a busy host may be
            assert line.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert process.stdout is not None
        assert "Traceback" not in process.stdout.read()


# Setting up


def test_init_says_what_it_has_created_and_what_was_there(tmp_path: Path) -> None:
    words = ("init", f"--data={tmp_path / 'data'}", f"--admin={ADMIN}")
    first = ran(*words, POSTREEVE_ADMIN_PASSWORD=PASSWORD).stdout.splitlines()
    stores = ("vmail", "iredadmin", "amavisd", "iredapd")
    assert first[:-1] == [f"Created: SQLite file {tmp_path}/data/{name}.db." for name in stores]
    assert first[-1] == f"Global admin {ADMIN} created. Its password is the one in POSTREEVE_ADMIN_PASSWORD."
    assert ran(*words).stdout.splitlines() == [
        "The databases are there already.", f"There is a global admin already: {ADMIN}. Nothing was changed.",
    ]  # fmt: skip
    other = ran(*words[:2], "--admin=other@admins.test").stdout.splitlines()
    assert other[-1] == f"Log in as {ADMIN}; `postreeve admin-password {ADMIN}` gives it a new password."


def test_a_generated_password_satisfies_the_settings_and_logs_in(tmp_path: Path) -> None:
    policy = {"POSTREEVE_MIN_PASSWD_LENGTH": "40", "POSTREEVE_PASSWORD_SPECIAL_CHARACTERS": "^"}
    done = ran("init", f"--data={tmp_path}", f"--admin={ADMIN}", **policy)
    assert done.exit_code == 0, done.stderr
    password = done.stdout.partition("shown only now: ")[2].strip()
    with served(tmp_path) as (_, told):
        Client(f"{told.split()[2]}api").login(ADMIN, password)


def test_an_admin_gets_a_new_password_and_the_old_one_is_over(data: Path) -> None:
    words = ("admin-password", ADMIN, f"--data={data}")
    with served(data) as (_, told):
        base = f"{told.split()[2]}api"
        before = Client(base).login(ADMIN)
        said = ran(*words).stdout
        assert said.startswith(f"The password of {ADMIN} is changed. The password, shown only now: ")
        Client(base).login(ADMIN, said.rpartition(" ")[2].strip())
        assert before.refused("GET", "domains") == "SESSION_EXPIRED"
        assert Client(base).refused("POST", "login", username=ADMIN, password=PASSWORD) == "INVALID_CREDENTIALS"
        said = ran(*words, POSTREEVE_ADMIN_PASSWORD="Another@Passw0rd").stdout
        assert said == f"The password of {ADMIN} is changed. Its password is the one in POSTREEVE_ADMIN_PASSWORD.\n"
        Client(base).login(ADMIN, "Another@Passw0rd")


def test_a_user_who_is_an_admin_gets_a_new_password_too(data: Path) -> None:
    with served(data) as (_, told):
        root = Client(f"{told.split()[2]}api").login(ADMIN)
        root.ok("POST", "domain/ex.com", minPasswordLength="30")
        for name in ("ann", "ben"):
            root.ok("POST", f"user/{name}@ex.com", password=PASSWORD * 2)
        root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
        password = ran("admin-password", "ANN@ex.com", f"--data={data}").stdout.rpartition(" ")[2].strip()
        assert len(password) == 30
        Client(root.base).login("ann@ex.com", password)
    assert refusal("admin-password", "ben@ex.com", f"--data={data}") == "There is no admin ben@ex.com."


def test_a_password_is_not_changed_for_nobody_or_against_the_policy(data: Path) -> None:
    assert refusal("admin-password", "no@admins.test", f"--data={data}") == "There is no admin no@admins.test."
    said = refusal("admin-password", ADMIN, f"--data={data}", POSTREEVE_ADMIN_PASSWORD="short")
    assert said.startswith(f"The password of {ADMIN} can not be changed: The password is too short. ")
    assert "run `postreeve init` first" in refusal("admin-password", ADMIN, f"--data={data.parent / 'no'}")


# Configuration of the mail system


def test_mail_config_says_in_a_sentence_what_is_wrong(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    common = f"--data={data}"
    assert refusal("mail-config", f"{tmp_path}/file", common) == f"{tmp_path}/file is no directory."
    for name in ("mail.ex.com\nx = y", "-mail", "mail ex"):
        assert "is no host name" in refusal("mail-config", f"{tmp_path}/mail", common, f"--hostname={name}")
    assert "is no user or group" in refusal("mail-config", f"{tmp_path}/mail", common, "--mail-user=a b")
    said = refusal("mail-config", f"{tmp_path}/mail", f"--data={tmp_path}/nowhere")
    assert "There is no database" in said
    assert "run `postreeve init` first" in said
    assert not (tmp_path / "mail").exists()


# The group of the embedded databases


def test_an_unknown_group_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    words = ("init", f"--data={folder}", f"--admin={ADMIN}")
    said = refusal(*words, POSTREEVE_SQLITE_GROUP="no-such-group")
    assert said == "There is no group 'no-such-group', which the setting sqlite_group names."
    assert not folder.exists()


def test_databases_that_are_there_get_the_group_of_the_settings(data: Path) -> None:
    done = ran("init", f"--data={data}", f"--admin={ADMIN}", POSTREEVE_SQLITE_GROUP=_other_group())
    assert done.exit_code == 0, done.stderr
    assert {file.group() for file in data.glob("*.db")} == {_other_group()}


def _other_group() -> str:
    """Return a group that we may give our files to: root any, others one of their own."""
    own = os.getgrouplist(Path("/proc/self").owner(), os.getgid())
    number = grp.getgrnam("daemon").gr_gid if os.geteuid() == 0 else own[-1]
    return grp.getgrgid(number).gr_name
