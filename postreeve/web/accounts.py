"""What the pages of accounts have in common: where one is, sections of profiles, addresses of new accounts."""

from collections.abc import Collection, Iterable, Sequence

from postreeve.web.forms import SECTION_TITLES, Section
from postreeve.web.pages import Ask, path_to

Crumbs = list[tuple[str, str]]
POLICIES = ("spampolicy", "throttle", "greylisting", "wblist")
"""Sections that have pages of their own."""


def domain_of(mail: str) -> str:
    """Return the domain of an address in a path."""
    return mail.rpartition("@")[2]


def crumbs(ask: Ask, domain: str, kind: str) -> Crumbs:
    """Return the way from the domains to its accounts of a kind, such as `aliases`: texts and paths."""
    return [(ask._("Domains"), "/domains"), (domain, path_to(kind, domain))]


def new_address(ask: Ask, domain: str) -> str:
    """Return the address that was typed for something new in a domain."""
    return f"{ask.typed('local_part').strip()}@{domain}"


def section_links(ask: Ask, known: Iterable[Section], path: str, here: str) -> list[tuple[str, str, bool]]:
    """Return the links to the sections of a profile."""
    return [(ask._(section.title), f"{path}?section={section.name}", section.name == here) for section in known]


def policy_links(ask: Ask, scope: str, closed: Collection[str], here: str = "") -> list[tuple[str, str, bool]]:
    """Return the links to the policies of everybody, a domain or a user that are open to who asks."""
    return [
        (ask._(SECTION_TITLES[name]), path_to("policies", scope, name), name == here)
        for name in POLICIES if name not in closed
    ]  # fmt: skip


def chosen(ask: Ask, known: Sequence[Section]) -> Section:
    """Return the section that the path's query names, or the first one."""
    return next((section for section in known if section.name == ask.text("section")), known[0])
