"""Accounts in OpenLDAP: filled, and measured beside a loop of python-ldap that does the documented job alone.

The loop is a process of its own, which sends one request for a user, or one for each page of a list, in as many threads
as there are clients, without HTTP, JSON, session, rights, claims and log.
"""

# ruff: noqa: ANN401 - what comes from the driver has no type

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

import anyio.to_thread
import ldap
import msgspec
from ldap.controls.libldap import SimplePagedResultsControl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench import clients, servers
from bench.bare import Drive
from bench.clients import Address
from bench.load import (
    ALIAS,
    BOX,
    EXTRA,
    MEMBERS_OF_ALIAS,
    TEMPLATE,
    USERS_OF_AN_EXTRA_ADDRESS,
    Population,
    last_login,
    mails_of,
    used_quota,
    write,
)
from bench.measure import (
    LIST_CLIENTS,
    SCALE,
    Compared,
    Figures,
    Options,
    Requests,
    memory_of,
    scaled_of,
    token_of,
)
from bench.plans import Values
from bench.servers import Application
from postreeve.app import settings_of
from postreeve.settings import Ldap
from postreeve.storage.directory.names import CONTAINERS, Tree
from postreeve.storage.directory.session import PAGE
from postreeve.web.api import COOKIE
from tests.servers import BesideOpenldap
from tests.site import PASSWORD, Site, running

LOOP = "bench.directory:application"
KINDS = ("get", "put", "list")
PART = 10
"""Of the users and domains that a database gets, a directory gets one in so many: slapd adds some hundred a second."""
MOST_BYTES = 8 << 30
"""Of a database's file; it takes what it needs."""
UNDERWAY = 200
"""Requests of the loading that are sent before the first answer is read."""

Attributes = dict[str, list[bytes]]
Entry = tuple[str, Attributes]


def measured(server: BesideOpenldap, options: Options, say: Callable[[str], None]) -> Figures:
    """Load a directory and measure it."""
    name = "openldap"
    users, domains = options.users // PART, max(options.domains // PART, 3)
    population = Population(users, domains)
    few = Population(max(users // SCALE, 40), max(domains // SCALE, 3))
    with running(server) as site, running(server) as small:
        for loaded, size in ((site, population), (small, few)):
            say(f"{name}: loading {size.users:,} users")
            fill(loaded, size)
        token = token_of(site)
        say(f"{name}: memory")
        memory = memory_of(site, population, f"{COOKIE}={token}")
        with servers.serving(servers.OURS, site.settings) as ours, servers.serving(LOOP, site.settings) as loop:
            speeds = {kind: _compared(kind, ours, loop, population, token, options, say) for kind in KINDS}
        say(f"{name}: scale")
        scaled = scaled_of(site, small, (population, few), options)
    return Figures(name, speeds, memory, scaled)


def _compared(  # noqa: PLR0913 - the sides of one comparison
    kind: str,
    ours: Application,
    loop: Application,
    population: Population,
    token: str,
    options: Options,
    say: Callable[[str], None],
) -> Compared:
    crowd = LIST_CLIENTS if kind == "list" else options.clients
    sent = Requests(Address(ours.port, "/api", f"{COOKIE}={token}"), population)
    requests = sent.of(kind)
    mails = [f"all@{population.listed[0]}"] * crowd if kind == "list" else sent.mails
    speeds = Compared()

    def measure(side: str, seconds: float) -> float:
        if side == "ours":
            return clients.rate(ours.port, requests, clients=crowd, seconds=seconds)
        return _driven(kind, loop, Drive(mails, "", seconds, crowd))

    sides = ["ours", "driver"]
    for side in sides:
        measure(side, options.seconds / 3)
    for number in range(options.rounds):
        say(f"openldap: {kind}, round {number + 1} of {options.rounds}")
        for side in sides if number % 2 == 0 else reversed(sides):
            getattr(speeds, side).append(measure(side, options.seconds))
    return speeds


def _driven(kind: str, loop: Application, drive: Drive) -> float:
    body = msgspec.json.encode(drive)
    head = f"POST /driver/{kind} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    answered = clients.answer(loop.port, head.encode() + body)
    assert isinstance(answered, bytes)
    return float(answered)


# The loop


class Loop:
    """What the documented job takes, with the driver alone."""

    def __init__(self, settings: Ldap) -> None:
        self.settings = settings
        self.tree = Tree(settings.suffix)
        self._idle: LifoQueue[Any] = LifoQueue()

    async def drive(self, request: Request) -> Response:
        given = msgspec.json.decode(await request.body(), type=Drive)
        send = getattr(self, request.path_params["kind"])
        done = await anyio.to_thread.run_sync(given.run, send)
        return Response(msgspec.json.encode(done), media_type="application/json")

    def get(self, values: Values) -> None:
        with self._driver() as driver:
            [_] = driver.search_s(self.tree.user(values["mail"]), ldap.SCOPE_BASE, attrlist=["*"])

    def put(self, values: Values) -> None:
        with self._driver() as driver:
            driver.modify_s(self.tree.user(values["mail"]), [(ldap.MOD_REPLACE, "cn", [values["name"].encode()])])

    def list(self, values: Values) -> None:
        with self._driver() as driver:
            cookie = b""
            while True:
                page = SimplePagedResultsControl(True, PAGE, cookie)
                users = self.tree.users(values["domain"])
                number = driver.search_ext(
                    users, ldap.SCOPE_ONELEVEL, "(objectClass=mailUser)", ["*"], serverctrls=[page]
                )
                _, found, _, controls = driver.result3(number)
                assert found
                cookie = controls[0].cookie
                if not cookie:
                    return

    @contextmanager
    def _driver(self) -> Iterator[Any]:
        try:
            driver = self._idle.get_nowait()
        except Empty:
            driver = connected(self.settings)
        yield driver
        self._idle.put_nowait(driver)


def application() -> Starlette:
    """Return the loop as an application, as the environment names its directory."""
    settings = settings_of(Path(), None).ldap
    assert settings
    return Starlette(routes=[Route("/driver/{kind}", Loop(settings).drive, methods=["POST"])])


def connected(settings: Ldap) -> Any:
    """Return a connection of the driver."""
    driver = ldap.initialize(settings.url)
    driver.simple_bind_s(settings.account, settings.password)
    return driver


# Loading


def fill(site: Site, population: Population) -> None:
    """Add the domains and users to an installation that has none: copies of entries that the API has made."""
    assert site.directory
    client = site.root()
    client.ok("POST", f"domain/{TEMPLATE}")
    client.ok("POST", f"user/{BOX}", name="Template", password=PASSWORD, quota="1024", aliases=EXTRA)
    client.ok("POST", f"alias/{ALIAS}", name="Everybody", members=BOX)
    _make_room(site)
    driver = connected(site.directory.manager)
    tree = site.directory.tree
    for kind in (_domains, _containers, _accounts):  # slapd need not answer in order, so parents come first
        _add(driver, kind(driver, tree, population))
    driver.unbind_s()
    site.storage.close()
    write(site.settings.iredadmin, {"used_quota": used_quota(population), "last_login": last_login(population)})


def _make_room(site: Site) -> None:
    """Let the directory's file grow: the tests' own is small."""
    assert site.directory
    slapd, suffix = site.directory.slapd, site.directory.manager.suffix
    with slapd._connection("cn=config") as driver:  # noqa: SLF001 - as the tests do
        [(dn, _)] = driver.search_s("cn=config", ldap.SCOPE_ONELEVEL, f"(olcSuffix={suffix})", ["1.1"])
        driver.modify_s(dn, [(ldap.MOD_REPLACE, "olcDbMaxSize", [str(MOST_BYTES).encode()])])


def _add(driver: Any, entries: Iterator[Entry]) -> None:
    """Add entries without waiting for each."""
    underway: deque[int] = deque()
    for dn, entry in entries:
        underway.append(driver.add_ext(dn, list(entry.items())))
        if len(underway) == UNDERWAY:
            driver.result3(underway.popleft())
    for number in underway:
        driver.result3(number)


def _domains(driver: Any, tree: Tree, population: Population) -> Iterator[Entry]:
    domain = _read(driver, tree.domain(TEMPLATE))
    for name, _ in population.sizes:
        yield tree.domain(name), {**domain, "domainName": [name.encode()]}


def _containers(driver: Any, tree: Tree, population: Population) -> Iterator[Entry]:
    containers = {name: _read(driver, tree.container(name, TEMPLATE)) for name in CONTAINERS}
    for domain, _ in population.sizes:
        for name, container in containers.items():
            yield tree.container(name, domain), container


def _accounts(driver: Any, tree: Tree, population: Population) -> Iterator[Entry]:
    user, alias = _read(driver, tree.user(BOX)), _read(driver, tree.alias(ALIAS))
    for domain, size in population.sizes:
        mails = mails_of(domain, size)
        for number, mail in enumerate(mails):
            yield tree.user(mail), _user(user, mail, number)
        members = [mail.encode() for mail in mails[:MEMBERS_OF_ALIAS]]
        mail = f"all@{domain}"
        yield tree.alias(mail), {**alias, "mail": [mail.encode()], "mailForwardingAddress": members}


def _read(driver: Any, dn: str) -> Attributes:
    [(_, entry)] = driver.search_s(dn, ldap.SCOPE_BASE, attrlist=["*"])
    return dict(entry)


def _user(template: Attributes, mail: str, number: int) -> Attributes:
    local, _, domain = mail.partition("@")
    home = template["homeDirectory"][0].replace(TEMPLATE.encode(), domain.encode())
    entry = {
        **template, "mail": [mail.encode()], "uid": [local.encode()], "cn": [f"User {mail}".encode()],
        "sn": [local.encode()], "homeDirectory": [home], "shadowAddress": [f"extra.{number}@{domain}".encode()],
    }  # fmt: skip
    if number % USERS_OF_AN_EXTRA_ADDRESS:
        del entry["shadowAddress"]
    return entry
