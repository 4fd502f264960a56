"""A newsletter, and an SMTP server that takes what is sent to its readers."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from tests.mlmmj import LOOPBACK, Mail, Sink, sink
from tests.newsletter.newsletters import URL
from tests.site import Client, Site

READER = "reader@far.test"


@dataclass(frozen=True)
class News:
    """A newsletter, as strangers meet it."""

    site: Site
    id: str
    sink: Sink
    root: Client

    def ask(self, request: str = "subscribe", subscriber: str = READER, **headers: str) -> requests.Response:
        """Ask for something, as somebody who has not logged in."""
        path = f"newsletter/{self.id}/{request}"
        return self.site.client().raw("POST", path, data={"subscriber": subscriber}, headers=headers)

    def mail(self, recipient: str = READER) -> Mail:
        """Return the one mail that has arrived since the last time."""
        taken = self.sink.taken()
        assert list(taken) == [recipient]
        return taken[recipient]

    def link(self, request: str = "subscribe", subscriber: str = READER) -> str:
        """Ask for something, and return where the link in the mail leads, below the API."""
        assert self.ask(request, subscriber).json() == {"_success": True}
        return path_of(self.mail(subscriber), request)

    def subscribers(self) -> set[str]:
        found = self.root.data("ml/news@ex.com", with_subscribers="yes")["subscribers"]
        return {one["mail"] for one in found}


def path_of(mail: Mail, request: str = "subscribe") -> str:
    """Return where the link in a mail leads, as the API has it."""
    page = {"subscribe": "subconfirm", "unsubscribe": "unsubconfirm"}[request]
    text = mail.message.get_content()
    (url,) = [line for line in text.splitlines() if line.startswith(f"{URL}/{page}/")]
    list_id, token = url.removeprefix(f"{URL}/{page}/").split("/")
    return f"newsletter/{list_id}/{request}/{token}"


@pytest.fixture(scope="session")
def sink_and_port() -> Iterator[tuple[Sink, int]]:
    with sink() as found:
        yield found


@pytest.fixture
def news(site: Site, sink_and_port: tuple[Sink, int]) -> News:
    """A newsletter whose mails arrive."""
    mails, port = sink_and_port
    mails.taken()
    site.change_settings(newsletter_url=URL, notification_smtp_server=LOOPBACK, notification_smtp_port=port)
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="alias.test")
    root.ok("POST", "ml/news@ex.com", name="Our news", is_newsletter="yes", newsletter_description="Once a month.")
    return News(site, root.data("ml/news@ex.com")["mlid"], mails, root)
