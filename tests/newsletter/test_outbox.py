"""How mails leave: over SMTP, with encryption and a login where the settings say so, or through a program."""

import stat
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from aiosmtpd.smtp import Session as SmtpSession

from postreeve.configuration import from_mapping
from postreeve.newsletter.store import Letter
from postreeve.settings import Settings
from postreeve.storage.outbox import outbox_of
from postreeve.values import Address
from postreeve.work import OutboxError
from tests.mlmmj import LOOPBACK, Sink, sink
from tests.ownership.web import unknown_certificate

ELSEWHERE = "127.0.0.2"
LETTER = Letter(Address("no-reply@ex.com"), Address("reader@far.test"), "Grüße, 中文", "Good day.\nÄ.\n.\n")


@pytest.fixture
def taken() -> Iterator[tuple[Sink, int]]:
    with sink() as found:
        yield found


def settings(**values: object) -> Settings:
    return msgspec.structs.replace(from_mapping({}), **values)


def test_a_server_gets_the_mail(taken: tuple[Sink, int]) -> None:
    mails, port = taken
    outbox_of(settings(notification_smtp_server=LOOPBACK, notification_smtp_port=port)).send(LETTER)
    (mail,) = mails.mails
    assert (mail.sender, mail.recipients) == ("no-reply@ex.com", ("reader@far.test",))
    assert str(mail.message["Subject"]) == "Grüße, 中文"
    assert mail.message.get_content().replace("\r\n", "\n") == LETTER.text


@pytest.mark.parametrize("recipient", ["a..b@far.test", "#7@far.test", "o'neil@far.test", "a=b/c&d@far.test"])
def test_unusual_addresses_are_quoted_where_they_have_to_be(taken: tuple[Sink, int], recipient: str) -> None:
    mails, port = taken
    letter = Letter(LETTER.sender, Address.parse(recipient), "x", "y")
    outbox_of(settings(notification_smtp_server=LOOPBACK, notification_smtp_port=port)).send(letter)
    (mail,) = mails.mails
    assert mail.recipients == (recipient,)
    (to,) = mail.message["To"].addresses
    assert f"{to.username}@{to.domain}" == recipient


class _Choosy(Sink):
    """A server that takes mail from one user alone, and knows few recipients."""

    async def handle_RCPT(self, _server: object, _session: object, envelope: Envelope, address: str, _o: object) -> str:  # noqa: N802 - its name
        if address.startswith("unknown"):
            return "550 No such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"


def _logs_in(_server: object, _session: SmtpSession, _envelope: object, _mechanism: str, data: object) -> AuthResult:
    is_right = data == LoginPassword(b"no-reply@ex.com", b"secret")
    return AuthResult(success=is_right, handled=False)


@pytest.fixture
def choosy() -> Iterator[tuple[_Choosy, int]]:
    mails = _Choosy()
    options: dict[str, Any] = {"tls_context": unknown_certificate(), "require_starttls": True, "auth_required": True}
    with sink(mails, authenticator=_logs_in, **options) as (_, port):
        yield mails, port


def test_a_login_is_sent_where_the_settings_have_one(choosy: tuple[_Choosy, int]) -> None:
    mails, port = choosy
    there: dict[str, object] = {
        "notification_smtp_server": LOOPBACK, "notification_smtp_port": port, "notification_smtp_starttls": True,
    }  # fmt: skip
    login = {"notification_smtp_user": "no-reply@ex.com", "notification_smtp_password": "secret"}
    outbox_of(settings(**there, **login)).send(LETTER)
    assert len(mails.mails) == 1
    for wrong in ({}, {**login, "notification_smtp_password": "wrong"}, {**login, "notification_smtp_starttls": False}):
        with pytest.raises(OutboxError) as error:
            outbox_of(settings(**{**there, **wrong})).send(LETTER)
        assert "wrong" not in str(error.value)
    assert len(mails.mails) == 1


def test_an_unknown_recipient_is_not_told_from_others(choosy: tuple[_Choosy, int]) -> None:
    mails, port = choosy
    there = settings(
        notification_smtp_server=LOOPBACK, notification_smtp_port=port, notification_smtp_user="no-reply@ex.com",
        notification_smtp_password="secret", notification_smtp_starttls=True,
    )  # fmt: skip
    outbox_of(there).send(Letter(LETTER.sender, Address("unknown@far.test"), "x", "y"))
    assert mails.mails == []


def test_on_another_host_a_certificate_has_to_be_good() -> None:
    """A further address of loopback stands for the other host."""
    with sink(address=ELSEWHERE, tls_context=unknown_certificate()) as (mails, port):
        there = settings(
            notification_smtp_server=ELSEWHERE, notification_smtp_port=port, notification_smtp_starttls=True
        )
        with pytest.raises(OutboxError, match="CERTIFICATE_VERIFY_FAILED"):
            outbox_of(there).send(LETTER)
    assert mails.mails == []


def test_encryption_that_is_not_there_is_not_done_without(taken: tuple[Sink, int]) -> None:
    mails, port = taken
    there = settings(notification_smtp_server=LOOPBACK, notification_smtp_port=port, notification_smtp_starttls=True)
    with pytest.raises(OutboxError):
        outbox_of(there).send(LETTER)
    assert mails.mails == []


def test_a_server_that_is_not_there_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OutboxError, match="takes no mail"):
        outbox_of(settings(notification_smtp_server=LOOPBACK, notification_smtp_port=1)).send(LETTER)
    assert caplog.text == ""


def test_a_program_gets_the_mail(tmp_path: Path) -> None:
    program, mail = tmp_path / "sendmail", tmp_path / "mail"
    program.write_text(f'#!/bin/sh\necho "$@" > {mail}\ncat >> {mail}\n', encoding="utf-8")
    program.chmod(stat.S_IRWXU)
    outbox_of(settings(notification_smtp_server="", notification_sendmail=str(program))).send(LETTER)
    options, _, content = mail.read_bytes().partition(b"\n")
    assert options == b"-i -f no-reply@ex.com -- reader@far.test"
    message = message_from_bytes(content, EmailMessage, policy=policy.default)
    assert message.get_content() == LETTER.text


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/sendmail"])
def test_a_program_that_fails_is_said(program: str) -> None:
    with pytest.raises(OutboxError, match=f"{program} takes no mail"):
        outbox_of(settings(notification_smtp_server="", notification_sendmail=program)).send(LETTER)
