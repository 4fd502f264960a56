"""Measures our application beside the bare one on one engine, in alternating rounds."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from statistics import median

import msgspec

from bench import clients, plans, servers
from bench.bare import PLANS, Drive
from bench.clients import Address
from bench.load import Population, fill
from bench.plans import Plans, Recorder
from bench.servers import Application
from postreeve.web.api import COOKIE
from tests.servers import Server
from tests.site import PASSWORD, Site, running

KINDS = ("get", "put", "post", "list")
SCALE = 100
"""How much smaller the installation is beside which `GET user` is measured again."""
LIST_CLIENTS = 2
SLOW_BYTES_A_SECOND = 25_000_000
_numbers = count()


@dataclass(frozen=True)
class Options:
    """How long is measured, and with how much."""

    users: int
    domains: int
    seconds: float
    rounds: int
    clients: int


@dataclass
class Compared:
    """Requests a second of one kind, round by round."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    job: list[float] = field(default_factory=list)
    driver: list[float] = field(default_factory=list)

    def ratio(self, other: list[float]) -> float:
        """Return our part of another's speed: the median over the rounds."""
        return median(ours / theirs for ours, theirs in zip(self.ours, other, strict=True))


@dataclass(frozen=True)
class Memory:
    """Megabytes that our process has in use when it answers a long list."""

    profiles: int
    before: float
    peak: float
    peak_slow: float
    """The most of another process, whose client reads slowly."""
    after: float


@dataclass(frozen=True)
class Scaled:
    """`GET user` of ours a second, with all users and with few."""

    many: list[float] = field(default_factory=list)
    few: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return median(many / few for many, few in zip(self.many, self.few, strict=True))


@dataclass(frozen=True)
class Figures:
    """What was measured on one engine."""

    engine: str
    speeds: dict[str, Compared]
    memory: Memory
    scaled: Scaled


class Requests:
    """Requests of each kind for an application, about random users; the same ones for all applications."""

    def __init__(self, address: Address, population: Population) -> None:
        self.address = address
        self.population = population
        self.mails = random.Random(32).sample(population.mails(), min(population.users, 20_000))

    def of(self, kind: str) -> Iterator[bytes]:
        match kind:
            case "get":
                return cycle([self.address.request("GET", f"user/{mail}") for mail in self.mails])
            case "put":
                named = enumerate(self.mails)
                return cycle([self.address.request("PUT", f"user/{mail}", name=f"Name {n}") for n, mail in named])
            case "post":
                return self._new()
            case _:
                return cycle([self.address.request("GET", f"users/{self.population.listed[0]}")])

    def _new(self) -> Iterator[bytes]:
        domains = [domain for domain, _ in self.population.spread]
        for number in _numbers:
            mail = f"new{number}@{random.choice(domains)}"
            yield self.address.request("POST", f"user/{mail}", name=f"New {number}", password=PASSWORD, quota="1024")


def measured(name: str, server: Server, folder: Path, options: Options, say: Callable[[str], None]) -> Figures:
    """Load an engine's databases and measure everything on them."""
    population = Population(options.users, options.domains)
    few = Population(options.users // SCALE, max(options.domains // SCALE, 3))
    with running(server) as site, running(server) as small:
        for loaded, size in ((site, population), (small, few)):
            say(f"{name}: loading {size.users:,} users")
            fill(loaded, size)
        token = token_of(site)
        cookie = f"{COOKIE}={token}"
        recorded = folder / f"{name}.json"
        recorded.write_bytes(msgspec.json.encode(_recorded(site, population)))
        say(f"{name}: memory")
        memory = memory_of(site, population, cookie)
        with _applications(site, recorded) as (ours, bare):
            if unlike := _unlike(ours, bare, population, cookie):
                say(f"{name}: the applications do not answer alike: {', '.join(sorted(unlike))}")
            speeds = {kind: _compared(kind, ours, bare, population, token, options, say, name) for kind in KINDS}
        say(f"{name}: scale")
        scaled = scaled_of(site, small, (population, few), options)
    return Figures(name, speeds, memory, scaled)


def token_of(site: Site) -> str:
    client = site.root()
    return str(client.session.cookies[COOKIE])


def _recorded(site: Site, population: Population) -> Plans:
    """Have the installation answer one request of each kind, and return what it sent."""
    recorder = Recorder(site.storage)
    client = site.root()
    session = plans.session_hash(str(client.session.cookies[COOKIE]))
    old, new = population.mails()[-1], f"recorded@{population.spread[0][0]}"
    listed = population.listed[0]
    with recorder.watching():
        client.data(f"user/{old}")  # settings of the site are read now, and not while it is recorded
        recorder.events.clear()
        client.data(f"user/{old}")
        get = recorder.plan(mail=old, domain=old.partition("@")[2], session=session)
        client.ok("PUT", f"user/{old}", name="Recorded Name")
        put = recorder.plan(mail=old, domain=old.partition("@")[2], name="Recorded Name", session=session)
        client.ok("POST", f"user/{new}", name="Recorded Name", password=PASSWORD, quota="1024")
        local, _, domain = new.partition("@")
        post = recorder.plan(mail=new, local=local, domain=domain, name="Recorded Name", session=session)
        client.data(f"users/{listed}")
        several = recorder.plan(domain=listed, session=session)
    return Plans(get, put, post, several)


@contextmanager
def _applications(site: Site, recorded: Path) -> Iterator[tuple[Application, Application]]:
    with ExitStack() as stack:
        ours = stack.enter_context(servers.serving(servers.OURS, site.settings))
        bare = stack.enter_context(servers.serving(servers.BARE, site.settings, **{PLANS: str(recorded)}))
        yield ours, bare


def _unlike(ours: Application, bare: Application, population: Population, cookie: str) -> set[str]:
    """Return the keys of profiles that the applications do not answer alike."""
    unlike: set[str] = set()
    for path in (f"user/{population.mails()[0]}", f"users/{population.listed[0]}"):
        answers = []
        for application in (ours, bare):
            body = clients.answer(application.port, Address(0, "/api", cookie).request("GET", path))
            data = msgspec.json.decode(_plain(body))["_data"]
            answers.append(data if isinstance(data, list) else [data])
        for one, other in zip(*answers, strict=True):
            unlike |= {key for key in one.keys() | other.keys() if one.get(key, ...) != other.get(key, ...)}
    return unlike


def _plain(body: bytes | int) -> bytes:
    """Take the lengths of chunks out of an answer."""
    assert isinstance(body, bytes)
    if body.startswith(b"{"):
        return body
    plain, rest = bytearray(), body
    while rest:
        length, _, rest = rest.partition(b"\r\n")
        size = int(length, 16)
        plain += rest[:size]
        rest = rest[size + 2 :]
    return bytes(plain)


def _compared(  # noqa: PLR0913 - the sides of one comparison
    kind: str,
    ours: Application,
    bare: Application,
    population: Population,
    token: str,
    options: Options,
    say: Callable[[str], None],
    name: str,
) -> Compared:
    cookie = f"{COOKIE}={token}"
    crowd = LIST_CLIENTS if kind == "list" else options.clients
    addresses = {
        "ours": Address(ours.port, "/api", cookie),
        "bare": Address(bare.port, "/api", cookie),
        "job": Address(bare.port, "/job", cookie),
    }
    sent = {side: Requests(address, population).of(kind) for side, address in addresses.items()}
    speeds = Compared()

    def measure(side: str, seconds: float) -> float:
        if side == "driver":
            return _driven(kind, bare, population, token, crowd, seconds)
        return clients.rate(addresses[side].port, sent[side], clients=crowd, seconds=seconds)

    sides = [*addresses, "driver"]
    for side in sides:
        measure(side, options.seconds / 3)
    for number in range(options.rounds):
        say(f"{name}: {kind}, round {number + 1} of {options.rounds}")
        for side in sides if number % 2 == 0 else reversed(sides):
            getattr(speeds, side).append(measure(side, options.seconds))
    return speeds


def _driven(  # noqa: PLR0913 - the sides of one comparison
    kind: str, bare: Application, population: Population, token: str, threads: int, seconds: float
) -> float:
    requests = Requests(Address(bare.port, "/driver", ""), population)
    mails = requests.mails
    if kind == "post":
        domains = [domain for domain, _ in population.spread]
        number = next(_numbers)
        mails = [f"driven{number}.{n}@{random.choice(domains)}" for n in range(int(20_000 * max(seconds, 1)))]
    if kind == "list":
        mails = [f"all@{population.listed[0]}"] * threads
    body = msgspec.json.encode(Drive(mails, plans.session_hash(token), seconds, threads))
    head = f"POST /driver/{kind} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    answered = clients.answer(bare.port, head.encode() + body)
    assert isinstance(answered, bytes)
    return float(answered)


def memory_of(site: Site, population: Population, cookie: str) -> Memory:
    """Let a long list be read, by a quick client and by a slow one of another process."""
    address = Address(0, "/api", cookie)
    domain, profiles = population.streamed
    peaks = []
    for pace in (1 << 40, SLOW_BYTES_A_SECOND):
        with servers.serving(servers.OURS, site.settings) as ours:
            small = address.request("GET", f"users/{population.spread[0][0]}")
            clients.rate(ours.port, cycle([small]), clients=2, seconds=0.5)
            ours.forget_peak()
            before = ours.resident()
            clients.answer(ours.port, address.request("GET", f"users/{domain}"), pace)
            peaks.append((before, ours.resident("VmHWM"), ours.resident()))
    (before, peak, after), (before_slow, peak_slow, _) = peaks
    return Memory(profiles, before, peak, before + peak_slow - before_slow, after)


def scaled_of(site: Site, small: Site, populations: tuple[Population, Population], options: Options) -> Scaled:
    scaled = Scaled()
    with ExitStack() as stack:
        sides = []
        for loaded, population, rates in zip((site, small), populations, (scaled.many, scaled.few), strict=True):
            ours = stack.enter_context(servers.serving(servers.OURS, loaded.settings))
            requests = Requests(Address(ours.port, "/api", f"{COOKIE}={token_of(loaded)}"), population).of("get")
            clients.rate(ours.port, requests, clients=options.clients, seconds=options.seconds / 3)
            sides.append((ours.port, requests, rates))
        for number in range(options.rounds):
            for port, requests, rates in sides if number % 2 == 0 else reversed(sides):
                rates.append(clients.rate(port, requests, clients=options.clients, seconds=options.seconds))
    return scaled
