"""Pages and documents for people and for client generators."""

import json
from collections.abc import Callable
from functools import cache

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from postreeve.errors import Code
from postreeve.settings import Settings
from postreeve.web import rendering
from postreeve.web.openapi import document
from postreeve.web.reference import reference

Document = Callable[[], Response]

SECURITY = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
A_YEAR = "public, max-age=31536000, immutable"


class Pages:
    """What is served beside the API: for now, its own documents."""

    def __init__(self, settings: Settings) -> None:
        self.documents: dict[tuple[str, ...], Document] = {}
        """What lies below `/api` and is no operation."""
        if settings.enable_restful_api:
            self.documents = {("openapi.json",): _openapi, ("reference",): lambda: HTMLResponse(reference())}

    async def answer(self, scope: Scope, path: tuple[str, ...], receive: Receive, send: Send) -> None:
        """Answer a request for a page; `path` begins below `/iredadmin`."""
        response = self._found(path)
        if response is None:
            response = _no_such_operation() if path[:1] == ("api",) else self._no_such_page()
        elif scope["method"] not in {"GET", "HEAD"}:
            response = _not_for_this_method()
        response.headers.update(SECURITY)
        await response(scope, receive, send)

    def _found(self, path: tuple[str, ...]) -> Response | None:
        match path:
            case ("api", *rest) if tuple(rest) in self.documents:
                return self.documents[tuple(rest)]()
            case ("static", name) if name in rendering.STATIC:
                return Response(
                    rendering.static(name), media_type=rendering.STATIC[name], headers={"cache-control": A_YEAR}
                )
            case () if self.documents:
                return RedirectResponse("/iredadmin/api/reference")
        return None

    def _no_such_page(self) -> Response:
        page = rendering.render(
            "message.html", title="No such page", text="There is nothing at this address.",
            has_reference=bool(self.documents),
        )  # fmt: skip
        return HTMLResponse(page, 404)


@cache
def _openapi_text() -> bytes:
    return json.dumps(document(), ensure_ascii=False, separators=(",", ":")).encode()


def _openapi() -> Response:
    return Response(_openapi_text(), media_type="application/json")


def _no_such_operation() -> Response:
    return JSONResponse({"_success": False, "_msg": Code.NO_SUCH_OPERATION.name}, 404)


def _not_for_this_method() -> Response:
    return JSONResponse({"_success": False, "_msg": Code.METHOD_NOT_ALLOWED.name}, 405, {"allow": "GET, HEAD"})
