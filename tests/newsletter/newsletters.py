"""Newsletters with ids and tokens that are known."""

import hashlib
import time

from postreeve.storage.sql import Session
from postreeve.storage.tables.iredadmin import newsletter_subunsub_confirms
from tests.site import Site

URL = "https://mail.example.com/newsletter"


def publish_newsletter(site: Site, mail: str, list_id: str, token: str) -> None:
    """Let there be pages, give a newsletter an id, and wait for somebody's confirmation with a token.

    Mails go to a program that takes them all.
    """
    site.change_settings(newsletter_url=URL, notification_smtp_server="", notification_sendmail="/bin/true")
    set_id(site, mail, list_id)
    with Session(site.storage.iredadmin) as session:
        session.insert(
            newsletter_subunsub_confirms,
            {
                "mail": mail, "mlid": list_id, "subscriber": "someone@example.net", "kind": "subscribe",
                "token": hashlib.sha256(token.encode()).hexdigest(), "expired": int(time.time()) + 3600,
            },
        )  # fmt: skip
        session.commit()


def set_id(site: Site, mail: str, list_id: str) -> None:
    """Give a list another id."""
    if site.directory:
        site.directory.change(site.directory.tree.list(mail), mailingListID=[list_id])
    else:
        site.execute("vmail", f"UPDATE maillists SET mlid = '{list_id}' WHERE address = '{mail}'")
