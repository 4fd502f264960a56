"""Asking for what balancers and Prometheus ask for."""

from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.outages.processes import Process
from tests.site import Site

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def probe(site: Site | str, path: str, **headers: str) -> requests.Response:
    """Ask for something that lies at the top, such as `/readyz`."""
    base = site if isinstance(site, str) else site.base
    host = base.removesuffix("/iredadmin/api")
    return requests.get(f"{host}/{path}", headers=headers, timeout=30)


def samples(site: Site | str) -> Samples:
    """Return all that is counted, by name and labels."""
    answer = probe(site, "metrics")
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def sample(found: Samples, name: str, **labels: Any) -> float:
    """Return one number, which is nothing as long as nothing has been counted."""
    return found.get((name, frozenset(labels.items())), 0)


def written(process: Process) -> str:
    """Return the log, once the line of the last answer is in it: whoever is answered after that comes later."""
    assert probe(process.base, "healthz").status_code == 200
    return process.log.read_text(encoding="utf-8")
