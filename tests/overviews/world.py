"""Accounts for tests of overviews, and clients that turn over pages."""

from collections.abc import Callable, Iterator
from typing import Any

from postreeve.storage.sql import Session
from tests.site import PASSWORD, TABLES, Client, Site

Row = dict[str, Any]
Between = Callable[[], None]


def use(site: Site, mail: str, octets: int = 0, messages: int = 0, **moments: int) -> None:
    """Let Dovecot know the size of a mailbox, and when it was opened, in Unix seconds."""
    domain = mail.partition("@")[2]
    rows = {
        "used_quota": {"username": mail, "domain": domain, "bytes": octets, "messages": messages},
        "last_login": {"username": mail, "domain": domain, **moments},
    }
    tables = TABLES["vmail"]
    with Session(site.database_of("used_quota")) as session:
        for name, row in rows.items():
            session.insert(tables[name], row)
        session.commit()


def add_users(root: Client, *mails: str, **parameters: str) -> None:
    for mail in mails:
        root.ok("POST", f"user/{mail}", password=PASSWORD, **parameters)


def forwards(client: Client, path: str, between: Between = lambda: None, **parameters: str) -> Iterator[Row]:
    """Yield the rows of all pages from the first one on; something may happen between one page and the next."""
    yield from _turned(client, path, "after", "next", between, parameters)


def backwards(client: Client, path: str, between: Between = lambda: None, **parameters: str) -> list[Row]:
    """Return the rows of all pages before a page, in the order in which they stand."""
    pages = list(_pages(client, path, "before", "previous", between, parameters))
    return [row for page in reversed(pages) for row in page["rows"]]


def last_page(client: Client, path: str, **parameters: str) -> Row:
    """Return the last page."""
    return list(_pages(client, path, "after", "next", lambda: None, parameters))[-1]


def addresses(rows: Iterator[Row] | list[Row], key: str = "address") -> list[str]:
    return [row[key] for row in rows]


def _turned(
    client: Client, path: str, side: str, link: str, between: Between, parameters: dict[str, str]
) -> Iterator[Row]:
    for page in _pages(client, path, side, link, between, parameters):
        yield from page["rows"]


def _pages(
    client: Client, path: str, side: str, link: str, between: Between, parameters: dict[str, str]
) -> Iterator[Row]:
    page = client.data(path, **parameters)
    yield page
    while page[link]:
        between()
        page = client.data(path, **{**parameters, side: page[link]})
        yield page
