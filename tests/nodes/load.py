"""A client that keeps several nodes busy through a balancer, and books what it is told."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

import requests

from tests.nodes.ledger import (
    DONE,
    UNKNOWN,
    Alias,
    ContradictionError,
    Deed,
    Domain,
    Slot,
    State,
    Tally,
    User,
    changed,
    created,
    gone,
    text,
)
from tests.site import PASSWORD, ROOT
from tests.wire.raw import COOKIE

HOMES = ("alpha.test", "beta.test")
"""Domains that the writers share."""
SLOTS = 12
_PATIENCE = 25
"""Seconds after which a request that is not answered counts as broken."""
_SETTLING = 3.0
"""Seconds for which an account rests whose request broke: nobody says whether it is still being carried out."""


@dataclass
class Load:
    """Threads that ask for everything at once, each in its own part of the world."""

    base: str
    session: str
    """The id of one session, which has to last."""
    tally: Tally = field(default_factory=Tally)
    slots: list[Slot] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def second(self) -> int:
        return int(time.monotonic() - self._began)

    def start(self, writers: int) -> None:
        work: list[tuple[str, Callable[[], None]]] = [
            (f"w{number}", Writer(self, number).run) for number in range(writers)
        ]
        for name, run in [*work, ("logins", self._log_in_and_out)]:
            thread = threading.Thread(target=self._guarded, args=(run,), name=name)
            thread.start()
            self._threads.append(thread)

    def wait_until(self, second: int) -> None:
        """Wait until that second of the load, unless something went wrong."""
        while self.second < second and not self.tally.wrong:
            time.sleep(0.1)

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def goes_on(self) -> bool:
        return not self._is_over.is_set()

    def client(self, *, is_logged_in: bool = True) -> requests.Session:
        client = requests.Session()
        client.trust_env = False
        if is_logged_in:
            client.cookies.set(COOKIE, self.session)
        return client

    def ask(self, client: requests.Session, method: str, path: str, form: dict[str, str]) -> tuple[str, object]:
        """Return the outcome of a request, and its data."""
        given = {"params": form} if method == "GET" else {"data": form}
        try:
            answer = client.request(method, f"{self.base}/{path}", timeout=_PATIENCE, **given)  # type: ignore[arg-type]
        except requests.RequestException:
            return self._is_broken("connection"), None
        if answer.headers.get("content-type") != "application/json":
            return self._is_broken(f"{answer.status_code} of the balancer"), None
        said = answer.json()
        if answer.status_code == 503:
            if said["_msg"] != "SERVICE_UNAVAILABLE" or not int(answer.headers["retry-after"]):
                self.is_wrong(f"{method} {path}: {said}")
            with self._lock:
                self.tally.unavailable += 1
            self._is_over.wait(0.2)
            return UNKNOWN, None
        if answer.status_code != 200 or not answer.headers["x-request-id"]:
            self.is_wrong(f"{method} {path}: {answer.status_code} {said}")
        if said["_success"]:
            with self._lock:
                self.tally.acknowledged[method] += 1
                self.tally.seconds[self.second] += 1
        return said.get("_msg", DONE), said.get("_data")

    def is_wrong(self, sentence: str) -> None:
        with self._lock:
            self.tally.wrong.append(f"{self.second}s {sentence}")

    def _is_broken(self, how: str) -> str:
        """Count a request without an answer of ours: what became of it is not known."""
        with self._lock:
            self.tally.broken[how] += 1
        self._is_over.wait(0.2)
        return f"{UNKNOWN} {how}"

    def _guarded(self, run: Callable[[], None]) -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test has to know
            self.is_wrong(f"{threading.current_thread().name}: {error!r}")

    def _log_in_and_out(self) -> None:
        """Open sessions, use them and end them; and look whether the first one still holds."""
        while self.goes_on():
            client = self.client(is_logged_in=False)
            outcome, _ = self.ask(client, "POST", "login", {"username": ROOT, "password": PASSWORD})
            if outcome == DONE:
                for _ in range(3):
                    self._expect(self.ask(client, "GET", "domains", {"name_only": "yes"})[0])
                self._expect(self.ask(client, "POST", "logout", {})[0])
            else:
                self._expect(outcome)
            self._expect(self.ask(self.client(), "GET", f"domain/{HOMES[0]}", {})[0])
            self._is_over.wait(0.2)

    def _expect(self, outcome: str) -> None:
        if outcome != DONE and not outcome.startswith(UNKNOWN):
            self.is_wrong(f"a session: {outcome}")


class Writer:
    """One thread: users and aliases in a domain that it shares, and domains of its own."""

    def __init__(self, load: Load, number: int) -> None:
        self.load = load
        self.name = f"w{number}"
        self.home = HOMES[number % len(HOMES)]
        self.random = random.Random(number)
        self.numbers = count(1)
        self.client = load.client()
        self.users = [self._slot(f"{self.name}-u{n}") for n in range(SLOTS)]
        self.aliases = [self._slot(f"{self.name}-a{n}") for n in range(SLOTS // 3)]
        self.domains = [Slot((f"{self.name}-d{n}.test", "")) for n in range(SLOTS // 4)]
        load.slots += [*self.users, *self.aliases, *self.domains]

    def run(self) -> None:
        kinds = [(self.users, self._user_deed)] * 6 + [(self.aliases, self._alias_deed)] * 2
        kinds += [(self.domains, self._domain_deed)]
        while self.load.goes_on():
            slots, choose = self.random.choice(kinds)
            slot = self.random.choice(slots)
            if slot.rests_until < time.monotonic():
                self._do(slot, choose(slot))
            if self.random.random() < 0.1:
                self._look()
            time.sleep(0.01)

    def _slot(self, local: str) -> Slot:
        return Slot((f"{local}@{self.home}", f"{local}-new@{self.home}"))

    def _do(self, slot: Slot, deed: Deed) -> None:
        outcome, _ = self.load.ask(self.client, deed.method, deed.path, deed.form)
        if outcome.startswith(UNKNOWN) and outcome != UNKNOWN:
            slot.rests_until = time.monotonic() + _SETTLING
            outcome = UNKNOWN
        try:
            slot.note(deed, outcome)
        except ContradictionError as error:
            self.load.is_wrong(f"{deed.method} {deed.path}: {outcome}. {error}")
            slot.states = frozenset({None})
            slot.rests_until = float("inf")
        if outcome == DONE and deed.path == f"user/{deed.address}" and deed.method != "PUT":
            event = "create" if deed.is_creation else "delete"
            self.load.tally.told[event, deed.address] += 1

    def _look(self) -> None:
        """List the users of the home domain: those of ours have to be there as they are known, through any node."""
        known = [slot for slot in self.users if slot.rests_until < time.monotonic()]
        outcome, data = self.load.ask(self.client, "GET", f"users/{self.home}", {"email_only": "yes"})
        if outcome != DONE:
            return
        assert isinstance(data, list)
        listed = {mail for mail in data if mail.startswith(f"{self.name}-")}
        for slot in known:
            expected = {frozenset({state.address} if state else ()) for state in slot.states}
            if listed & set(slot.addresses) not in expected:
                self.load.is_wrong(f"{slot.addresses} listed as {listed & set(slot.addresses)}: {slot.history[-6:]}")

    # What may be done with an account as it is known

    def _user_deed(self, slot: Slot) -> Deed:
        if slot.is_free:
            user = self._new_user(slot.addresses[0])
            return self._creation(slot, user, {**_form(user), "password": PASSWORD})
        address = _address(slot)
        new = self._new_user(address)
        path = f"user/{address}"
        deeds: list[Deed] = [
            changed(address, path, _form(new), name=new.name, aliases=new.aliases, forwarding=new.forwarding),
            gone(address, path),
        ]
        if slot.is_known:
            other = next(other for other in slot.addresses if other != address)
            deeds.append(_renaming("user", address, other))
            number = next(self.numbers)
            throttle = {"period": "60", "max_msgs": str(number)}
            deeds.append(replace(changed(address, f"throttle/{address}/outbound", throttle, throttle=number),
                                 method="POST"))  # fmt: skip
        weights = [4, 2, 2, 2][: len(deeds)]
        return self.random.choices(deeds, weights)[0]

    def _alias_deed(self, slot: Slot) -> Deed:
        number = next(self.numbers)
        members = frozenset(f"m{number}-{n}@far.test" for n in range(3))
        if slot.is_free:
            alias = Alias(slot.addresses[0], f"n{number}", members)
            return self._creation(slot, alias, {"name": alias.name, "members": text(members)})
        address = _address(slot)
        path = f"alias/{address}"
        form = {"name": f"n{number}", "members": text(members)}
        deeds = [changed(address, path, form, name=f"n{number}", members=members), gone(address, path)]
        if slot.is_known:
            other = next(other for other in slot.addresses if other != address)
            deeds.append(_renaming("alias", address, other))
        return self.random.choices(deeds, [4, 2, 2][: len(deeds)])[0]

    def _domain_deed(self, slot: Slot) -> Deed:
        name, number = slot.addresses[0], next(self.numbers)
        aliases = frozenset(f"{part}-{name}" for part in self.random.sample(("x", "y", "z"), 2))
        catchall = frozenset({f"c{number}@far.test"})
        form = {"name": f"n{number}", "aliasDomains": text(aliases), "catchall": text(catchall)}
        if slot.is_free:
            return self._creation(slot, Domain(name, f"n{number}", aliases, catchall), form)
        values = {"name": f"n{number}", "aliases": aliases, "catchall": catchall}
        return self.random.choice([changed(name, f"domain/{name}", form, **values), gone(name, f"domain/{name}")])

    def _new_user(self, address: str) -> User:
        number = next(self.numbers)
        own = address.partition("@")[0].removesuffix("-new")
        aliases = frozenset(f"{own}-x{n}@{self.home}" for n in self.random.sample(range(4), 2))
        return User(address, f"n{number}", aliases, frozenset({f"f{number}@far.test", address}))

    def _creation(self, slot: Slot, thing: User | Alias | Domain, form: dict[str, str]) -> Deed:
        """Create it where it may be already: then that is refused, and tells what is there."""
        elsewhere = [state for state in slot.states if state and state.address != thing.address]
        if elsewhere:
            return gone(elsewhere[0].address, _path(elsewhere[0]))
        return created(thing, "POST", _path(thing), form)


def _form(user: User) -> dict[str, str]:
    return {"name": user.name, "aliases": text(user.aliases), "forwarding": text(user.forwarding)}


def _renaming(kind: str, address: str, other: str) -> Deed:
    def renamed(state: User | Alias) -> State:
        if isinstance(state, User):  # a copy for oneself is kept under the new address
            kept = frozenset(other if mail == address else mail for mail in state.forwarding)
            return replace(state, address=other, forwarding=kept)
        return replace(state, address=other)

    return Deed("POST", f"{kind}/{address}/change_email/{other}", {}, address, renamed)


def _address(slot: Slot) -> str:
    """Return where the account is, or one of the places."""
    return min(state.address for state in slot.states if state)


def _path(thing: User | Alias | Domain) -> str:
    kind = {User: "user", Alias: "alias", Domain: "domain"}[type(thing)]
    return f"{kind}/{thing.address}"


def facts(rows: Callable[[str], list[tuple[object, ...]]]) -> Iterator[User | Alias | Domain]:
    """Yield all users, aliases and domains as a database has them; what is left of something that is not there, too."""
    links = rows("SELECT address, forwarding, is_forwarding, is_alias, is_list FROM vmail.forwardings")
    throttles = {str(account): int(str(most)) for account, most in rows(
        "SELECT account, max_msgs FROM iredapd.throttle WHERE kind = 'outbound'")}  # fmt: skip
    names = {str(mail): str(name) for mail, name in rows("SELECT username, name FROM vmail.mailbox")}
    owners = {str(to) for _, to, _, is_alias, _ in links if is_alias}
    owners |= {str(of) for of, _, is_own, _, _ in links if is_own}
    for mail in sorted({*names, *owners, *throttles} - {name for name in owners if "@" not in name}):
        yield User(
            mail, names.get(mail, "(no mailbox)"),
            frozenset(str(of) for of, to, _, is_alias, _ in links if is_alias and to == mail),
            frozenset(str(to) for of, to, is_own, _, _ in links if is_own and of == mail),
            throttles.get(mail, 0),
        )  # fmt: skip
    aliases = {str(mail): str(name) for mail, name in rows("SELECT address, name FROM vmail.alias")}
    for mail in sorted({*aliases, *(str(of) for of, _, _, _, is_list in links if is_list)}):
        yield Alias(mail, aliases.get(mail, "(no alias)"),
                    frozenset(str(to) for of, to, _, _, is_list in links if is_list and of == mail))  # fmt: skip
    domains = {str(name): str(said) for name, said in rows("SELECT domain, description FROM vmail.domain")}
    others = [(str(alias), str(of)) for alias, of in rows("SELECT alias_domain, target_domain FROM vmail.alias_domain")]
    plain = [(str(of), str(to)) for of, to, *marks in links if not any(marks)]
    for name in sorted({*domains, *(of for _, of in others), *(of for of, _ in plain)}):
        yield Domain(name, domains.get(name, "(no domain)"), frozenset(alias for alias, of in others if of == name),
                     frozenset(to for of, to in plain if of == name))  # fmt: skip
