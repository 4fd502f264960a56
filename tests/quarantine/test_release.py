"""Mails that a real Amavisd has quarantined, released by it: what arrives, and what is noted."""

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from tests.amavisd import Amavisd, amavisd
from tests.mail_log.test_mail_log import everything, furnished
from tests.mails import quarantine_mail
from tests.mlmmj import Sink, sink
from tests.quarantine.test_quarantine import BOTH, states, waiting
from tests.site import Client, Site
from tests.spam_policy.world import log_lines

# Amavisd is started, which reaches the database as well.
pytestmark = [pytest.mark.slow, pytest.mark.served, pytest.mark.sql]


@pytest.fixture
def mails() -> Iterator[tuple[Sink, int]]:
    with sink() as found:
        yield found


@pytest.fixture
def filter_of_site(site: Site, mails: tuple[Sink, int]) -> Iterator[Amavisd]:
    with amavisd(site.settings.databases["amavisd"], mails[1]) as running:
        site.change_settings(amavisd_release_server=running.release_server)
        yield running


def forbidden() -> EmailMessage:
    """Return a mail with an attachment that Amavisd keeps."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "Xaver <x@far.test>", "ann@a.test"
    mail["Subject"] = "Grüße"
    mail.set_content("Look at this, it is nïce.\n")
    mail.add_attachment(b"MZ" * 20_000, maintype="application", subtype="octet-stream", filename="x.exe")
    return mail


def taken(site: Site, filter_of_site: Amavisd, *recipients: str) -> tuple[Client, str]:
    """Let Amavisd quarantine a mail, and return the global admin's client and the mail's id."""
    root = furnished(site)
    filter_of_site.take("x@far.test", list(recipients), forbidden())
    [mail] = everything(root, "quarantine")
    return root, mail["mail_id"]


def test_what_amavisd_writes_is_read(site: Site, filter_of_site: Amavisd) -> None:
    root, mail_id = taken(site, filter_of_site, *BOTH)
    shown: dict[str, Any] = root.data(f"quarantine/{mail_id}")
    said = {key: shown[key] for key in ("sender", "author", "subject", "kind", "is_outgoing", "is_quarantined")}
    assert said == {
        "sender": "x@far.test", "author": "Xaver <x@far.test>", "subject": "Grüße", "kind": "banned",
        "is_outgoing": False, "is_quarantined": True,
    }  # fmt: skip
    assert shown["recipients"] == [{"address": address, "fate": "quarantined"} for address in BOTH]
    assert shown["text"] == "Look at this, it is nïce."
    assert shown["attachments"] == [{"name": "x.exe", "type": "application/octet-stream", "size": 40_000}]
    assert {"name": "Subject", "value": "Grüße"} in shown["headers"]
    assert "bob@b.test" not in str(shown["headers"])
    assert waiting(site.admin("bo@admins.test", "b.test")) == {mail_id: ["bob@b.test"]}
    assert len(everything(root, "mail_log/received", account="ann@a.test", kind="banned")) == 1


def test_a_released_mail_arrives_for_those_who_are_meant(
    site: Site, mails: tuple[Sink, int], filter_of_site: Amavisd
) -> None:
    root, mail_id = taken(site, filter_of_site, *BOTH, "sales@a.test")
    al = site.admin("al@admins.test", "a.test")
    al.ok("PUT", f"quarantine/{mail_id}", action="release", list="whitelist")
    assert [(mail.sender, mail.recipients) for mail in mails[0].mails] == [
        ("x@far.test", ("ann@a.test", "sales@a.test"))
    ]
    message = mails[0].mails[0].message
    assert (str(message["Resent-From"]), str(message["Subject"])) == ("al@admins.test", "Grüße")
    assert [part.get_filename() for part in message.iter_attachments()] == ["x.exe"]
    assert states(site, mail_id) == {1: "R", 2: "", 3: "R"}
    assert waiting(root) == {mail_id: ["bob@b.test"]}
    assert waiting(al) == {}
    assert waiting(al, fate="released") == {mail_id: ["ann@a.test", "sales@a.test"]}
    assert al.data("wblist/inbound/whitelist/ann@a.test") == ["x@far.test"]
    assert log_lines(site, "quarantine") == [
        ("al@admins.test", "a.test", "ann@a.test",
         f"[API] Release a quarantined mail to its recipients: {mail_id} ann@a.test, sales@a.test (action, list).")
    ]  # fmt: skip


def test_users_release_their_own_share_and_may_do_so_again(
    site: Site, mails: tuple[Sink, int], filter_of_site: Amavisd
) -> None:
    _, mail_id = taken(site, filter_of_site, *BOTH)
    ann = site.client().login_user("ann@a.test")
    for _ in range(2):
        ann.ok("PUT", f"quarantine/{mail_id}", action="release")
    assert [mail.recipients for mail in mails[0].mails] == [("ann@a.test",)] * 2
    assert ann.refused("PUT", f"quarantine/{mail_id}", action="release", recipients="bob@b.test") == "NO_SUCH_MAIL"
    assert len(mails[0].mails) == 2


def test_over_its_socket_amavisd_releases_as_well(site: Site, mails: tuple[Sink, int], filter_of_site: Amavisd) -> None:
    root, mail_id = taken(site, filter_of_site, "ann@a.test")
    site.change_settings(amavisd_release_server=str(filter_of_site.socket))
    root.ok("PUT", f"quarantine/{mail_id}", action="release")
    assert [mail.recipients for mail in mails[0].mails] == [("ann@a.test",)]


def test_a_mail_that_was_delivered_to_others_is_released_to_who_did_not_get_it(
    site: Site, mails: tuple[Sink, int], filter_of_site: Amavisd
) -> None:
    root = furnished(site)
    root.ok("PUT", "spampolicy/user/bob@b.test", quarantine_banned="no")
    filter_of_site.take("x@far.test", [*BOTH], forbidden())
    assert [mail.recipients for mail in mails[0].mails] == [("bob@b.test",)]
    [(mail_id, recipients)] = waiting(root).items()
    assert recipients == ["ann@a.test"]
    root.ok("PUT", f"quarantine/{mail_id}", action="release")
    assert mails[0].mails[-1].recipients == ("ann@a.test",)
    root.ok("DELETE", f"quarantine/{mail_id}")
    assert site.rows("quarantine") == []


def test_a_mail_that_amavisd_does_not_release_is_as_it_was(
    site: Site, mails: tuple[Sink, int], filter_of_site: Amavisd
) -> None:
    root, mail_id = taken(site, filter_of_site, "ann@a.test")
    invented = quarantine_mail(site, "x@far.test", "ann@a.test")
    site.execute("amavisd", "DELETE FROM quarantine WHERE mail_id <> " + _known(mail_id))
    site.execute(
        "amavisd", "UPDATE msgs SET secret_id = " + _known("wrong-secret") + " WHERE mail_id = " + _known(mail_id)
    )
    before = {**site.dump(), "log": []}
    for wrong in (mail_id, invented):
        assert root.refused("PUT", f"quarantine/{wrong}", action="release", list="whitelist") == "NOT_RELEASED"
    site.change_settings(amavisd_release_server="127.0.0.1:1")
    answer = root.raw("PUT", f"quarantine/{mail_id}", data={"action": "release", "list": "whitelist"})
    assert (answer.status_code, answer.json()) == (503, {"_success": False, "_msg": "RELEASE_SERVICE_UNAVAILABLE"})
    assert int(answer.headers["retry-after"]) > 0
    assert {**site.dump(), "log": []} == before
    assert mails[0].mails == []


def _known(text: str) -> str:
    return f"'{text}'"


@pytest.mark.parametrize("unknown", BOTH)
def test_what_postfix_does_not_take_is_not_released(site: Site, unknown: str) -> None:
    class Choosy(Sink):
        async def handle_RCPT(self, _server: object, _session: object, envelope: Any, address: str, _o: object) -> str:  # noqa: N802 - its name
            if address == unknown:
                return "550 5.1.1 No such user"
            envelope.rcpt_tos.append(address)
            return "250 OK"

    with sink(Choosy()) as (_, port), amavisd(site.settings.databases["amavisd"], port) as running:
        site.change_settings(amavisd_release_server=running.release_server)
        root, mail_id = taken(site, running, *BOTH)
        answer = root.put(f"quarantine/{mail_id}", action="release")
    assert answer == {"_success": True, "_discarded": [unknown]}
    assert states(site, mail_id) == {number: "" if mail == unknown else "R" for number, mail in enumerate(BOTH, 1)}


def test_a_deleted_mail_can_not_be_released(site: Site, mails: tuple[Sink, int], filter_of_site: Amavisd) -> None:
    root, mail_id = taken(site, filter_of_site, "ann@a.test")
    root.ok("DELETE", f"quarantine/{mail_id}")
    assert root.refused("PUT", f"quarantine/{mail_id}", action="release") == "NO_SUCH_MAIL"
    assert mails[0].mails == []
