"""The command line: loads, measures, prints a table."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec
import typer

from bench import directory
from bench import servers as applications
from bench.measure import Figures, Options, measured
from tests import servers

AIM_SINGLE, AIM_LIST, AIM_SCALE, AIM_MEMORY = 0.6, 0.8, 0.9, 64
_TITLES = {"get": "GET user", "put": "PUT user", "post": "POST user", "list": "GET users"}


def main(  # noqa: PLR0913 - each is an option of its own
    engines: Annotated[str, typer.Option(help="Engines to measure, with commas.")] = ",".join(servers.NAMES[1:])
    + ",sqlite,openldap",
    users: Annotated[int, typer.Option(min=1000, help="Users; a twentieth and a half of them in one domain each.")] = (
        200_000
    ),
    domains: Annotated[int, typer.Option(min=3, help="Domains.")] = 2000,
    seconds: Annotated[float, typer.Option(help="Seconds of one round of one application.")] = 1.0,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of which the medians are taken.")] = 5,
    clients: Annotated[int, typer.Option(min=1, help="Connections with single requests; two for lists.")] = 8,
    json: Annotated[Path | None, typer.Option(help="File for all figures of all rounds.")] = None,
) -> None:
    """Measure Postreeve beside a bare application that sends the same statements."""
    names = [name for name in servers.NAMES if name in engines.split(",")]
    also = [servers.OPENLDAP] if servers.OPENLDAP in engines.split(",") else []
    options = Options(users, domains, seconds, rounds, clients)
    applications.stay_off()
    with servers.started([*names, *also]) as folder, TemporaryDirectory() as plans:
        figures = [measured(name, servers.reached(name, folder), Path(plans), options, _say) for name in names]
        in_directories = [directory.measured(_beside(folder), options, _say) for _ in also]
    for line in (*_speeds(figures), *_speeds_beside_the_driver(in_directories), *_others(figures + in_directories)):
        print(line)
    if json:
        json.write_bytes(msgspec.json.format(msgspec.json.encode([asdict(f) for f in figures + in_directories])))


def _beside(folder: Path) -> servers.BesideOpenldap:
    found = servers.reached("openldap", folder)
    assert isinstance(found, servers.BesideOpenldap)
    return found


def _say(text: str) -> None:
    """Tell a person how far it is."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)


def _speeds(figures: list[Figures]) -> Iterator[str]:
    """Yield a table in Markdown of how fast accounts in SQL are."""
    if not figures:
        return
    yield from (
        "| engine | operation | ours/s | bare/s | ratio | job alone/s | ratio | driver/s |",
        "| --- | --- | --: | --: | --: | --: | --: | --: |",
    )
    for found in figures:
        for kind, speed in found.speeds.items():
            ours, bare, job, driver = (
                _rounded(median(rates)) for rates in (speed.ours, speed.bare, speed.job, speed.driver)
            )
            aim = AIM_LIST if kind == "list" else AIM_SINGLE
            yield (
                f"| {found.engine} | {_TITLES[kind]} | {ours} | {bare} | {_judged(speed.ratio(speed.bare), aim)}"
                f" | {job} | {speed.ratio(speed.job):.2f} | {driver} |"
            )
    yield ""


def _speeds_beside_the_driver(figures: list[Figures]) -> Iterator[str]:
    """Yield a table of how fast accounts in a directory are."""
    if not figures:
        return
    yield from ("| engine | operation | ours/s | python-ldap/s | ratio |", "| --- | --- | --: | --: | --: |")
    for found in figures:
        for kind, speed in found.speeds.items():
            ours, driver = (_rounded(median(rates)) for rates in (speed.ours, speed.driver))
            yield f"| {found.engine} | {_TITLES[kind]} | {ours} | {driver} | {speed.ratio(speed.driver):.2f} |"
    yield ""


def _others(figures: list[Figures]) -> Iterator[str]:
    """Yield a table of memory, and of what more users cost."""
    yield from (
        "| engine | profiles in one list | MB before | at most | read slowly | after | GET user, all users/few |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    )
    for found in figures:
        memory = found.memory
        most = max(memory.peak, memory.peak_slow)
        mark = "" if most - memory.before < AIM_MEMORY else " (!)"
        yield (
            f"| {found.engine} | {memory.profiles:,} | {memory.before:.0f} | {memory.peak:.0f}{mark}"
            f" | {memory.peak_slow:.0f} | {memory.after:.0f} | {_judged(found.scaled.ratio, AIM_SCALE)} |"
        )


def _rounded(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"


def _judged(ratio: float, aim: float) -> str:
    """Mark what is below its aim."""
    return f"{ratio:.2f}" if ratio >= aim else f"{ratio:.2f} (!)"


if __name__ == "__main__":
    typer.run(main)
