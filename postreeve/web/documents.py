"""The documents of the API, for people and for client generators, and the files beside pages."""

import json
from collections.abc import Callable
from functools import cache

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from postreeve.errors import Code
from postreeve.settings import Settings
from postreeve.web import rendering, watching
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


class Documents:
    """What is served beside the API and the pages that ask for operations."""

    def __init__(self, settings: Settings) -> None:
        self.of_api: dict[tuple[str, ...], Document] = {}
        """What lies below `/api` and is no operation."""
        if settings.enable_restful_api:
            self.of_api = {("openapi.json",): _openapi, ("reference",): lambda: HTMLResponse(reference())}

    async def answer(self, scope: Scope, path: tuple[str, ...], receive: Receive, send: Send) -> None:
        """Answer a request for a document; `path` begins below `/iredadmin`."""
        response = self._response(path)
        if response is None:
            response = _no_such_operation()
        elif scope["method"] not in {"GET", "HEAD"}:
            response = _not_for_this_method()
        response.headers.update(SECURITY)
        await response(scope, receive, send)

    def _response(self, path: tuple[str, ...]) -> Response | None:
        match path:
            case ("api", *rest) if tuple(rest) in self.of_api:
                return self.of_api[tuple(rest)]()
            case ("static", name) if name in rendering.STATIC:
                return Response(
                    rendering.static(name), media_type=rendering.STATIC[name], headers={"cache-control": A_YEAR}
                )
        return None


@cache
def _openapi_text() -> bytes:
    return json.dumps(document(), ensure_ascii=False, separators=(",", ":")).encode()


def _openapi() -> Response:
    return Response(_openapi_text(), media_type="application/json")


def _no_such_operation() -> Response:
    watching.refused_with(Code.NO_SUCH_OPERATION.name)
    return JSONResponse({"_success": False, "_msg": Code.NO_SUCH_OPERATION.name}, 404)


def _not_for_this_method() -> Response:
    watching.refused_with(Code.METHOD_NOT_ALLOWED.name)
    return JSONResponse({"_success": False, "_msg": Code.METHOD_NOT_ALLOWED.name}, 405, {"allow": "GET, HEAD"})
