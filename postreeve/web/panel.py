"""The pages over HTTP: sessions by cookie, forms with a token, and one place for every refusal."""

import asyncio
import hashlib
import hmac
import json
import logging
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from urllib.parse import quote, urlencode

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from postreeve import translations
from postreeve.errors import Code, Refused, refuse, true_status
from postreeve.sessions.operations import resume
from postreeve.settings import Settings
from postreeve.web import navigation, rendering, requests, sending, watching
from postreeve.web.pages import (
    MOUNT,
    PAGES,
    PANEL,
    SELF_SERVICE,
    Ask,
    Download,
    Page,
    Redirect,
    Shown,
    View,
    path_to,
)
from postreeve.web.requests import Peer
from postreeve.web.sending import Reply
from postreeve.work import ConflictError, Storage, StoreUnavailableError

SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # without a referrer browsers would send forms with the origin null
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
VISITOR = "postreeve_visitor"
"""The cookie of a browser, whether somebody has logged in or not."""
NOTICE = "postreeve_notice"
THEME = "postreeve_theme"
NOTICE_SECONDS = 60
THEME_SECONDS = 365 * 86400
THEMES = ("light", "dark")
MOST_FIELDS = 25_000
"""A page may mark thousands of accounts."""
RETRY_SECONDS = 5
LOGIN_PAGES = {PANEL: "/login", SELF_SERVICE: "/self-service/login"}
_SESSION_ENDS = frozenset({Code.LOGIN_REQUIRED, Code.SESSION_EXPIRED})
_TOKEN = re.compile(r"[\w-]{1,100}", re.ASCII)

log = logging.getLogger("postreeve.pages")


@dataclass
class Browser:
    """What is known of who asks, and the cookies that the answer brings."""

    peer: Peer
    visitor: str
    tokens: Mapping[str, str]
    theme: str
    accepted: str
    notice: str
    is_new: bool
    is_script: bool = False
    """A script wants a part of the page; going back in the history, it takes a whole one."""
    cookies: list[str] = field(default_factory=list)

    def secret(self, of: str, purpose: str) -> str:
        """Return what stands in forms of a session, or of a browser without one."""
        key = (self.tokens.get(of) or self.visitor).encode()
        return hmac.new(key, purpose.encode(), hashlib.sha256).hexdigest()

    def set_cookie(self, name: str, value: str, *, seconds: int | None = None) -> None:
        """Bring a cookie; without a value it is taken away."""
        age = "; Max-Age=0" if not value else f"; Max-Age={seconds}" if seconds else ""
        secure = "; Secure" if self.peer.is_secure else ""
        self.cookies.append(f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}")


class Routes:
    """The pages by method and path; a path parameter matches any one segment, a word goes before it."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = sorted(pages.values(), key=lambda page: [part.startswith("<") for part in page.parts])

    def find(self, method: str, path: tuple[str, ...]) -> tuple[Page | None, tuple[str, ...]]:
        """Return the page and its path arguments, or refuse with `METHOD_NOT_ALLOWED`; None if there is none."""
        is_there = False
        for page in self._pages:
            if len(page.parts) == len(path) and all(
                part.startswith("<") or part == given for part, given in zip(page.parts, path, strict=True)
            ):
                if page.method == method:
                    return page, tuple(
                        given for part, given in zip(page.parts, path, strict=True) if part.startswith("<")
                    )
                is_there = True
        if is_there:
            refuse(Code.METHOD_NOT_ALLOWED)
        return None, ()


class File(Response):
    """A file on its way out, sent as the API sends its long answers."""

    def __init__(
        self, pieces: bytes | Iterator[bytes], limiter: CapacityLimiter, *, media_type: str, headers: dict[str, str]
    ) -> None:
        super().__init__(media_type=media_type, headers=headers)
        del self.headers["content-length"]
        self.pieces = pieces
        self.limiter = limiter

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        reply = Reply(self.status_code, self.pieces, tuple(self.raw_headers))
        await sending.send_reply(reply, scope, send, self.limiter)


class Panel:
    """The ASGI application of the pages."""

    def __init__(self, storage: Storage, settings: Settings, limiter: CapacityLimiter) -> None:
        self.storage = storage
        self.settings = settings
        self.limiter = limiter
        self.routes = Routes(PAGES)

    async def answer(self, scope: Scope, path: tuple[str, ...], receive: Receive, send: Send) -> None:
        """Answer one request; `path` is what follows the mount point."""
        started = time.monotonic()
        headers = dict(scope["headers"])
        browser = self._browser(scope, headers)
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        ask = self._ask(browser, path)
        page: Page | None = None
        try:
            page, arguments = self.routes.find(method, path)
            if page is None:
                refuse(Code.NO_SUCH_OPERATION)
            watching.asked_for(page.method, page.template, path)
            ask = self._ask(browser, path, page)
            ask.query = requests.from_text(scope["query_string"], self.settings.max_parameters).values
            if method == "POST":
                ask.form = await self._form(page, headers, receive)
                self._check_origin(page, ask, headers)
            response = await anyio.to_thread.run_sync(
                self._respond, page, ask, arguments, browser, limiter=self.limiter
            )
        except ClientDisconnect:
            return
        except Refused as no:
            response = self._failed(ask, browser, no)
        except Exception:
            log.exception("A defect answered %s /%s", method, "/".join(path[:1]))
            response = self._failed(ask, browser, Refused((Code.INTERNAL_ERROR,)))
        if page and page.is_secretive and response.status_code >= HTTPStatus.BAD_REQUEST:
            due = started + (self.settings.login_answer_ms + 1) / 1000  # a loop's timers may come 1 ms early
            await asyncio.sleep(max(due - time.monotonic(), 0))
        if browser.is_new:
            browser.set_cookie(VISITOR, browser.visitor)
        for cookie in browser.cookies:
            response.headers.append("set-cookie", cookie)
        response.headers.update(SECURITY)
        await response(scope, receive, send)

    # What is asked

    def _browser(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Browser:
        def cookie(name: str) -> str:
            value = requests.cookie(headers, name)
            return value if _TOKEN.fullmatch(value) else ""

        visitor, theme = cookie(VISITOR), cookie(THEME)
        return Browser(
            peer=requests.peer(scope, headers, self.settings),
            visitor=visitor or secrets.token_urlsafe(16),
            tokens={kind: cookie(kind.cookie) for kind in (PANEL, SELF_SERVICE)},
            theme=theme if theme in THEMES else "",
            accepted=headers.get(b"accept-language", b"").decode("latin-1"),
            notice=requests.cookie(headers, NOTICE),
            is_new=not visitor,
            is_script=b"hx-request" in headers and b"hx-history-restore-request" not in headers,
        )

    def _ask(self, browser: Browser, path: tuple[str, ...], page: Page | None = None) -> Ask:
        face = page.face if page else SELF_SERVICE if path[:1] == ("self-service",) else PANEL
        return Ask(
            storage=self.storage,
            path=path_to(*path),
            query={},
            form={},
            client=browser.peer.address,
            language=translations.chosen("", browser.accepted),
            token=browser.tokens[face],
            csrf=browser.secret(face, "form"),
            theme=browser.theme,
            face=face,
        )

    async def _form(self, page: Page, headers: Mapping[bytes, bytes], receive: Receive) -> dict[str, list[str]]:
        body = await requests.whole_body(headers, receive, self.settings.max_request_bytes)
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        sent = await requests.from_body(body, content_type, MOST_FIELDS, most_files=int(page.takes_file))
        return sent.values

    def _check_origin(self, page: Page, ask: Ask, headers: Mapping[bytes, bytes]) -> None:
        """Refuse forms that are not ours."""
        if page.is_embeddable:
            return
        if requests.is_foreign("POST", headers):
            log.warning("A foreign page at %r sent a form, from %s", headers.get(b"origin", b"")[:100], ask.client)
            refuse(Code.PERMISSION_DENIED, hint=ask._("The request comes from a page of another site."))
        if not hmac.compare_digest(ask.typed("csrf").encode(), ask.csrf.encode()):
            refuse(Code.PERMISSION_DENIED, hint=ask._("The form is out of date. Go back, load it again, and retry."))

    # What is answered

    def _respond(self, page: Page, ask: Ask, arguments: tuple[str, ...], browser: Browser) -> Response:
        """Carry out a page, in a thread."""
        try:
            if not page.is_open:
                self._resume(ask, browser)
            return self._response(self._view(page, ask, arguments), page, ask, browser)
        except Refused as no:
            if not page.is_open and no.codes[0] in _SESSION_ENDS:
                return self._to_login(page, ask, browser, no)
            return self._failed(ask, browser, no)
        except (StoreUnavailableError, ConflictError) as error:
            log.warning("A store does not answer: %s", error)
            return self._failed(ask, browser, Refused((error.code,), retry_after=RETRY_SECONDS))

    def _resume(self, ask: Ask, browser: Browser) -> None:
        if not ask.token:
            refuse(Code.LOGIN_REQUIRED)
        ask.actor = resume(self.storage, ask.token, ask.client, ask.face)
        ask.language = translations.chosen(ask.actor.language, browser.accepted)

    def _view(self, page: Page, ask: Ask, arguments: tuple[str, ...]) -> View:
        """Return what a page answers; a form that is refused is shown again with what was typed."""
        try:
            return page.function(ask, *arguments)
        except (Refused, StoreUnavailableError, ConflictError) as error:
            form = PAGES.get(f"GET {page.template}")
            no = error if isinstance(error, Refused) else Refused((error.code,))
            if page.method != "POST" or form is None or no.codes[0] in _SESSION_ENDS:
                raise
            watching.refused_with(no.codes[0].name)
            ask.problem = ask.explain(no)
            shown = form.function(ask, *arguments)
            if not isinstance(shown, Shown):
                raise
            return replace(shown, status=true_status(no.codes[0]), title=shown.title or form.title)

    def _response(self, view: View, page: Page, ask: Ask, browser: Browser) -> Response:
        match view:
            case Shown():
                return self._shown(replace(view, title=view.title or page.title), ask, browser)
            case Redirect():
                return self._redirected(view, ask, browser)
            case Download(name, media_type, pieces):
                headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
                body = sending.begun(piece.encode() for piece in pieces)
                return File(body, self.limiter, media_type=media_type, headers=headers)

    def _shown(self, view: Shown, ask: Ask, browser: Browser) -> Response:
        text = rendering.render(
            view.template,
            **{
                "ask": ask, "_": ask._, "gettext": ask.language.texts.gettext, "ngettext": ask.ngettext,
                "title": ask._(view.title), "notice": self._notice(browser), "menu": navigation.menu(ask),
                "here": ask.path, **view.values,
            },
        )  # fmt: skip
        return HTMLResponse(text, view.status, headers={"content-language": ask.language.tag})

    def _redirected(self, view: Redirect, ask: Ask, browser: Browser) -> Response:
        if view.opened is not None:
            browser.set_cookie(ask.face.cookie, view.opened)
        if view.theme is not None:
            browser.set_cookie(THEME, view.theme, seconds=THEME_SECONDS)
        said = [sentence for sentence in (view.notice, *said_besides(ask)) if sentence]
        if said:
            browser.set_cookie(NOTICE, _sealed(browser.visitor, said), seconds=NOTICE_SECONDS)
        return RedirectResponse(f"{MOUNT}{view.path}", HTTPStatus.SEE_OTHER)

    def _notice(self, browser: Browser) -> list[str]:
        """Return what the page before had to say, once."""
        if not browser.notice:
            return []
        browser.set_cookie(NOTICE, "")
        return _unsealed(browser.visitor, browser.notice)

    def _to_login(self, page: Page, ask: Ask, browser: Browser, no: Refused) -> Response:
        """Send to the login, and from there back."""
        watching.refused_with(no.codes[0].name)
        query = {name: values for name, values in ask.query.items() if page.method == "GET"}
        asked = f"{ask.path}?{urlencode(query, doseq=True)}" if query else ask.path
        login = LOGIN_PAGES[ask.face]
        home = "/self-service" if ask.face is SELF_SERVICE else "/"
        way = login if ask.path in {home, login} else f"{login}?{urlencode({'next': asked})}"
        said = ask._(no.codes[0].value) if no.codes[0] is Code.SESSION_EXPIRED else ""
        view = Redirect(way, said, opened="" if ask.token else None)
        answer = self._redirected(view, ask, browser)
        if browser.is_script:  # it would follow unseen, and look for its part in the login
            return Response(status_code=HTTPStatus.NO_CONTENT, headers={"hx-redirect": answer.headers["location"]})
        return answer

    def _failed(self, ask: Ask, browser: Browser, no: Refused) -> Response:
        """Return the page that says why there is no other."""
        watching.refused_with(no.codes[0].name)
        problem = ask.explain(no)
        if no.codes[0] is Code.NO_SUCH_OPERATION:
            problem = replace(problem, sentences=(ask._("There is no page at this address."),))
        view = Shown("failed.html", {"problem": problem}, ask._("Not possible"), status=true_status(no.codes[0]))
        response = self._shown(view, ask, browser)
        if no.retry_after:
            response.headers["retry-after"] = str(no.retry_after)
        return response


def said_besides(ask: Ask) -> Iterator[str]:
    """Yield in sentences what the operations had to say besides their answers."""
    remarks = ask.remarks
    if remarks.ignored:
        yield ask._("This server has no place for: %(names)s.", names=", ".join(remarks.ignored))
    if remarks.discarded:
        yield ask._("Left out: %(names)s.", names=", ".join(remarks.discarded))
    if remarks.pending:
        yield ask._("Will be finished in the background: %(steps)s.", steps=", ".join(remarks.pending))
    if remarks.hint:
        yield remarks.hint


_MOST_NOTICE = 1500


def _sealed(key: str, sentences: list[str]) -> str:
    """Return sentences as the value of a cookie that nobody else can write."""
    text = json.dumps([sentence[: _MOST_NOTICE // len(sentences)] for sentence in sentences], ensure_ascii=False)
    packed = urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return f"{packed}.{_seal(key, packed)}"


def _unsealed(key: str, value: str) -> list[str]:
    packed, _, seal = value.partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(key, packed).encode()):
        return []
    sentences: list[str] = json.loads(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    return sentences


def _seal(key: str, packed: str) -> str:
    return hmac.new(key.encode(), f"notice {packed}".encode(), hashlib.sha256).hexdigest()
