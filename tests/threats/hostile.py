"""An installation in which everything that a stranger can write is hostile: names, texts, mails, lines of the log."""

from typing import Any

from postreeve.storage.sql import Session
from postreeve.storage.tables.iredadmin import log
from tests.mails import log_mail, quarantine_mail
from tests.newsletter.newsletters import publish_newsletter
from tests.site import PASSWORD, Site

SAYS = "p0wned"
"""What a script would say that got through; it stands in no page of its own accord."""
SCRIPT = f"</title></textarea></script><script>alert('{SAYS}')</script><img src=x onerror=alert('{SAYS}')>"
ATTRIBUTE = (
    f"\"'><svg onload=alert('{SAYS}')><a href=\"javascript:alert('{SAYS}')\" onfocus=\"alert('{SAYS}')\" autofocus>"
)
MAIL = "hostile-mail"
LIST_ID, TOKEN = "7d4e7a3c-2f2b-4c55-9d0e-0b6f5a3f1c2e", "k7Hq2mZx9RtY4sVbN8cLw3EdF6gJpQ5A"

PATHS = (
    "/search?search=alert", "/domains", "/domains/ex.com",
    "/domains/ex.com?section=general", "/users/ex.com", "/user/ann@ex.com", "/user/ann@ex.com?section=general",
    "/aliases/ex.com", "/alias/team@ex.com", "/lists/ex.com",
    "/list/news@ex.com", "/list/news@ex.com?section=mails",
    "/list/news@ex.com/sign-up", "/admins", "/admins/jane@admins.test", "/log",
    "/quarantine", f"/quarantine/{MAIL}", "/received", "/sent",
    f"/newsletter/subscribe/{LIST_ID}", f"/newsletter/subconfirm/{LIST_ID}/{TOKEN}",
)  # fmt: skip
"""Where the global admin meets it; a user's pages are the others."""
OWN_PATHS = (
    "/self-service", "/self-service/quarantine", f"/self-service/quarantine/{MAIL}", "/self-service/received",
)  # fmt: skip


def furnish(site: Site) -> None:
    """Write hostile texts wherever an admin, a user or a stranger on the way of a mail can write."""
    api = site.root()
    api.ok("POST", "domain/ex.com", name=SCRIPT)
    api.ok("PUT", "domain/ex.com", addService="self-service")
    api.ok("POST", "user/ann@ex.com", password=PASSWORD, name=SCRIPT, gn=ATTRIBUTE, sn=SCRIPT, employeeid=ATTRIBUTE)
    api.ok("POST", "alias/team@ex.com", name=ATTRIBUTE, members="ann@ex.com")
    api.ok("POST", "ml/news@ex.com", name=SCRIPT, is_newsletter="yes", newsletter_description=ATTRIBUTE)
    api.ok("PUT", "ml/news@ex.com", footer_text=SCRIPT, footer_html=SCRIPT, subject_prefix=f"<b>{SAYS}</b>")
    publish_newsletter(site, "news@ex.com", LIST_ID, TOKEN)
    site.admin("jane@admins.test", "ex.com", name=SCRIPT)
    columns: dict[str, Any] = {"subject": SCRIPT, "from_addr": ATTRIBUTE}
    for sender, receiver in (("x@far.test", "ann@ex.com"), ("ann@ex.com", "x@far.test")):
        log_mail(site, sender, receiver, originating="Y" if sender == "ann@ex.com" else "N", **columns)
    log_mail(site, f"{SCRIPT}@far.test", "ann@ex.com", **columns)
    quarantine_mail(site, f"{ATTRIBUTE}@far.test", "ann@ex.com", text=_mail(), mail_id=MAIL, **columns)
    with Session(site.storage.iredadmin) as session:  # other programs write here too, and repeat what they were told
        session.begin()
        session.insert(log, {"admin": SCRIPT, "ip": "192.0.2.1", "domain": "ex.com", "event": "login", "msg": SCRIPT})
        session.commit()


def _mail() -> bytes:
    """Return a mail that is hostile in its headers, its text and the name of its attachment."""
    return (
        f"From: {SCRIPT} <x@far.test>\nSubject: {SCRIPT}\nX-{SAYS}: {ATTRIBUTE}\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/html\n\n{SCRIPT}{ATTRIBUTE}\n'
        "--b\nContent-Type: text/html\nContent-Disposition: attachment; "
        f"filename*=UTF-8''%3Cscript%3Ealert('{SAYS}')%3C%2Fscript%3E.html\n\n{SCRIPT}\n--b--\n"
    ).encode()
