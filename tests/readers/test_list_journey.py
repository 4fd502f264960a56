"""The whole way of mailing lists: made through the API, written to by SMTP, sent on by mlmmj, and read by IMAP."""

import shutil
import smtplib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import msgspec
import pytest

from postreeve.backends.common import native_lists
from postreeve.storage.mlmmj import NativeLists
from postreeve.subscribable_lists.fields import CONTROLS
from tests.mail_system import MailServer, private_directory, wait_until
from tests.readers.conftest import look_ups
from tests.site import PASSWORD, Client, Site

pytestmark = pytest.mark.slow

NEWS = "news@ex.com"
ANN, BOB = "ann@ex.com", "bob@ex.com"


@pytest.fixture
def mail(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A mail server for the site and its lists, whose mail goes through Postfix again."""
    with private_directory() as home:
        spool = home / "lists"
        spool.mkdir(mode=0o700)
        site.change_settings(storage_base_directory=str(home / "mail"))
        settings = msgspec.structs.replace(site.settings, mlmmj_spool=str(spool), mlmmj_archive=str(home / "archive"))
        mail = MailServer(settings, home, home, **look_ups(site))
        shutil.chown(spool, mail.system.mlmmj_user, mail.system.mlmmj_group)
        host = native_lists(msgspec.structs.replace(settings, mlmmj_smtp_port=mail.system.smtp_port)).host
        controls = (*host.controls, ("smtphelo", "lists.postreeve.test"))
        monkeypatch.setattr(site.storage, "lists", NativeLists(replace(host, controls=controls), CONTROLS))
        with mail:
            yield mail


def test_a_list_takes_mail_under_each_of_its_names_until_it_is_disabled(site: Site, mail: MailServer) -> None:
    root = site.root()
    _accounts(root)
    root.ok("POST", f"ml/{NEWS}", extra_addresses="letters@ex.com", subscribers=f"{ANN},{BOB}", require_confirm="no")
    names = [NEWS, "letters@ex.com", "news@ex.net", "News@EX.com"]
    for address in names:
        mail.send(ANN, PASSWORD, address, f"To {address}")
    assert mail.subjects(BOB, PASSWORD, len(names)) == sorted(f"To {address}" for address in names)
    assert mail.wait_for(BOB, PASSWORD, f"To {NEWS}")["List-Id"] == f"<{NEWS}>"
    root.ok("PUT", f"ml/{NEWS}", accountStatus="disabled")
    for address in (*names, "news+subscribe@ex.com"):
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="unknown"):
            mail.send(ANN, PASSWORD, address, "Too late")
    root.ok("PUT", f"ml/{NEWS}", accountStatus="active")
    mail.send(ANN, PASSWORD, NEWS, "Welcome back")
    assert mail.wait_for(BOB, PASSWORD, "Welcome back")
    root.ok("DELETE", f"ml/{NEWS}")
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="unknown"):
        mail.send(ANN, PASSWORD, NEWS, "Too late")


def test_people_subscribe_unsubscribe_and_moderate_by_mail(site: Site, mail: MailServer) -> None:
    root = site.root()
    _accounts(root)
    root.ok("POST", f"ml/{NEWS}", subscribers=BOB, require_confirm="no", moderated="yes", owner=BOB)
    for command, subject, expected in (
        ("news+subscribe@ex.com", "Confirm subscription", {ANN, BOB}),
        ("news+unsubscribe@ex.net", "Confirm unsubscribe", {BOB}),
    ):
        mail.send(ANN, PASSWORD, command, "Please")
        asked = mail.wait_for(ANN, PASSWORD, subject)
        mail.send(ANN, PASSWORD, str(asked["Reply-To"]), "Yes")
        wait_until(partial(_are_subscribed, root, expected), f"Nobody heeds {command}.")
    mail.send(BOB, PASSWORD, NEWS, "Held")
    release = mail.wait_for(BOB, PASSWORD, "Please moderate")
    root.ok("PUT", f"ml/{NEWS}", add_subscribers=ANN, require_confirm="no")
    mail.send(BOB, PASSWORD, str(release["Reply-To"]), "Let it through")
    assert mail.wait_for(ANN, PASSWORD, "Held")["From"] == BOB


def _accounts(root: Client) -> None:
    root.ok("POST", "domain/ex.com", aliasDomains="ex.net")
    for user in (ANN, BOB):
        root.ok("POST", f"user/{user}", password=PASSWORD)


def _are_subscribed(root: Client, expected: set[str]) -> bool:
    return {each["mail"] for each in root.data(f"ml/{NEWS}", with_subscribers="yes")["subscribers"]} == expected
