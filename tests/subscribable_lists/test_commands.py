"""The commands about lists, as administrators type them: `postreeve subscribe` and `postreeve mlmmj-agent`."""

import os
import pty
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from postreeve import cli
from postreeve.commands import lists, shared
from tests.mlmmj import LOOPBACK, sink
from tests.outages.processes import PROGRAM, environment, settings_file
from tests.servers import Server
from tests.site import PASSWORD, Client, Site, running
from tests.subscribable_lists.conftest import control

pytestmark = pytest.mark.slow  # starts of the command

NEWS = "news@ex.com"
TOKEN = "a-token-of-the-tests-0123456789"
START_SECONDS = 30
LISTS = ("mlmmj", "mlmmj_spool", "mlmmj_archive")


@pytest.fixture
def news(root: Client) -> Client:
    """A list without subscribers."""
    root.ok("POST", f"ml/{NEWS}")
    return root


@pytest.fixture
def file(site: Site, tmp_path: Path) -> Path:
    """The settings file of the installation."""
    return settings_file(tmp_path, site.stores, **{name: getattr(site.settings, name) for name in LISTS})


def subscribe(file: Path, lines: str | bytes, *options: str, mail: str = NEWS) -> Result:
    """Subscribe the lines of standard input."""
    words = ["subscribe", mail, "-", f"--data={file.parent}", f"--settings={file}", *options]
    others = {name: None for name in os.environ if name.startswith("POSTREEVE_")}
    return CliRunner().invoke(cli.app, words, input=lines, env=others)


def refusal(done: Result) -> str:
    """Return the one sentence of a command that was refused."""
    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("postreeve: ")
    return line.removeprefix("postreeve: ")


def subscribers(client: Client, mail: str = NEWS) -> dict[str, str]:
    shown = client.data(f"ml/{mail}", with_subscribers="yes")["subscribers"]
    return {one["mail"]: one["subscription"] for one in shown}


# Subscribing from a file


def test_the_addresses_of_standard_input_are_subscribed(news: Client, file: Path) -> None:
    done = subscribe(file, "a@x.test\n\n  B@x.test\r\na@x.test", "--subscription=digest")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "3 addresses subscribed.")
    assert subscribers(news) == {"a@x.test": "digest", "b@x.test": "digest"}
    assert subscribe(file, "").stdout.splitlines()[-1] == "0 addresses subscribed."


def test_the_addresses_of_a_file_are_subscribed(site: Site, news: Client, file: Path, tmp_path: Path) -> None:
    addresses = tmp_path / "addresses"
    addresses.write_bytes(b"\xef\xbb\xbfa@x.test\r\nb@x.test\r\n")  # as Windows writes it
    words = ["subscribe", NEWS, str(addresses), f"--data={file.parent}", f"--settings={file}"]
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 0, done.stderr
    assert set(subscribers(news)) == {"a@x.test", "b@x.test"}
    assert site.rows("log", username=NEWS)[-1]["msg"].startswith("[subscribe] Update the profile of a mailing list")


def test_a_line_that_is_no_address_is_named_and_nobody_is_subscribed(
    news: Client, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "AT_ONCE", 2)
    for line in ("nonsense", "c@x.test, d@x.test", "Cat <c@x.test>", "# a remark", "c@x.test;d@x.test"):
        said = refusal(subscribe(file, f"a@x.test\n\nb@x.test\n{line}\n"))
        assert said == f"Line 4 is no address: {line}. Nobody is subscribed."
    assert refusal(subscribe(file, b"\xff\xfe\n")) == "The file with the addresses is no text. Nobody is subscribed."
    assert subscribers(news) == {}


def test_what_can_not_be_subscribed_is_said_in_a_sentence(news: Client, file: Path) -> None:
    unknown = refusal(subscribe(file, "a@x.test\n", mail="other@ex.com"))
    assert unknown == "From line 1 on nobody is subscribed: There is no such account. other@ex.com"
    no_list = refusal(subscribe(file, "a@x.test\n", mail="ex.com"))
    assert no_list == "From line 1 on nobody is subscribed: This is not an e-mail address. ex.com"
    weekly = refusal(subscribe(file, "a@x.test\n", "--subscription=weekly"))
    assert weekly.startswith("From line 1 on nobody is subscribed: This value is not allowed. subscription")
    assert subscribers(news) == {}


def test_an_outage_says_how_far_it_came(
    site: Site, news: Client, file: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "AT_ONCE", 2)
    run = shared.run

    def run_and_lose_the_spool(*given: Any) -> None:
        run(*given)
        spool.rename(spool.with_name("away"))
        spool.write_text("no directory")

    monkeypatch.setattr(lists, "run", run_and_lose_the_spool)
    said = refusal(subscribe(file, "a@x.test\n\nb@x.test\nc@x.test\n"))
    spool.unlink()
    spool.with_name("away").rename(spool)
    assert said.startswith("A store does not answer since line 4: ")
    assert set(subscribers(news)) == {"a@x.test", "b@x.test"}
    assert site.storage.finish_pending() == (0, 0)


def test_progress_is_shown_to_people(news: Client, file: Path) -> None:
    ours, theirs = pty.openpty()
    words = [str(PROGRAM), "subscribe", NEWS, "-", f"--data={file.parent}", f"--settings={file}"]
    many = "".join(f"a{number}@x.test\n" for number in range(2500))
    subprocess.run(words, input=many.encode(), stdout=theirs, env={**environment(), "TERM": "xterm"}, check=True)
    os.close(theirs)
    shown = _all_of(ours)
    assert re.findall(r"\d+%", shown) == ["0%", "40%", "80%", "100%"]
    assert "2500 addresses subscribed." in shown
    assert len(subscribers(news)) == 2500


def _all_of(terminal: int) -> str:
    """Return what was written to a terminal that is closed now."""
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # that is its end
            os.close(terminal)
            return shown.decode()


@pytest.mark.slow  # needs mlmmj
def test_those_who_have_to_confirm_get_a_mail_and_are_not_subscribed(root: Client, file: Path, spool: Path) -> None:
    root.ok("POST", f"ml/{NEWS}")
    with sink() as (mails, port):
        for name, value in (("relayhost", LOOPBACK), ("smtpport", str(port))):
            (spool / "ex.com/news/control" / name).write_text(f"{value}\n")
        done = subscribe(file, "a@x.test\nb@x.test\n", "--confirm")
        assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "2 addresses asked to confirm.")
        asked = mails.taken()
    assert list(asked) == ["a@x.test", "b@x.test"]
    assert "+confsub-" in str(asked["a@x.test"].message["Reply-To"])
    assert subscribers(root) == {}


# The agent


@contextmanager
def agent(folder: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    """Run the agent over lists in a folder, until the end of the block."""
    words = [str(PROGRAM), "mlmmj-agent", f"--data={folder}", f"--listen={LOOPBACK}:{port}"]
    with subprocess.Popen(
        words, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert (
                process.stdout.readline()
                == f"The lists in {folder}/spool are served at http://{LOOPBACK}:{port}/api/\n"
            )
            _wait_for(port)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert "Traceback" not in process.stdout.read()


def _wait_for(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            with socket.create_connection((LOOPBACK, port), 1):
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data directory of an agent."""
    folder = tmp_path / "agent"
    folder.mkdir()
    settings = 'mlmmj_spool = "spool"\nmlmmj_archive = "archive"\nmlmmjadmin_token_file = "tokens"\n'
    (folder / "postreeve.toml").write_text(settings)
    return folder


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (None, 0o600, "The tokens in {file} can not be read."),
        ("ä" * 20, 0o600, "The tokens in {file} can not be read."),
        (TOKEN, 0o644, "The tokens in {file} may be read by others, or changed: it needs the mode 0640 or 0600."),
        (TOKEN, 0o660, "The tokens in {file} may be read by others, or changed: it needs the mode 0640 or 0600."),
        ("short", 0o600, "The file {file} needs a token on each line, of at least 16 characters."),
        (f"{TOKEN}\nshort\n", 0o600, "The file {file} needs a token on each line, of at least 16 characters."),
        ("\n", 0o600, "The file {file} needs a token on each line, of at least 16 characters."),
    ],
)
def test_an_agent_without_good_tokens_does_not_start(folder: Path, content: str | None, mode: int, reason: str) -> None:
    file = folder / "tokens"
    if content is not None:
        file.write_text(content, encoding="utf-8")
        file.chmod(mode)
    done = CliRunner().invoke(cli.app, ["mlmmj-agent", f"--data={folder}", "--listen=nowhere"])
    assert refusal(done) == reason.format(file=file)


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server((LOOPBACK, 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def remote(server: Server, folder: Path, port: int) -> Iterator[Site]:
    """An installation whose lists are behind an agent."""
    tokens = folder / "tokens"
    tokens.touch(0o600)
    tokens.write_text(f"{TOKEN}\n")
    url = f"http://{LOOPBACK}:{port}/api"
    with running(server, mlmmj="remote", mlmmjadmin_url=url, mlmmjadmin_token_file=str(tokens)) as site:
        root = site.root()
        root.ok("POST", "domain/ex.com", aliasDomains="alias.com")
        root.ok("POST", "user/ann@ex.com", password=PASSWORD)
        yield site


def test_a_list_lives_and_goes_behind_an_agent(remote: Site, folder: Path, port: int) -> None:
    root, spool = remote.root(), folder / "spool"
    with agent(folder, port):
        first = {"subscribers": "ann@ex.com,x@x.test", "require_confirm": "no"}
        root.ok("POST", f"ml/{NEWS}", name="News", owner="ann@ex.com", extra_addresses="letters@ex.com", **first)
        found = control(spool)
        assert (found["name"], found["owner"], found["moderators"]) == ("News\n", "ann@ex.com\n", "ann@ex.com\n")
        assert found["listaddress"] == "news@ex.com\nletters@ex.com\nnews@alias.com\n"
        assert {"subonlypost", "noget", "notmetoo", "nolistsubsemail", "tocc"} <= found.keys()
        root.ok("PUT", f"ml/{NEWS}", name="Our news", moderated="yes", footer_text="Bye.\nAnn", accessPolicy="public")
        changed = control(spool)
        assert changed.keys() - found.keys() == {"moderated", "footer_text", "footer_html"}
        assert found.keys() - changed.keys() == {"subonlypost"}
        assert (changed["name"], changed["footer_text"]) == ("Our news\n", "Bye.\nAnn\n")
        moved = {"add_subscribers": "x@x.test", "subscription": "digest", "remove_subscribers": "ann@ex.com"}
        root.ok("PUT", f"ml/{NEWS}", require_confirm="no", **moved)
        assert subscribers(root) == {"x@x.test": "digest"}
        assert (spool / "ex.com/news/digesters.d/x").read_text() == "x@x.test\n"
        profile = root.data(f"ml/{NEWS}")
        assert (profile["name"], profile["moderated"], profile["extra_addresses"]) == (
            "Our news", "yes", ["letters@ex.com"],
        )  # fmt: skip
        root.ok("DELETE", f"ml/{NEWS}")
        assert not (spool / "ex.com").exists()
        [kept] = (folder / "archive/ex.com").iterdir()
        assert (kept / "digesters.d/x").read_text() == "x@x.test\n"


@pytest.mark.slow  # whoever was silent is not asked again at once
def test_without_its_agent_an_installation_has_accounts_and_the_lists_follow(
    remote: Site, folder: Path, port: int
) -> None:
    root, spool = remote.root(), folder / "spool"
    with agent(folder, port):
        for mail in (NEWS, "team@ex.com"):
            root.ok("POST", f"ml/{mail}", owner="ann@ex.com", subscribers="ann@ex.com", require_confirm="no")
    before = remote.dump()
    for method, path in (
        ("GET", f"ml/{NEWS}"),
        ("PUT", f"ml/{NEWS}"),
        ("POST", "ml/more@ex.com"),
        ("GET", "mls/ex.com"),
    ):
        answer = root.raw(method, path, data={"name": "News"})
        assert (answer.status_code, answer.json()["_msg"]) == (503, "MAILING_LIST_SERVICE_UNAVAILABLE")
    assert remote.dump() == before
    root.ok("POST", "user/bob@ex.com", password=PASSWORD)
    assert root.data("user/ann@ex.com")["mailing_lists"] == []
    assert root.delete(f"ml/{NEWS}")["_pending"] == [
        "mlmmj: news@ex.com is to be forgotten", "mlmmj: news@ex.com goes to the archive",
    ]  # fmt: skip
    renamed = root.post("user/ann@ex.com/change_email/anna@ex.com")
    assert renamed == {"_success": True, "_pending": ["mlmmj: ann@ex.com is to become anna@ex.com"]}
    assert remote.storage.finish_pending() == (0, 3)
    with agent(folder, port):
        end = time.monotonic() + START_SECONDS
        while remote.storage.finish_pending()[1] and time.monotonic() < end:
            time.sleep(0.2)
        assert remote.rows("postreeve_pending") == []
        assert subscribers(root, "team@ex.com") == {"anna@ex.com": "normal"}
        assert control(spool, "team@ex.com")["owner"] == "anna@ex.com\n"
        assert root.data("user/anna@ex.com")["mailing_lists"] == ["team@ex.com"]
        assert not (spool / "ex.com/news").exists()
