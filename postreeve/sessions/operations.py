"""Logging in and out, and who is behind a session."""

import time
from collections.abc import Container
from dataclasses import dataclass

from postreeve.activity.store import Line
from postreeve.errors import Code, Refused, refuse
from postreeve.fields import PASSWORD, Changes, Field, FieldSet, Kind
from postreeve.networks import lies_in
from postreeve.operations import operation
from postreeve.permissions import Actor, Grant, Target, anyone
from postreeve.sessions.rules import network_of, tried
from postreeve.sessions.store import Login, Session, SessionKind
from postreeve.values import Address
from postreeve.work import Storage, Work

USE_SECONDS = 60
LOOKS = 8
PAUSE_SECONDS = 0.04


def _user_name(given: str) -> Address:
    try:
        return Address.parse(given)
    except Refused:
        refuse(Code.INVALID_USERNAME)


USER_NAME = Field(
    "username", Kind(_user_name, {"type": "string", "format": "email"}), "Full e-mail address of the account."
)
SECRET = Field("password", PASSWORD, "Password, in plain text.")
LOGIN = FieldSet("login", USER_NAME, SECRET)


@dataclass(frozen=True)
class Opened:
    """A session that has just been opened; the face hands its id to the client."""

    token: str
    kind: SessionKind


@operation("POST /api/login", "Login", allow=anyone, fields=LOGIN, is_secretive=True)
def login(work: Work, changes: Changes) -> Opened:
    """Log in with an admin's address and password."""
    return _open(work, changes, work.kind)


@operation("POST /api/self-service/login", "Self-service", allow=anyone, fields=LOGIN, is_secretive=True)
def login_user(work: Work, changes: Changes) -> Opened:
    """Log in with a mail user's address and password; the user's domain needs the service `self-service`."""
    return _open(work, changes, work.kind.of_users)


def _open(work: Work, changes: Changes, kind: SessionKind) -> Opened:
    """Open a session for whoever knows the password; every refusal costs the same hashing.

    A browser's former session ends: what was planted before the login is worth nothing after it.
    """
    account = changes.get(USER_NAME) or refuse(Code.INVALID_USERNAME)
    password = changes.get(SECRET) or refuse(Code.EMPTY_PASSWORD)
    known = tried(work, account, password, work.sessions.login(account, kind), Code.INVALID_CREDENTIALS)
    _check_address(work, known.actor, kind)
    work.sessions.note_success(account, network_of(work.client))
    work.activity.note(_line(work, account, is_of_user=kind.is_of_user))
    if kind.is_of_browser and work.token:
        work.sessions.end(work.token)
    return Opened(work.sessions.start(account, kind, known.stamp), kind)


@operation("POST /api/logout", "Login", allow=anyone)
def logout(work: Work) -> None:
    """Log out; the session ends on the server."""
    if work.token:
        work.sessions.end(work.token)


def resume(storage: Storage, token: str, client: str, kind: SessionKind = SessionKind.API) -> Actor:
    """Return who is behind the id of a session of this kind, or refuse with `LOGIN_REQUIRED` or `SESSION_EXPIRED`.

    At the API a mail user may be behind it as well, with no rights but those of the owner.
    """
    with storage.open(Grant(None, Target()), client, kind=kind) as work:
        session, known = _stamped(work, token, {kind, kind.of_users})
        idle = int(time.time()) - session.used
        if known is None or idle > work.settings.session_timeout:
            work.sessions.end(token)
            refuse(Code.SESSION_EXPIRED)
        if idle >= USE_SECONDS:
            work.sessions.use(token)
        _check_address(work, known.actor, kind)
        return known.actor


def _stamped(work: Work, token: str, kinds: Container[str]) -> tuple[Session, Login | None]:
    """Return a session of one of these kinds, and who is behind it if the stamp is still theirs.

    Whoever adds a domain gets further rights, and the stamp follows in another database: so a wrong one is looked at
    again before it ends the session for all that use it at the same time.
    """
    looks = LOOKS
    while True:
        session = work.sessions.find(token) or refuse(Code.LOGIN_REQUIRED)
        if session.kind not in kinds:
            refuse(Code.LOGIN_REQUIRED)
        known = work.sessions.login(session.account, SessionKind(session.kind))
        looks -= 1
        if known is None or known.stamp == session.stamp:
            return session, known
        if not looks:
            return session, None
        time.sleep(PAUSE_SECONDS)


def _line(work: Work, account: Address, *, is_of_user: bool) -> Line:
    event, who, domain = ("user_login", "User", str(account.domain)) if is_of_user else ("login", "Admin", "")
    text = f"{work.via} {who} login success.".lstrip()
    return Line(event, account, work.client, text, domain=domain, username=account)


def _check_address(work: Work, actor: Actor, kind: SessionKind) -> None:
    """Refuse admins who may not come from where they come."""
    settings = work.settings
    lists = [settings.global_admin_ip_list] if actor.is_global else []
    lists += [settings.admin_login_ip_list] if kind is SessionKind.PANEL else []
    if not all(lies_in(work.client, allowed) for allowed in lists if allowed):
        refuse(Code.NOT_ALLOWED_IP)
