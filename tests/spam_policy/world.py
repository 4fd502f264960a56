"""A small world for tests of policies, and many requests at once."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.site import PASSWORD, Client, Site

Request = tuple[str, str, dict[str, str]]


def furnished(site: Site) -> Client:
    """Create the domain `a.test` with the user Ann and the alias `all`, and return the global admin's client."""
    root = site.root()
    root.ok("POST", "domain/a.test", aliasDomains="a.example")
    root.ok("POST", "user/ann@a.test", password=PASSWORD)
    root.ok("POST", "alias/all@a.test")
    return root


def answers_at_once(site: Site, requests: Sequence[Request], workers: int = 8) -> Counter[str]:
    """Send requests of the global admin at the same moment, over several connections, and count the answers."""
    session = site.root().session.cookies
    clients = [site.client() for _ in range(workers)]
    for client in clients:
        client.session.cookies.update(session)

    def send(numbered: tuple[int, Request]) -> str:
        number, (method, path, parameters) = numbered
        response = clients[number % workers].raw(method, path, data=parameters)
        assert response.status_code == 200, response.text
        return str(response.json().get("_msg", "done"))

    with ThreadPoolExecutor(workers) as pool:
        return Counter(pool.map(send, enumerate(requests)))


def log_lines(site: Site, event: str) -> list[tuple[str, str, str, str]]:
    """Return who did what to whom, of the log's lines of one event."""
    lines = sorted(site.rows("log", event=event), key=lambda row: int(row["id"]))
    return [(row["admin"], row["domain"], row["username"], row["msg"]) for row in lines]
