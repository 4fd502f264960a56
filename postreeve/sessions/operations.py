"""Logging in and out, and who is behind a session."""

import time
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from postreeve import credentials
from postreeve.activity.store import Line
from postreeve.errors import Code, Refused, refuse
from postreeve.fields import PASSWORD, Changes, Field, FieldSet, Kind
from postreeve.networks import lies_in
from postreeve.operations import operation
from postreeve.permissions import Actor, Grant, Target, anyone
from postreeve.sessions.store import Login, Session
from postreeve.values import Address
from postreeve.work import Storage, Work

API = "api"
"""The kind of session that `POST /api/login` opens."""
FAILURE_SECONDS = 600
USE_SECONDS = 60
LOOKS = 8
PAUSE_SECONDS = 0.04


def _user_name(given: str) -> Address:
    try:
        return Address.parse(given)
    except Refused:
        refuse(Code.INVALID_USERNAME)


USER_NAME = Field(
    "username", Kind(_user_name, {"type": "string", "format": "email"}), "Full e-mail address of the admin."
)
SECRET = Field("password", PASSWORD, "Password, in plain text.")
LOGIN = FieldSet("login", USER_NAME, SECRET)


@dataclass(frozen=True)
class Opened:
    """A session that has just been opened; the face hands its id to the client."""

    token: str


@operation("POST /api/login", "Login", allow=anyone, fields=LOGIN, is_secretive=True)
def login(work: Work, changes: Changes) -> Opened:
    """Log in with an admin's address and password."""
    account = changes.get(USER_NAME) or refuse(Code.INVALID_USERNAME)
    password = changes.get(SECRET) or refuse(Code.EMPTY_PASSWORD)
    network = _network(work.client)
    _slow_down(work, account, network)
    known = work.sessions.login(account)
    if not credentials.is_right(work.settings, password, known.password if known else None, account) or not known:
        work.sessions.note_failure(account, network)
        refuse(Code.INVALID_CREDENTIALS)
    _check_address(work, known)
    work.sessions.note_success(account, network)
    work.activity.note(
        Line("login", account, work.client, f"{work.via} Admin login success.".lstrip(), username=account)
    )
    return Opened(work.sessions.start(account, API, known.stamp))


@operation("POST /api/logout", "Login", allow=anyone)
def logout(work: Work) -> None:
    """Log out; the session ends on the server."""
    if work.token:
        work.sessions.end(work.token)


def resume(storage: Storage, token: str, client: str, kind: str = API) -> Actor:
    """Return who is behind the id of a session of this kind, or refuse with `LOGIN_REQUIRED` or `SESSION_EXPIRED`."""
    with storage.open(Grant(None, Target()), client) as work:
        session, known = _stamped(work, token)
        idle = int(time.time()) - session.used
        if session.kind != kind:
            refuse(Code.LOGIN_REQUIRED)
        if known is None or idle > work.settings.session_timeout:
            work.sessions.end(token)
            refuse(Code.SESSION_EXPIRED)
        if idle >= USE_SECONDS:
            work.sessions.use(token)
        return known.actor


def _stamped(work: Work, token: str) -> tuple[Session, Login | None]:
    """Return a session, and who is behind it if the stamp is still theirs.

    Whoever adds a domain gets further rights, and the stamp follows in another database: so a wrong one is looked at
    again before it ends the session for all that use it at the same time.
    """
    looks = LOOKS
    while True:
        session = work.sessions.find(token) or refuse(Code.LOGIN_REQUIRED)
        known = work.sessions.login(session.account)
        looks -= 1
        if known is None or known.stamp == session.stamp:
            return session, known
        if not looks:
            return session, None
        time.sleep(PAUSE_SECONDS)


def _slow_down(work: Work, account: str, network: str) -> None:
    """Refuse further attempts for a while, whether there is such an account or not."""
    now = int(time.time())
    failures = work.sessions.failures(account, network, now - FAILURE_SECONDS)
    settings = work.settings
    if failures.of_account >= settings.login_failures_per_account:
        refuse(Code.TOO_MANY_ATTEMPTS, retry_after=max(failures.of_account_since + FAILURE_SECONDS - now, 1))
    if failures.of_network >= settings.login_failures_per_network:
        refuse(Code.TOO_MANY_ATTEMPTS, retry_after=max(failures.of_network_since + FAILURE_SECONDS - now, 1))


def _check_address(work: Work, known: Login) -> None:
    allowed = work.settings.global_admin_ip_list
    if known.actor.is_global and allowed and not lies_in(work.client, allowed):
        refuse(Code.NOT_ALLOWED_IP)


def _network(client: str) -> str:
    """Return the network that attempts are counted for: /24 of IPv4, /64 of IPv6."""
    address = ip_address(client)
    return str(ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False))
