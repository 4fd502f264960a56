"""Mails in Amavisd's database, as Amavisd writes them."""

import secrets
import time
from collections.abc import Mapping
from typing import Any

from postreeve.storage import mails
from postreeve.storage.amavisd import text_of
from postreeve.storage.sql import Session
from postreeve.storage.tables.amavisd import maddr, msgrcpt, msgs
from tests.site import Site

CHUNK = 16384
SECRET = "s3cr3t-s3cr3t"[:12]


def log_mail(
    site: Site,
    sender: str,
    *recipients: str,
    at: int | None = None,
    content: str | None = "C",
    deliveries: Mapping[str, str] | str = "P",
    text: bytes | None = None,
    partition: int = 0,
    **columns: Any,
) -> str:
    """Log a mail, in quarantine if there is a text, and return its id; `columns` are others of `msgs`."""
    mail_id = columns.pop("mail_id", "") or secrets.token_urlsafe(9)
    at = int(time.time()) if at is None else at
    key = {"partition_tag": partition, "mail_id": mail_id}
    with Session(site.storage.databases["amavisd"]) as session:
        session.begin()
        session.insert(msgs, {
            **key, "secret_id": SECRET, "am_id": "1-1", "time_num": at,
            "time_iso": time.strftime(_time_format(session), time.gmtime(at)), "sid": _number(session, sender),
            "policy": "", "client_addr": "203.0.113.7", "size": 1234, "originating": "N", "content": content,
            "quar_type": " " if text is None else "Q", "quar_loc": "" if text is None else mail_id,
            "dsn_sent": "N", "spam_level": 1.5, "message_id": f"<{mail_id}@x>", "from_addr": f"Somebody <{sender}>",
            "subject": "Hello", "host": "mail.test", **columns,
        })  # fmt: skip
        for number, recipient in enumerate(recipients, 1):
            delivery = deliveries if isinstance(deliveries, str) else deliveries[recipient]
            session.insert(msgrcpt, {
                **key, "rseqnum": number, "rid": _number(session, recipient), "is_local": "Y",
                "content": content or " ", "ds": delivery, "rs": " ", "bl": "N", "wl": "N", "bspam_level": 1.5,
                "smtp_resp": "",
            })  # fmt: skip
        for number, chunk in enumerate(_chunks(text or b""), 1):
            session.text_execute(
                "INSERT INTO quarantine (partition_tag, mail_id, chunk_ind, mail_text)"
                f" VALUES ({partition}, '{mail_id}', {number}, {octets(session, chunk)})"
            )
        session.commit()
    return mail_id


def quarantine_mail(site: Site, sender: str, *recipients: str, **options: Any) -> str:
    """Log a mail that is withheld from its recipients, as spam unless something else is said."""
    text = b"From: somebody@far.test\nSubject: Hello\n\nBuy now.\n"
    return log_mail(site, sender, *recipients, **{"content": "S", "deliveries": "D", "text": text, **options})


def octets(session: Session, value: bytes) -> str:
    """Return octets as SQL; in an embedded database they are a text, be it one or not."""
    match session.database.store.engine:
        case "sqlite":
            return f"CAST(x'{value.hex()}' AS TEXT)"
        case "postgresql":
            return f"'\\x{value.hex()}'"
        case _:
            return f"x'{value.hex()}'"


def _chunks(text: bytes) -> list[bytes]:
    return [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]


def _time_format(session: Session) -> str:
    return "%Y-%m-%d %H:%M:%S+00" if session.database.store.engine == "postgresql" else "%Y%m%d%H%M%S"


def _number(session: Session, address: str) -> int:
    """Return the number of an address, which is given one if it has none."""
    known = {text_of(email): number for number, email in session.text_rows("SELECT id, email FROM maddr")}
    if address in known:
        return int(known[address])
    [domain] = mails.octets_of(session, [address.rpartition("@")[2]])
    return session.inserted_id(maddr, {"email": address, "domain": domain})
