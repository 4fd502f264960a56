"""Postreeve behind nginx and Apache, with the snippets that we give administrators."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests import servers
from tests.nodes.balancer import balancer
from tests.outages.processes import Process, free_port, serving, settings_file
from tests.site import PASSWORD, ROOT, Site
from tests.watching.probes import written

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
ELSEWHERE = "127.0.0.9"
"""Another address of loopback, which is no proxy's."""
HIDDEN = (
    "/newsletter/../metrics",
    "/newsletter/%2e%2e/metrics",
    "/metrics",
    "//metrics",
    "/metrics/",
    "/%6detrics",
    "/iredadmin/../metrics",
    "/readyz",
    "/healthz",
)
MODULES = Path("/usr/lib/apache2/modules")
pytestmark = [
    pytest.mark.slow,  # two servers are started for all tests
    pytest.mark.faces,
]

_NGINX = """
daemon off; pid {folder}/pid; error_log stderr warn; worker_processes 1;
events {{}}
http {{
    access_log {folder}/access.log; log_format own '$request_id'; access_log {folder}/ids.log own;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port}; listen 127.0.0.1:{tls} ssl;
        ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
        include {folder}/snippet;
    }}
}}
"""
_APACHE = """
ServerRoot "{folder}"
PidFile {folder}/pid
ServerName localhost
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{tls}
{modules}
ErrorLog /dev/stderr
LogFormat "%{{UNIQUE_ID}}e" own
CustomLog {folder}/ids.log own
{plain}
{secure}
"""
_HOST = '<VirtualHost 127.0.0.1:{port}>\n{ssl}Include "{folder}/snippet"\n</VirtualHost>'
_WITH_TLS = 'SSLEngine on\nSSLCertificateFile "{folder}/server.pem"\nSSLCertificateKeyFile "{folder}/server.key"\n'
_MODULES = ("mpm_event", "authz_core", "proxy", "proxy_http", "headers", "unique_id", "ssl", "log_config")


@dataclass(frozen=True)
class Proxy:
    """A proxy before a server process."""

    process: Process
    folder: Path
    port: int
    tls: int
    begun: int = 0
    """Lines of the log that were there before."""

    def ask(self, method: str, path: str, *, is_secure: bool = False, **options: object) -> requests.Response:
        """Ask from another address than the proxy's, and byte by byte what the path says."""
        session = requests.Session()
        session.mount("http://", From())
        session.mount("https://", From())
        kind, port = ("https", self.tls) if is_secure else ("http", self.port)
        url = f"{kind}://127.0.0.1:{port}"
        request = session.prepare_request(requests.Request(method, url, **options))  # type: ignore[arg-type]
        request.url = f"{url}{path}"
        return session.send(request, timeout=30, verify=str(self.folder / "authority.pem"))

    def lines(self) -> list[str]:
        return written(self.process).splitlines()[self.begun :]


class From(HTTPAdapter):
    """Connections that come from another address."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, source_address=(ELSEWHERE, 0), **options)


def test_haproxy_passes_on_our_mount_points_alone(site: Site, tmp_path: Path) -> None:
    """However the path is written."""
    file = settings_file(tmp_path, site.stores, trusted_proxies=["127.0.0.1"])
    with serving(file) as process, servers._folder() as folder:
        own = int(process.base.split("/")[2].rpartition(":")[2])
        fronts = {"postreeve": free_port(), "databases": free_port()}
        backs = {"postreeve": [own, free_port()], "databases": [free_port() for _ in range(3)]}
        with balancer(folder, fronts, backs):
            proxy = Proxy(process, folder, fronts["postreeve"], 0)
            assert proxy.ask("GET", "/iredadmin/api/domains").json()["_msg"] == "LOGIN_REQUIRED"
            for path in (
                "/metrics",
                "//metrics",
                "/metrics/",
                "/%6detrics",
                "/readyz",
                "/healthz",
                "/metrics?/iredadmin/",
            ):
                assert proxy.ask("GET", path).status_code == 404, path
            proxy.ask("GET", "/iredadmin/api/domains", headers={"X-Forwarded-For": "192.0.2.99"})
            assert f"client={ELSEWHERE} " in proxy.lines()[-1]


@pytest.fixture(scope="module", params=["nginx", "apache"])
def started(
    request: pytest.FixtureRequest, installation: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp(request.param)
    file = settings_file(folder, installation.stores, trusted_proxies=["127.0.0.1"])
    with serving(file) as process, servers._folder() as folder:
        servers._make_certificates(folder)
        made = Proxy(process, folder, free_port(), free_port())
        snippet = _switched_on((DEPLOY / f"{request.param}.conf").read_text(encoding="utf-8"))
        port = process.base.split("/")[2].rpartition(":")[2]
        (folder / "snippet").write_text(snippet.replace("127.0.0.1:8080", f"127.0.0.1:{port}"), encoding="utf-8")
        text = _nginx(made) if request.param == "nginx" else _apache(made)
        (folder / "conf").write_text(text, encoding="utf-8")
        with _running(request.param, made):
            yield made


@pytest.fixture
def proxy(started: Proxy) -> Proxy:
    return replace(started, begun=len(written(started.process).splitlines()))


def _switched_on(snippet: str) -> str:
    """Return a snippet with the lines that stand behind a # without a space."""
    return re.sub(r"^#(?! \S)", "", snippet, flags=re.MULTILINE)


def _nginx(proxy: Proxy) -> str:
    return _NGINX.format(folder=proxy.folder, port=proxy.port, tls=proxy.tls)


def _apache(proxy: Proxy) -> str:
    loaded = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in _MODULES]
    return _APACHE.format(
        folder=proxy.folder, port=proxy.port, tls=proxy.tls,
        modules="\n".join(line for line in loaded if Path(line.split()[2]).exists()),
        plain=_HOST.format(port=proxy.port, ssl="", folder=proxy.folder),
        secure=_HOST.format(port=proxy.tls, ssl=_WITH_TLS.format(folder=proxy.folder), folder=proxy.folder),
    )  # fmt: skip


@contextmanager
def _running(kind: str, proxy: Proxy) -> Iterator[None]:
    words = {
        "nginx": [servers._program("nginx"), "-p", str(proxy.folder), "-c", f"{proxy.folder}/conf"],
        "apache": [servers._program("apache2"), "-d", str(proxy.folder), "-f", f"{proxy.folder}/conf"],
    }[kind]
    checked = subprocess.run([*words, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    foreground = [] if kind == "nginx" else ["-D", "FOREGROUND"]
    log = proxy.folder / "log"
    with log.open("wb") as output:
        program = subprocess.Popen([*words, *foreground], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        for _ in range(200):
            assert program.poll() is None, log.read_text()
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", proxy.tls)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        program.terminate()
        program.wait()


def test_the_client_s_own_address_arrives_and_no_other(proxy: Proxy) -> None:
    proxy.ask("GET", "/iredadmin/api/domains", headers={"X-Forwarded-For": "192.0.2.99"})
    [line] = proxy.lines()
    assert f"client={ELSEWHERE} " in line


def test_whoever_reads_newsletters_has_the_own_address_there_too(proxy: Proxy) -> None:
    """The pages stand at iRedAdmin's addresses, and their limits count by clients."""
    answer = proxy.ask("GET", "/newsletter/subscribe/none", headers={"X-Forwarded-For": "192.0.2.99"})
    [line] = proxy.lines()
    assert (answer.status_code, answer.headers["x-request-id"] in line) == (404, True)
    assert f"client={ELSEWHERE} " in line
    assert " path=/newsletter/subscribe/none " in line


def test_the_page_about_lists_shows_the_lines_of_the_snippet() -> None:
    text = (DEPLOY.parent / "docs/mailing-lists.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^(location /newsletter/ {\n.*?^}\n)", text, re.DOTALL | re.MULTILINE)
    assert block in _switched_on((DEPLOY / "nginx.conf").read_text(encoding="utf-8"))


def test_paths_arrive_as_they_were_sent(proxy: Proxy) -> None:
    for sent in ("/iredadmin/api/user/a%2Fb", "/iredadmin//api/user/a+b", "/iredadmin/api/user/a%25b"):
        assert proxy.ask("GET", f"{sent}@ex.com").json()["_msg"] == "LOGIN_REQUIRED", sent
    shown = [re.findall(r" path=(\S+)", line)[0] for line in proxy.lines()]
    assert shown == ["/api/user/a/b@ex.com", "/api/user/a+b@ex.com", "/api/user/a%b@ex.com"]


def test_cookies_are_for_tls_alone_where_there_is_some(proxy: Proxy) -> None:
    login = {"username": ROOT, "password": PASSWORD}
    for is_secure in (True, False):
        answer = proxy.ask("POST", "/iredadmin/api/login", is_secure=is_secure, data=login)
        assert answer.json() == {"_success": True}
        assert ("; Secure" in answer.headers["set-cookie"]) is is_secure


def test_forms_of_our_own_pages_are_not_taken_for_foreign_ones(proxy: Proxy) -> None:
    """The name of the host arrives with its port, as browsers have it in the origin of a form."""
    own = {"Origin": f"http://127.0.0.1:{proxy.port}"}
    login = {"username": ROOT, "password": PASSWORD}
    assert proxy.ask("POST", "/iredadmin/api/login", headers=own, data=login).json() == {"_success": True}
    foreign = {"Origin": "http://127.0.0.1:1"}
    assert proxy.ask("POST", "/iredadmin/api/login", headers=foreign, data=login).json()["_msg"] == "PERMISSION_DENIED"


def test_the_proxy_and_postreeve_name_a_request_alike(proxy: Proxy) -> None:
    answer = proxy.ask("GET", "/iredadmin/api/domains", headers={"X-Request-Id": "mine"})
    own = answer.headers["x-request-id"]
    assert own in proxy.lines()[0].split()
    for _ in range(100):
        if own in (proxy.folder / "ids.log").read_text().split():
            return
        time.sleep(0.05)
    pytest.fail(f"{own} is not in {(proxy.folder / 'ids.log').read_text()}")


def test_nothing_but_the_mount_point_is_to_be_seen(proxy: Proxy) -> None:
    for path in (*HIDDEN, "/api/domains"):
        assert proxy.ask("GET", path).status_code == 404, path


def test_a_body_of_the_largest_size_arrives_and_a_larger_one_is_refused(proxy: Proxy) -> None:
    data = {"username": ROOT, "password": "x" * (8 * 1024 * 1024 - 100)}
    assert proxy.ask("POST", "/iredadmin/api/login", data=data).json()["_msg"] == "INVALID_CREDENTIALS"
    data["password"] += "x" * 1000
    assert proxy.ask("POST", "/iredadmin/api/login", data=data).status_code == 413


def test_haproxy_takes_its_configurations(tmp_path: Path) -> None:
    """That in `deploy/`, and the part for a directory in the page about several nodes."""
    text = (DEPLOY.parent / "docs" / "several-nodes.md").read_text(encoding="utf-8")
    [part] = re.findall(r"^```\n(listen directory\n.*?)^```$", text, re.DOTALL | re.MULTILINE)
    file = tmp_path / "directory.cfg"
    file.write_text(f"defaults\n    timeout connect 2s\n{part}", encoding="utf-8")
    for name in (DEPLOY / "haproxy.cfg", file):
        done = subprocess.run([servers._program("haproxy"), "-c", "-f", str(name)], capture_output=True, check=False)
        assert (done.returncode, b"WARNING" in done.stderr) == (0, False), done.stderr.decode()
