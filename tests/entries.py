"""What requests leave in a directory, as text."""

import re

from tests.servers import Entries
from tests.site import Client, Site

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def footprint(site: Site, client: Client, method: str, path: str, **parameters: str) -> str:
    """Ask for a change, insist on success, and return the entries that came, changed and went, with their values."""
    before = _lines(site)
    client.ok(method, path, **parameters)
    return _difference(before, _lines(site))


def lines(text: str) -> str:
    """Return a text of a test without its margin."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


def of_accounts(site: Site) -> Entries:
    """Return all entries without the numbers that domains keep, which stay when what was counted goes."""
    return {
        dn: {name: values for name, values in entry.items() if not name.startswith("domainCurrent")}
        for dn, entry in site.entries().items()
    }


def _lines(site: Site) -> dict[str, set[str]]:
    assert site.directory
    end = f",{site.directory.tree.domains}"
    return {
        dn.removesuffix(",o=domains"): {
            f"{name}: {_UUID.sub('UUID', value.removesuffix(end))}"
            for name, values in entry.items()
            for value in values
        }
        for dn, entry in site.entries().items()
    }


def _difference(before: dict[str, set[str]], after: dict[str, set[str]]) -> str:
    text: list[str] = []
    for dn in sorted({*before, *after}):
        old, new = before.get(dn, set()), after.get(dn, set())
        if old != new:
            text.append(f"{'modify' if old and new else 'add' if new else 'delete'} {dn}")
            if new:
                text += [f"-{line}" for line in sorted(old - new)] + [f"+{line}" for line in sorted(new - old)]
    return "\n".join(text)
