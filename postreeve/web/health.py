"""Whether the process lives, whether it can work, and what it counts: for balancers and those who watch."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TypeVar

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from postreeve import networks
from postreeve.permissions import Grant, Target
from postreeve.settings import Settings
from postreeve.web import metrics, requests
from postreeve.work import ConflictError, Storage, StoreUnavailableError

T = TypeVar("T")

LOOK_SECONDS = 3
"""A store that has not answered by then counts as one that does not."""
_FRESH_SECONDS = 1
"""A look serves everybody who asks so soon after it."""
_POOL_SECONDS = 5
_LOOKS = 16
"""Threads for looking, more than there are stores: one that hangs must not keep the others waiting, nor any request."""

log = logging.getLogger("postreeve.health")


class Health:
    """Answers `/healthz`, `/readyz` and `/metrics`, which no proxy needs to let through."""

    def __init__(self, storage: Storage, settings: Settings) -> None:
        self.storage = storage
        self.settings = settings
        self._limiter = CapacityLimiter(_LOOKS)
        self._under_way: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        """What each look holds until it returns, whether or not anybody waits for it still."""
        self._lock = anyio.Lock()
        self._looked: tuple[float, dict[str, bool]] = (-_FRESH_SECONDS, {})

    async def answer(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one of the paths."""
        if scope["method"] not in {"GET", "HEAD"}:
            response: Response = PlainTextResponse("method not allowed\n", 405, {"allow": "GET, HEAD"})
        else:
            response = await self._response(name, self._may_see(scope))
        response.headers["cache-control"] = "no-store"
        await response(scope, receive, send)

    async def watch_pools(self) -> None:
        """Keep what is told of connections up to date, until it is cancelled."""
        while True:
            metrics.set_pools(self.storage.pools())
            await anyio.sleep(_POOL_SECONDS)

    async def _response(self, name: str, may_see: bool) -> Response:  # noqa: FBT001 - its caller has just found out
        if name == "healthz":
            return PlainTextResponse("ok\n")
        if name == "metrics" and not may_see:
            return PlainTextResponse("forbidden\n", HTTPStatus.FORBIDDEN)
        stores = await self._stores()
        if name == "metrics":
            metrics.set_pools(self.storage.pools())
            return Response(metrics.text(stores, await self._pending()), media_type=metrics.MEDIA_TYPE)
        is_ready = all(stores[store] for store, is_needed in self.storage.stores().items() if is_needed)
        told = {"ready": is_ready} | ({"stores": stores} if may_see else {})
        return JSONResponse(told, HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)

    def _may_see(self, scope: Scope) -> bool:
        peer = requests.peer(scope, dict(scope["headers"]), self.settings)
        return networks.lies_in(peer.address, self.settings.metrics_clients)

    async def _stores(self) -> Mapping[str, bool]:
        """Return which stores answer; all are asked at once."""
        async with self._lock:
            looked_at, found = self._looked
            if time.monotonic() - looked_at >= _FRESH_SECONDS:
                found = dict.fromkeys(self.storage.stores(), False)
                with anyio.move_on_after(LOOK_SECONDS):
                    async with anyio.create_task_group() as looks:
                        for store in found:
                            looks.start_soon(self._look, store, found)
                self._looked = (time.monotonic(), found)
        return found

    async def _look(self, store: str, found: dict[str, bool]) -> None:
        found[store] = await self._found(store, lambda: self.storage.is_answering(store), otherwise=False)

    async def _pending(self) -> int | None:
        with anyio.move_on_after(LOOK_SECONDS):
            return await self._found("what is pending", self._count_pending, otherwise=None)
        return None

    def _count_pending(self) -> int | None:
        try:
            with self.storage.open(Grant(None, Target()), "127.0.0.1") as work:
                return len(work.pending.all())
        except (ConflictError, StoreUnavailableError) as error:
            log.warning("What is pending can not be counted: %s", error)
            return None

    async def _found(self, name: str, look: Callable[[], T], *, otherwise: T) -> T:
        """Look in a thread, but never twice at once: a store that hangs would take one more with each question."""
        under_way = self._under_way[name]

        def found() -> T:
            if not under_way.acquire(blocking=False):
                return otherwise
            try:
                return look()
            finally:
                under_way.release()

        if under_way.locked():
            return otherwise
        return await to_thread.run_sync(found, limiter=self._limiter, abandon_on_cancel=True)
