"""The bare application: Starlette, the drivers and msgspec, with what Postreeve was seen to send written down.

It has no fields, no rules and no messages. Below `/api` it sends every statement of a recorded plan; below `/job` only
those without which the documented job is not done; `/driver` sends the plans in threads, without HTTP and JSON.
"""

# ruff: noqa: ANN401 - what comes from drivers has no type

import hashlib
import os
import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

import anyio.to_thread
import msgspec
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.plans import SCHEME, Part, Plans, Step, Values, now, session_hash
from postreeve.app import settings_of
from postreeve.settings import Settings
from postreeve.storage.engines import SqlEngine, engine_of
from postreeve.web.api import COOKIE

PLANS = "POSTREEVE_BENCH_PLANS"
CLAIM_SECONDS = 60
SUCCESS = b'{"_success":true}'

_encode = msgspec.json.Encoder().encode
_DATES = ("created", "modified", "expired", "passwordlastchange", "birthday")

Answer = tuple[Step, Sequence[Sequence[Any]]]


class Pool:
    """Connections of a driver, the last one used first."""

    def __init__(self, engine: SqlEngine) -> None:
        self._engine = engine
        self._idle: LifoQueue[Any] = LifoQueue()

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = self._engine.connect()
        try:
            cursor = connection.cursor()
            yield cursor
            cursor.close()
        except BaseException:
            connection.close()
            raise
        self._idle.put_nowait(connection)


class Databases:
    """Both databases, and how a plan is sent to them."""

    def __init__(self, settings: Settings) -> None:
        self._pools: dict[Part, Pool] = {
            "vmail": Pool(engine_of(settings.vmail)),
            "iredadmin": Pool(engine_of(settings.iredadmin)),
        }

    def send(self, steps: Collection[Step], values: Values) -> list[Answer]:
        return list(self.sending(steps, values))

    def sending(self, steps: Collection[Step], values: Values) -> Iterator[Answer]:
        """Send the steps one after the other, and yield the answers."""
        vmail, iredadmin = self._pools["vmail"], self._pools["iredadmin"]
        quoted: dict[int, Any] = {}
        with vmail.cursor() as accounts, iredadmin.cursor() as panel:
            for number, step in enumerate(steps):
                cursor = accounts if step.part == "vmail" else panel
                if step.has_parameters:
                    cursor.execute(step.text, _parameters(step, values, quoted))
                else:
                    cursor.execute(step.text)
                rows = _fetched(cursor, step)
                if step.is_quoted:
                    quoted[number] = rows
                yield step, rows


def _parameters(step: Step, values: Values, quoted: dict[int, Any]) -> dict[str, Any]:
    parameters = step.constants.copy()
    for name, slot in step.slots.items():
        parameters[name] = values[slot]
    for name, pattern in step.patterns.items():
        parameters[name] = pattern.format_map(values)
    for name, (number, row, column) in step.cells.items():
        parameters[name] = quoted[number][row][column]
    for name, entries in step.lists.items():
        parameters[name] = [
            values[entry] if isinstance(entry, str) else quoted[entry[0]][entry[1]][entry[2]] for entry in entries
        ]
    return parameters


def _fetched(cursor: Any, step: Step) -> Sequence[Sequence[Any]]:
    match step.fetch:
        case "all":
            rows: Sequence[Sequence[Any]] = cursor.fetchall()
            return rows
        case "one":
            return [cursor.fetchone()]
        case "id":
            return [(cursor.lastrowid,)]
        case _:
            return ()


class Bare:
    """The handlers."""

    def __init__(self, settings: Settings, plans: Plans) -> None:
        self.databases = Databases(settings)
        self.plans = plans
        self.jobs = _jobs(settings, plans)
        self.limiter = CapacityLimiter(settings.pool_size)

    def routes(self) -> list[Route]:
        routes = [Route("/driver/{kind}", self.drive, methods=["POST"])]
        for prefix, plans in (("/api", self.plans), ("/job", self.jobs)):
            routes += [
                Route(f"{prefix}/user/{{mail}}", partial(self.get, plans.get), methods=["GET"]),
                Route(f"{prefix}/user/{{mail}}", partial(self.change, plans.put), methods=["PUT"]),
                Route(f"{prefix}/user/{{mail}}", partial(self.change, plans.post), methods=["POST"]),
                Route(f"{prefix}/users/{{domain}}", partial(self.list, plans.list), methods=["GET"]),
            ]
        return routes

    async def get(self, steps: Sequence[Step], request: Request) -> Response:
        values = _values(request.path_params["mail"], session=_session(request))
        return await self._answer(self._profile, steps, values)

    async def change(self, steps: Sequence[Step], request: Request) -> Response:
        async with request.form() as form:
            values = _values(request.path_params["mail"], session=_session(request), **form)
        return await self._answer(self._changed, steps, values)

    async def list(self, steps: Sequence[Step], request: Request) -> Response:
        values = {"session": _session(request), "domain": request.path_params["domain"]}
        return await self._answer(self._profiles, steps, values)

    async def drive(self, request: Request) -> Response:
        """Send a plan again and again in as many threads as the pool has connections, and answer how often a second."""
        given = msgspec.json.decode(await request.body(), type=Drive)
        steps: Sequence[Step] = getattr(self.plans, request.path_params["kind"])
        done = await anyio.to_thread.run_sync(given.run, partial(self.databases.send, steps))
        return Response(_encode(done), media_type="application/json")

    async def _answer(
        self, work: Callable[[Sequence[Step], Values], bytes], steps: Sequence[Step], values: Values
    ) -> Response:
        body = await anyio.to_thread.run_sync(work, steps, values, limiter=self.limiter)
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    def _profile(self, steps: Sequence[Step], values: Values) -> bytes:
        return _encode({"_success": True, "_data": next(_profiles(self.databases.sending(steps, values)))})

    def _changed(self, steps: Sequence[Step], values: Values) -> bytes:
        password = values.get("password")
        self.databases.send(steps, {**values, "password": _hash(password)} if password else values)
        return SUCCESS

    def _profiles(self, steps: Sequence[Step], values: Values) -> bytes:
        profiles = b",".join(map(_encode, _profiles(self.databases.sending(steps, values))))
        return b'{"_success":true,"_data":[' + profiles + b"]}"


class Drive(msgspec.Struct):
    """How the driver's own loop is to run."""

    mails: list[str]
    session: str
    seconds: float
    threads: int

    def run(self, send: Callable[[Values], object]) -> float:
        """Send until the time is over, and return how often it was done in a second."""
        counts = [0] * self.threads
        started = time.perf_counter()

        def repeat(thread: int) -> None:
            mails = self.mails[thread :: self.threads]
            while time.perf_counter() - started < self.seconds:
                mail = mails[counts[thread] % len(mails)]
                send(_values(mail, session=self.session, password=f"{SCHEME}same", name="Somebody Else"))
                counts[thread] += 1

        threads = [threading.Thread(target=repeat, args=(thread,)) for thread in range(self.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - started)


def application() -> Starlette:
    """Return the application of one server process, as the environment names its databases and plans."""
    plans = msgspec.json.decode(Path(os.environ[PLANS]).read_bytes(), type=Plans)
    return Starlette(routes=Bare(settings_of(Path(), None), plans).routes())


def _values(mail: str, **given: Any) -> dict[str, Any]:
    local, _, domain = mail.rpartition("@")
    moment = {"now": now(), "seconds": int(time.time()) + CLAIM_SECONDS, "random": os.urandom(16).hex()}
    return {"mail": mail, "local": local, "domain": domain, **moment, **given}


def _session(request: Request) -> str:
    return session_hash(request.cookies[COOKIE])


def _hash(password: str) -> str:
    salt = os.urandom(8)
    return SCHEME + b64encode(hashlib.sha512(password.encode() + salt).digest() + salt).decode()


def _profiles(answers: Iterable[Answer]) -> Iterator[dict[str, Any]]:
    """Put the users' rows together with the links that follow them."""
    waiting: dict[str, dict[str, Any]] = {}
    for step, rows in answers:
        if "maildir" in step.columns:
            yield from waiting.values()
            waiting = {profile["username"]: profile for profile in (_profile(step.columns, row) for row in rows)}
        elif step.columns == ["kind", "owner", "value"]:
            for kind in _kinds(step.text):
                for profile in waiting.values():
                    profile[kind] = []
            for kind, owner, value in rows:
                waiting[owner][kind].append(value)
    yield from waiting.values()


@lru_cache
def _kinds(text: str) -> list[str]:
    """Return the kinds of links that a statement may find."""
    return re.findall(r"'(\w+)'(?: AS kind\b|, address)", text)


def _profile(columns: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    profile: dict[str, Any] = dict(zip(columns, row, strict=True))
    del profile["password"]
    for key in _DATES:
        profile[key] = str(profile[key])
    profile["settings"] = dict(pair.split(":", 1) for pair in profile["settings"].split(";") if pair)
    profile["mail"] = profile["username"]
    profile["accountStatus"] = "active" if profile["active"] else "disabled"
    if "stored_bytes" in profile:
        profile["mailing_lists"] = []
        login = max(profile.pop("_imap") or 0, profile.pop("_pop3") or 0)
        profile["last_login"] = str(datetime.fromtimestamp(login, UTC))[:19] if login else ""
        profile["stored_bytes"] = profile["stored_bytes"] or 0
        profile["stored_messages"] = profile["stored_messages"] or 0
        profile["senderBcc"] = profile["senderBcc"] or ""
        profile["recipientBcc"] = profile["recipientBcc"] or ""
    return profile


def _jobs(settings: Settings, plans: Plans) -> Plans:
    """Return plans of the documented job alone: no session, no rights, no locks, no log."""
    with closing(engine_of(settings.vmail).connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SELECT * FROM mailbox WHERE 0 = 1")
        columns = [column[0] for column in cursor.description]
    place = ":%s" if settings.vmail.engine == "sqlite" else "%%(%s)s"
    mail, domain = place % "mail", place % "domain"
    forwardings = (
        f"SELECT 'forwardings', address, forwarding FROM forwardings WHERE address = {mail} AND is_forwarding = 1"
    )
    return Plans(
        get=[
            _query(f"SELECT * FROM mailbox WHERE username = {mail}", "mail", columns),
            _query(forwardings, "mail", ["kind", "owner", "value"]),
        ],
        put=[step for step in plans.put if _is_job(step)],
        post=[step for step in plans.post if _is_job(step)],
        list=[_query(f"SELECT * FROM mailbox WHERE domain = {domain} ORDER BY username", "domain", columns)],
    )


def _query(text: str, slot: str, columns: list[str]) -> Step:
    return Step("vmail", text, has_parameters=True, fetch="all", columns=columns, slots={slot: slot})


def _is_job(step: Step) -> bool:
    """Tell whether a step writes an account, or begins or ends the transaction that does."""
    verbs = ("BEGIN", "START TRANSACTION", "INSERT", "UPDATE", "COMMIT")
    return step.part == "vmail" and step.text.startswith(verbs)
