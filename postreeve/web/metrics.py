"""What is counted, for Prometheus: requests, connections, stores, pending work.

Several server processes count into files of one directory, which `gather` has set up before they begin; each of them
answers for all.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from postreeve import __version__
from postreeve.work import Pool

MEDIA_TYPE = CONTENT_TYPE_LATEST
_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

disable_created_metrics()  # type: ignore[no-untyped-call] # when something was first counted nobody asks
_REGISTRY = CollectorRegistry()
_REQUESTS = Counter(
    "postreeve_requests", "Requests by operation and outcome: success, or the code of the refusal.",
    ["operation", "outcome"], registry=_REGISTRY,
)  # fmt: skip
_DURATIONS = Histogram(
    "postreeve_request_seconds", "How long requests took.", ["operation"], buckets=_SECONDS, registry=_REGISTRY
)
AT_WORK = Gauge(
    "postreeve_requests_at_work", "Requests that are being answered.", multiprocess_mode="livesum", registry=_REGISTRY
)
_CONNECTIONS = Gauge(
    "postreeve_connections", "Connections to a store: in use, idle, and the most that there may be.",
    ["store", "state"], multiprocess_mode="livesum", registry=_REGISTRY,
)  # fmt: skip


def count(operation: str, outcome: str, seconds: float) -> None:
    """Count a request that has been answered."""
    _REQUESTS.labels(operation, outcome).inc()
    _DURATIONS.labels(operation).observe(seconds)


def set_pools(pools: Mapping[str, Pool]) -> None:
    """Say how this process uses its connections."""
    for store, pool in pools.items():
        for state, number in (("in use", pool.in_use), ("idle", pool.idle), ("most", pool.most)):
            _CONNECTIONS.labels(store, state).set(number)


def text(stores: Mapping[str, bool], pending: int | None) -> bytes:
    """Return everything in the format of Prometheus; what is pending is not known while the database is away."""
    registry = CollectorRegistry()
    if directory := os.environ.get(_DIRECTORY):
        _forget_the_dead(Path(directory))
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry = _REGISTRY
    return generate_latest(registry) + generate_latest(_Looked(stores, pending))


class _Looked(CollectorRegistry):
    """What is looked up when somebody asks."""

    def __init__(self, stores: Mapping[str, bool], pending: int | None) -> None:
        super().__init__()
        self.register(_Collected(stores, pending))


class _Collected(Collector):
    def __init__(self, stores: Mapping[str, bool], pending: int | None) -> None:
        self.stores = stores
        self.pending = pending

    def collect(self) -> Iterator[GaugeMetricFamily]:
        version = GaugeMetricFamily("postreeve_version", "The release that answers.", labels=["version"])
        version.add_metric([__version__], 1)
        yield version
        up = GaugeMetricFamily("postreeve_store_up", "Whether a store answers.", labels=["store"])
        for store, is_up in self.stores.items():
            up.add_metric([store], int(is_up))
        yield up
        if self.pending is not None:
            yield GaugeMetricFamily("postreeve_pending_steps", "Steps that wait for their store.", self.pending)


@contextmanager
def gathered() -> Iterator[None]:
    """Let the processes that are started in this block count together."""
    with TemporaryDirectory(prefix="postreeve-metrics-") as directory:
        os.environ[_DIRECTORY] = directory
        try:
            yield
        finally:
            del os.environ[_DIRECTORY]


def _forget_the_dead(directory: Path) -> None:
    """Leave out what processes that are gone had in use; what they have counted stays."""
    for file in directory.glob("gauge_live*.db"):
        number = int(file.stem.rpartition("_")[2])
        if not _is_alive(number):
            mark_process_dead(number, str(directory))  # type: ignore[no-untyped-call]


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True
