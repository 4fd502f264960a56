"""The whole way: accounts come through the API, mail goes by SMTP through Postfix and Dovecot, and is read by IMAP."""

import imaplib
import smtplib
from collections.abc import Iterator

import pytest

from tests.mail_system import MailServer, private_directory, wait_until
from tests.readers.conftest import look_ups
from tests.site import PASSWORD, Client, Site

pytestmark = pytest.mark.slow

ANN, BOB = "ann@ex.com", "bob@ex.com"


@pytest.fixture
def mail(site: Site) -> Iterator[MailServer]:
    """Give a mail server for the site; new mailboxes go to a directory of its own."""
    with private_directory() as home:
        site.change_settings(storage_base_directory=str(home / "mail"))
        with MailServer(site.settings, home, home, **look_ups(site)) as mail:
            yield mail


def test_two_users_write_to_each_other_until_one_is_disabled(site: Site, mail: MailServer) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="ex.net")
    root.ok("POST", f"user/{ANN}", password=PASSWORD, aliases="info@ex.net")
    root.ok("POST", f"user/{BOB}", password=PASSWORD, quota="5")
    mail.send(ANN, PASSWORD, "bob+news@ex.com", "From a user")
    assert mail.wait_for(BOB, PASSWORD, "From a user")["From"] == ANN
    mail.receive("bob@ex.net", "From outside")
    assert mail.wait_for(BOB, PASSWORD, "From outside")
    _dovecot_notes_login_and_quota(site, root)
    _nobody_sends_as_another(mail)
    _nobody_relays(mail)
    root.ok("PUT", f"user/{BOB}", accountStatus="disabled")
    _is_locked_out(mail, BOB)
    root.ok("PUT", f"user/{BOB}", accountStatus="active")
    mail.send(ANN, PASSWORD, BOB, "Welcome back")
    assert mail.wait_for(BOB, PASSWORD, "Welcome back")


def test_mail_goes_where_the_accounts_send_it(site: Site, mail: MailServer) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="ex.net")
    for user in ("ann", "bob", "copy", "rest"):
        root.ok("POST", f"user/{user}@ex.com", password=PASSWORD)
    root.ok("PUT", "domain/ex.com", catchall="rest@ex.com")
    root.ok("PUT", f"user/{ANN}", aliases="info@ex.net", forwarding=f"{ANN},{BOB}", recipientBcc="copy@ex.com")
    root.ok("POST", "alias/team@ex.com", members=f"{ANN},rest@ex.com")
    mail.receive("info@ex.net", "To an alias address")
    mail.receive("team@ex.net", "To the team")
    mail.receive("nobody+ext@ex.com", "To nobody")
    mail.send(BOB, PASSWORD, "ann+ext@ex.com", "To a user")
    assert mail.subjects("rest@ex.com", PASSWORD, 2) == ["To nobody", "To the team"]
    assert mail.subjects(BOB, PASSWORD, 3) == ["To a user", "To an alias address", "To the team"]
    assert mail.subjects(ANN, PASSWORD, 3) == ["To a user", "To an alias address", "To the team"]
    assert mail.subjects("copy@ex.com", PASSWORD, 1) == ["To a user"]


def test_a_renamed_user_finds_the_mail_of_before(site: Site, mail: MailServer) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "domain/ex.org")
    root.ok("POST", f"user/{ANN}", password=PASSWORD)
    mail.receive(ANN, "Under the old name")
    assert mail.wait_for(ANN, PASSWORD, "Under the old name")
    root.ok("POST", f"user/{ANN}/change_email/new@ex.org")
    mail.receive("new@ex.org", "Under the new name")
    assert mail.subjects("new@ex.org", PASSWORD, 2) == ["Under the new name", "Under the old name"]
    wait_until(
        lambda: root.data("user/new@ex.org")["stored_messages"] == 2, "Dovecot has not counted on under the new name."
    )
    _is_locked_out(mail, ANN, sender="new@ex.org")


def _dovecot_notes_login_and_quota(site: Site, root: Client) -> None:
    def noted() -> bool:
        logins = site.rows("last_login", username=BOB)
        quota = site.rows("used_quota", username=BOB)
        is_noted = bool(logins) and all(logins[0][column] for column in ("imap", "lda"))
        return is_noted and [(row["messages"], row["domain"]) for row in quota] == [(2, "ex.com")]

    wait_until(noted, "Dovecot has not noted the login, the delivery and two messages.")
    profile = root.data(f"user/{BOB}")
    assert profile["last_login"]
    assert profile["stored_messages"] == 2
    assert profile["stored_bytes"] > 0


def _nobody_sends_as_another(mail: MailServer) -> None:
    with mail.submission(ANN, PASSWORD) as smtp:
        for own in (ANN, "info@ex.net", "ann@ex.net"):
            assert smtp.mail(own)[0] == 250
            assert smtp.rcpt(BOB)[0] == 250
            smtp.rset()
        smtp.mail(BOB)
        assert smtp.rcpt(ANN)[0] == 553
    with mail.smtp() as smtp:
        smtp.ehlo()
        smtp.mail(ANN)
        assert smtp.rcpt(BOB)[0] == 553


def _nobody_relays(mail: MailServer) -> None:
    with mail.smtp() as smtp:
        smtp.ehlo()
        smtp.mail("")
        assert smtp.rcpt("someone@far.test")[0] == 554
    with mail.submission() as smtp:
        smtp.ehlo()
        smtp.mail("")
        assert smtp.rcpt(ANN)[0] == 554


def _is_locked_out(mail: MailServer, user: str, sender: str = ANN) -> None:
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"), mail.imap(user, PASSWORD):
        pass
    with pytest.raises(smtplib.SMTPAuthenticationError), mail.submission(user, PASSWORD):
        pass
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="unknown"):
        mail.receive(user, "Too late")
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="unknown"):
        mail.send(sender, PASSWORD, user, "Too late")
