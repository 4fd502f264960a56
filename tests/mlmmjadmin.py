"""An imitation of mlmmjadmin, which needs an iRedMail server and can not be installed here.

It answers as mlmmjadmin 3.6.3 was seen to answer, with the traps that are known of it; nothing else about it is true.
The lists are in memory, and no mail is sent: what is real about mlmmj the tests ask the agent.
"""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

import anyio.to_thread
import msgspec
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

TOKEN = "imitated-token-0123456789"
HEADER = "X-MLMMJADMIN-API-AUTH-TOKEN"
VERSIONS = ("normal", "digest", "nomail")
BOOLEANS = {
    "close_list": "closedlist", "only_moderator_can_post": "modonlypost", "only_subscriber_can_post": "subonlypost",
    "disable_subscription": "closedlistsub", "disable_subscription_confirm": "nosubconfirm",
    "disable_digest_subscription": "nodigestsub", "disable_digest_text": "nodigesttext",
    "disable_nomail_subscription": "nonomailsub", "moderated": "moderated",
    "moderate_non_subscriber_post": "modnonsubposts", "disable_retrieving_old_posts": "noget",
    "only_subscriber_can_get_old_posts": "subonlyget", "disable_retrieving_subscribers": "nolistsubsemail",
    "disable_send_copy_to_sender": "notmetoo", "notify_owner_when_sub_unsub": "notifysub",
    "notify_sender_when_moderated": "notifymod", "disable_archive": "noarchive", "tocc": "tocc",
    "if_mod_send_only_mod_moderate": "ifmodsendonlymodmoderate",
}  # fmt: skip
ITS_HEADERS = ("Precedence", "List-Id", "Reply-To", "List-Post", "List-Subscribe", "List-Unsubscribe")
DEFAULTS = {
    "only_subscriber_can_post": "yes", "disable_retrieving_old_posts": "yes",
    "only_subscriber_can_get_old_posts": "yes", "tocc": "yes", "if_mod_send_only_mod_moderate": "yes",
}  # fmt: skip
_ADDRESS = re.compile(r"[\w#-][\w#.+=/&-]*@[\w.-]+\.[\w-]{2,15}")

Form = dict[str, str]


@dataclass
class List:
    """A directory of a list: control files, and subscribers by version."""

    control: dict[str, str] = field(default_factory=dict)
    subscribers: dict[str, list[str]] = field(default_factory=lambda: {version: [] for version in VERSIONS})
    asked: list[str] = field(default_factory=list)
    """Who got a mail to confirm."""
    posts: int = 0


@dataclass
class Said:
    """An answer that is not JSON."""

    status: int
    body: bytes


class Mlmmjadmin:
    """The imitation, as an ASGI application."""

    def __init__(self) -> None:
        self.lists: dict[str, List] = {}
        self.archive: list[tuple[str, List]] = []
        self.requests: list[tuple[str, str, Form]] = []
        self.ignored: set[str] = set()
        """Parameters that it takes no notice of."""
        self.failing: dict[str, Said] = {}
        """What it says to requests whose method and path contain a text."""
        self.breaking: list[str] = []
        """Names of parameters: the next request with the first of them dies."""
        self.is_with_sql = False
        """With a database behind it, which forgets a name that is not said again."""
        self.seconds = 0.0
        self.at_work: dict[str, int] = {}
        self.most_at_work = 0
        """How many requests changed one list at the same time."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        token = dict(scope["headers"]).get(HEADER.lower().encode(), b"").decode()
        answer = await anyio.to_thread.run_sync(self._answer, scope, token, body.decode())
        said = answer if isinstance(answer, Said) else Said(200, msgspec.json.encode(answer))
        headers = [(b"content-length", str(len(said.body)).encode())]
        await send({"type": "http.response.start", "status": said.status, "headers": headers})
        await send({"type": "http.response.body", "body": said.body})

    def _answer(self, scope: Scope, token: str, body: str) -> dict[str, Any] | Said:
        method, path = scope["method"], scope["raw_path"].decode()
        time.sleep(self.seconds)
        for text, said in self.failing.items():
            if text in f"{method} {path}":
                return said
        if token != TOKEN:
            return _no("INVALID_MLMMJADMIN_API_AUTH_TOKEN" if token else "NO_API_AUTH_TOKEN")
        form = _form(scope["query_string"].decode()) | _form(body)
        self.requests.append((method, path, form))
        if self.breaking and self.breaking[0] in form:
            self.breaking.pop(0)
            return Said(500, b"internal server error")
        parts = [unquote(part) for part in path.removeprefix("/api/").split("/")]
        if not all(_ADDRESS.fullmatch(part) for part in parts if "@" in part) or "@" not in path.replace("%40", "@"):
            return Said(404, b"not found")
        try:
            return self._counted(method, parts, form)
        except FileNotFoundError as error:
            return _no(repr(error))

    def _counted(self, method: str, parts: list[str], form: Form) -> dict[str, Any] | Said:
        mail = parts[0]
        if method == "GET":
            return self._routed(method, parts, form)
        self.at_work[mail] = self.at_work.get(mail, 0) + 1
        self.most_at_work = max(self.most_at_work, self.at_work[mail])
        try:
            return self._routed(method, parts, form)
        finally:
            self.at_work[mail] -= 1

    def _routed(self, method: str, parts: list[str], form: Form) -> dict[str, Any] | Said:  # noqa: PLR0911 - one table
        match method, parts:
            case "GET", [mail]:
                return _yes(_shown(mail, self.lists.get(mail, List()).control))
            case "POST", [mail]:
                return self._create(mail, form)
            case "PUT", [mail]:
                if self.is_with_sql and "name" not in form:
                    form = {**form, "name": ""}
                return self._update(mail, form)
            case "DELETE", [mail]:
                found = self.lists.pop(mail, None)
                if found and form.get("archive") != "no":
                    self.archive.append((mail, found))
                return _yes()
            case "GET", [mail, "subscribers"]:
                found = self.lists.get(mail, List())
                pairs = [{"mail": who, "subscription": version} for version in VERSIONS
                         for who in found.subscribers[version]]  # fmt: skip
                return _yes(sorted(pair["mail"] for pair in pairs) if "email_only" in form else pairs)
            case "POST", [mail, "subscribers"]:
                return self._change_subscribers(mail, form)
            case "GET", ["subscriber", address, "subscribed"]:
                return _yes(self._subscribed(address, form))
            case _:
                return Said(405, b"method not allowed")

    def _create(self, mail: str, form: Form) -> dict[str, Any]:
        old = self.lists.get(mail, List())
        old.posts = 0  # so the next mail overwrites the first
        old.control.pop("listaddress", None)
        self.lists[mail] = old
        postmaster = f"postmaster@{mail.partition('@')[2]}"
        defaults = {**DEFAULTS, "owner": postmaster, "moderators": postmaster, "custom_headers": ""}
        if form.get("only_moderator_can_post") == "yes":
            del defaults["only_subscriber_can_post"]
        return self._update(mail, {"extra_addresses": mail, **defaults, **form})

    def _update(self, mail: str, form: Form) -> dict[str, Any]:
        form = {name: value for name, value in form.items() if name not in self.ignored}
        control = self.lists[mail].control if mail in self.lists else None
        for name in [*BOOLEANS, *sorted(form)]:
            if name in form and (control is not None or form[name] not in {"no", ""}):
                if control is None:
                    raise FileNotFoundError(2, "No such file or directory", f"/spool/{mail}/control/{name}")
                _write(control, mail, name, form)
        if form.get("only_moderator_can_post") == "yes":
            (control or {}).pop("subonlypost", None)
        elif form.get("only_subscriber_can_post") == "yes":
            (control or {}).pop("modonlypost", None)
        return _yes()

    def _change_subscribers(self, mail: str, form: Form) -> dict[str, Any]:
        if mail not in self.lists:
            raise FileNotFoundError(2, "No such file or directory", f"/spool/{mail}/subscribers.d")
        found = self.lists[mail]
        version = form.get("subscription", "normal")
        version = version if version in VERSIONS else "normal"
        for who in _addresses(form.get("add_subscribers", "")):
            if form.get("require_confirm") == "yes":
                found.asked.append(who)
            elif who not in found.subscribers[version]:
                found.subscribers[version].append(who)  # and whatever other version there is stays
        for gone in [form["remove_subscribers"]] if "remove_subscribers" in form else []:
            for kept in found.subscribers.values():
                before = list(kept)
                time.sleep(0)  # others are at work meanwhile: it takes no locks
                kept[:] = [] if gone == "ALL" else [who for who in before if who not in _addresses(gone)]
        return _yes()

    def _subscribed(self, address: str, form: Form) -> list[dict[str, str]]:
        domain = address.partition("@")[2]
        found = []
        for mail, one in self.lists.items():
            if form.get("query_all_lists") == "yes" or mail.endswith(f"@{domain}"):
                versions = [version for version in VERSIONS if address in one.subscribers[version]]
                found += [{"mail": mail, "subscription": version} for version in versions[:1]]
        return found


def _write(control: dict[str, str], mail: str, name: str, form: Form) -> None:  # noqa: C901, PLR0912, PLR0915 - one table
    value = form[name]
    lines: list[str] | None = None
    match name:
        case _ if name in BOOLEANS:
            if value == "yes":
                control[BOOLEANS[name]] = ""
            elif value == "no":
                control.pop(BOOLEANS[name], None)
        case "moderate_subscription":
            if value == "yes":
                control.setdefault("submod", "")
            elif value == "no":
                control.pop("submod", None)
        case "subscription_moderators":
            if form.get("moderate_subscription") != "no":
                if found := _addresses(value):
                    control["submod"] = "\n".join(found)
                elif form.get("moderate_subscription") != "yes":
                    control.pop("submod", None)
        case "extra_addresses":
            if value:
                others = sorted(word.strip() for word in value.split(",") if word.strip() != mail)
                control["listaddress"] = "\n".join([mail, *others])
            else:
                control.pop("listaddress", None)
        case "owner":
            lines = sorted(word.strip() for word in value.split(",") if word.strip())
        case "moderators":
            lines = _addresses(value)
        case "remove_headers":
            lines = sorted(f"{word.strip().removesuffix(':')}:" for word in value.split(",") if word.strip())
        case "custom_headers":
            own = [line for line in map(str.strip, value.split("\n"))
                   if ":" in line and line.partition(":")[0] not in ITS_HEADERS]  # fmt: skip
            control["customheaders"] = "\n".join([*sorted(own), *(f"{header}: its own" for header in ITS_HEADERS)])
        case "max_message_size":
            lines = [value] if value.lstrip("-").isdigit() and int(value) else []
            control.pop("maxmailsize", None)
            control |= {"maxmailsize": lines[0]} if lines else {}
            lines = None
        case "name" | "subject_prefix":
            control.pop("prefix" if name == "subject_prefix" else "name", None)
            control |= {"prefix" if name == "subject_prefix" else "name": value} if value else {}
        case "footer_text" | "footer_html":
            control.pop(name, None)
            if value.strip():
                control[name] = f"{value.strip()}\n"
            if name == "footer_html" and value.strip() and not form.get("footer_text"):
                control.setdefault("footer_text", "\n")
    if lines is not None:
        file = {"remove_headers": "delheaders"}.get(name, name)
        control.pop(file, None)
        control |= {file: "\n".join(lines)} if lines else {}


def _shown(mail: str, control: dict[str, str]) -> dict[str, Any]:
    def lines(file: str) -> list[str]:
        return sorted(line for line in control.get(file, "").split("\n") if line)

    return {
        **{name: "yes" if file in control else "no" for name, file in BOOLEANS.items()},
        "moderate_subscription": "yes" if "submod" in control else "no",
        "subscription_moderators": lines("submod"), "owner": lines("owner"), "owners": lines("owner"),
        "moderators": lines("moderators"), "custom_headers": lines("customheaders"),
        "remove_headers": lines("delheaders"),
        "extra_addresses": [line for line in lines("listaddress") if line != mail],
        "max_message_size": control.get("maxmailsize", ""), "subject_prefix": control.get("prefix", ""),
        "name": control.get("name", ""), "footer_text": control.get("footer_text", ""),
        "footer_html": control.get("footer_html", ""), "smtp_port": "", "relay_host": "", "smtp_helo": "",
    }  # fmt: skip


def _form(text: str) -> Form:
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


def _addresses(text: str) -> list[str]:
    words = [word.strip().lower() for word in text.split(",")]
    return [word for word in words if _ADDRESS.fullmatch(word)]


def _yes(data: Any = None) -> dict[str, Any]:
    return {"_success": True} if data is None else {"_success": True, "_data": data}


def _no(reason: str) -> dict[str, Any]:
    return {"_success": False, "_msg": reason}


@contextmanager
def serving(application: ASGIApp) -> Iterator[str]:
    """Serve an application on a free port of loopback, in a thread, and yield the API's base."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            application, access_log=False, proxy_headers=False, log_level="error", ws="none", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        server.should_exit = True
        thread.join()
