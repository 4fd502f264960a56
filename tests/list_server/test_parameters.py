"""What each parameter of a list does: mlmmj's own programs take mail for a list that has it, and one that has not."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from postreeve.subscribable_lists.fields import CONTROLS
from tests.mlmmj import LIST, PROGRAMS, Lists, Mail, message

pytestmark = pytest.mark.slow  # mlmmj and servers

ANN, BOB, CARL, EVE = "ann@ex.com", "bob@ex.com", "carl@ex.com", "eve@far.test"
"""Two subscribers, one of digests, and a stranger."""
OWNER, MODERATOR = "owner@ex.com", "moderator@ex.com"
PLAIN = "plain@lists.test"
"""A list like the other one, but without the parameter."""
TEXT = "It was a dark and stormy night.\n"

Test = TypeVar("Test", bound=Callable[..., None])
SHOWN: set[str] = set()


def shows(*names: str) -> Callable[[Test], Test]:
    """Note that a test shows what parameters do."""
    SHOWN.update(names)
    return lambda test: test


def test_every_parameter_that_mlmmj_keeps_is_shown() -> None:
    assert set(CONTROLS) == SHOWN


def both(lists: Lists, **parameters: str) -> None:
    """Make a list with these parameters, and the plain one."""
    given = {"accessPolicy": "public", "owner": OWNER}
    lists.create(LIST, ANN, BOB, **{**given, **parameters})
    lists.create(PLAIN, ANN, BOB, **given)


@shows("only_subscriber_can_post")
def test_strangers_write_to_public_lists_alone(lists: Lists) -> None:
    both(lists, accessPolicy="membersonly")
    lists.server.subscribe(LIST, [CARL], "digest", has_to_confirm=False)
    assert set(lists.post(EVE, mail=PLAIN)) == {ANN, BOB}
    assert _is_refusal(lists.post(EVE), EVE)
    assert set(lists.post(f"Ann <{ANN}>")) == {BOB}
    assert set(lists.post(CARL)) == {ANN, BOB}


@shows("only_moderator_can_post")
def test_a_list_can_be_for_moderators_alone(lists: Lists) -> None:
    both(lists, accessPolicy="moderatorsonly", moderators=MODERATOR)
    assert set(lists.post(ANN, mail=PLAIN)) == {BOB}
    assert _is_refusal(lists.post(ANN), ANN)
    assert set(lists.post(MODERATOR)) == {ANN, BOB}


@shows("moderated", "moderators")
def test_moderators_let_mail_through(lists: Lists) -> None:
    both(lists, moderated="yes", moderators=f"{MODERATOR},{CARL}")
    asked = lists.post(EVE, TEXT)
    assert set(asked) == {CARL, MODERATOR}
    assert TEXT.strip() in asked[CARL].text
    assert set(lists.answer(MODERATOR, asked[MODERATOR])) == {ANN, BOB}
    assert lists.answer(CARL, asked[CARL]) == {}


@shows("moderated")
def test_owners_stand_in_for_moderators(lists: Lists) -> None:
    both(lists, moderated="yes")
    asked = lists.post(OWNER)
    assert set(asked) == {OWNER}
    assert set(lists.answer(OWNER, asked[OWNER])) == {ANN, BOB}


@shows("moderate_non_subscriber_post")
def test_moderators_decide_about_mail_that_would_be_refused(lists: Lists) -> None:
    both(lists, accessPolicy="membersonly", moderate_non_subscriber_post="yes", moderators=MODERATOR)
    assert set(lists.post(ANN)) == {BOB}
    asked = lists.post(EVE)
    assert set(asked) == {MODERATOR}
    assert set(lists.answer(MODERATOR, asked[MODERATOR])) == {ANN, BOB}


@shows("notify_sender_when_moderated")
def test_senders_may_hear_that_their_mail_waits(lists: Lists) -> None:
    both(lists, moderated="yes", notify_sender_when_moderated="yes")
    assert set(lists.post(EVE)) == {EVE, OWNER}


@shows("close_list")
def test_nobody_joins_or_leaves_a_closed_list_by_mail(lists: Lists) -> None:
    both(lists, close_list="yes")
    assert set(lists.command(EVE, "subscribe", PLAIN)) == {EVE}
    assert set(lists.command(ANN, "unsubscribe", PLAIN)) == {ANN}
    assert lists.command(EVE, "subscribe") == lists.command(ANN, "unsubscribe") == {}


@shows("disable_subscription")
def test_subscription_by_mail_can_be_closed_alone(lists: Lists) -> None:
    both(lists, disable_subscription="yes")
    assert lists.command(EVE, "subscribe") == {}
    lists.answer(ANN, lists.command(ANN, "unsubscribe")[ANN])
    assert lists.subscribed() == {BOB: "normal"}


def test_who_answers_the_confirmation_is_subscribed(lists: Lists) -> None:
    both(lists)
    asked = lists.command(EVE, "subscribe-digest", PLAIN)
    assert EVE not in lists.subscribed(PLAIN)
    assert set(lists.answer(EVE, asked[EVE], PLAIN)) == {EVE}
    assert lists.subscribed(PLAIN)[EVE] == "digest"


@shows("disable_subscription_confirm")
def test_subscribing_may_need_no_confirmation(lists: Lists) -> None:
    both(lists, disable_subscription_confirm="yes")
    lists.command(EVE, "subscribe")
    lists.command(ANN, "unsubscribe")
    assert lists.subscribed() == {BOB: "normal", EVE: "normal"}


@shows("disable_digest_subscription", "disable_nomail_subscription")
@pytest.mark.parametrize("version", ["digest", "nomail"])
def test_versions_can_be_closed_to_subscription_by_mail(lists: Lists, version: str) -> None:
    both(lists, **{f"disable_{version}_subscription": "yes", "disable_subscription_confirm": "yes"})
    lists.command(EVE, f"subscribe-{version}")
    assert EVE not in lists.subscribed()
    lists.answer(EVE, lists.command(EVE, f"subscribe-{version}", PLAIN)[EVE], PLAIN)
    assert lists.subscribed(PLAIN)[EVE] == version


@shows("disable_digest_text")
@pytest.mark.parametrize("mail, kinds", [(PLAIN, ["text/plain", "message/rfc822"]), (LIST, ["message/rfc822"])])
def test_digests_have_a_summary_or_none(lists: Lists, mail: str, kinds: list[str]) -> None:
    both(lists, disable_digest_text="yes")
    lists.server.subscribe(mail, [CARL], "digest", has_to_confirm=False)
    assert set(lists.post(ANN, mail=mail)) == {BOB}
    lists.run("mlmmj-maintd", "-F", mail=mail)
    digest = lists.mails.taken()[CARL]
    assert [part.get_content_type() for part in digest.message.iter_parts()] == kinds


@shows("disable_retrieving_old_posts", "only_subscriber_can_get_old_posts")
def test_old_mails_are_for_subscribers_where_they_are_given_out(lists: Lists) -> None:
    lists.create(LIST, ANN, BOB, disable_retrieving_old_posts="no")
    lists.create(PLAIN, ANN, BOB)
    for mail in (LIST, PLAIN):
        lists.post(ANN, TEXT, mail=mail)
    assert lists.command(BOB, "get-1", PLAIN) == {}
    assert TEXT.strip() in lists.command(BOB, "get-1")[BOB].text
    assert TEXT.strip() not in _all_texts(lists.command(EVE, "get-1"))
    lists.server.write(LIST, {"only_subscriber_can_get_old_posts": False})
    assert TEXT.strip() in lists.command(EVE, "get-1")[EVE].text


@shows("disable_archive")
def test_mails_are_kept_or_not(lists: Lists) -> None:
    both(lists, disable_archive="yes", disable_retrieving_old_posts="no")
    for mail in (LIST, PLAIN):
        lists.post(ANN, TEXT, mail=mail)
    assert TEXT in (lists.directory(PLAIN) / "archive/1").read_text()
    assert list((lists.directory() / "archive").iterdir()) == []
    assert lists.post(ANN).keys() == {BOB}


@shows("disable_retrieving_subscribers", "owner")
def test_owners_may_get_the_subscribers(lists: Lists) -> None:
    both(lists, disable_retrieving_subscribers="no")
    assert lists.command(OWNER, "list", PLAIN) == {}
    assert {ANN, BOB} <= set(lists.command(OWNER, "list")[OWNER].text.split())
    assert BOB not in _all_texts(lists.command(ANN, "list"))


@shows("owner")
def test_mail_to_the_owners_reaches_them_all(lists: Lists) -> None:
    lists.create(LIST, ANN, owner=f"{OWNER},{CARL}")
    lists.create(PLAIN, ANN)
    assert set(lists.command(EVE, "owner")) == {CARL, OWNER}
    assert set(lists.command(EVE, "owner", PLAIN)) == {"postmaster@lists.test"}


@shows("disable_send_copy_to_sender")
def test_senders_get_a_copy_or_none(lists: Lists) -> None:
    both(lists, disable_send_copy_to_sender="no")
    assert set(lists.post(ANN, mail=PLAIN)) == {BOB}
    assert set(lists.post(ANN)) == {ANN, BOB}


@shows("notify_owner_when_sub_unsub")
def test_owners_may_hear_of_who_comes_and_goes(lists: Lists) -> None:
    both(lists, notify_owner_when_sub_unsub="yes", disable_subscription_confirm="yes")
    owners = "news+owner@lists.test"
    assert EVE in lists.command(EVE, "subscribe")[owners].text
    assert ANN in lists.command(ANN, "unsubscribe")[owners].text
    assert set(lists.answer(EVE, lists.command(EVE, "subscribe", PLAIN)[EVE], PLAIN)) == {EVE}


@shows("moderate_subscription")
def test_owners_approve_of_subscribers(lists: Lists) -> None:
    both(lists, moderate_subscription="yes")
    asked = lists.answer(EVE, lists.command(EVE, "subscribe")[EVE])
    assert set(asked) == {EVE, OWNER}
    assert EVE not in lists.subscribed()
    assert set(lists.answer(OWNER, asked[OWNER])) == {EVE}
    assert lists.subscribed()[EVE] == "normal"


@shows("subscription_moderators")
def test_others_than_owners_may_approve_of_subscribers(lists: Lists) -> None:
    both(lists, subscription_moderators=f"{CARL},no address")
    asked = lists.answer(EVE, lists.command(EVE, "subscribe")[EVE])
    assert set(asked) == {CARL, EVE}
    lists.answer(CARL, asked[CARL])
    assert EVE in lists.subscribed()


def test_without_approvers_the_owners_approve(lists: Lists) -> None:
    both(lists, subscription_moderators=CARL)
    lists.server.write(LIST, {"subscription_moderators": ()})
    assert set(lists.answer(EVE, lists.command(EVE, "subscribe")[EVE])) == {EVE, OWNER}


def test_subscribing_here_needs_no_approval(lists: Lists) -> None:
    both(lists, moderate_subscription="yes", close_list="yes")
    lists.subscribe(EVE)
    assert EVE in lists.subscribed()
    assert lists.mails.taken() == {}


@shows("extra_addresses")
def test_commands_reach_the_list_under_each_of_its_names(lists: Lists) -> None:
    extra, alias = "letters@other.test", "news@also.test"
    lists.create(LIST, ANN, BOB, accessPolicy="public", extra_addresses=extra, alias_domains=["also.test"])
    lists.create(PLAIN, ANN, BOB, accessPolicy="public")
    assert set(lists.post(EVE, to=extra)) == {ANN, BOB}
    for name in (extra, alias):
        local, _, domain = name.partition("@")
        assert set(lists.post(EVE, to=f"{local}+subscribe@{domain}")) == {EVE}
    assert set(lists.post(EVE, to="letters+subscribe@other.test", mail=PLAIN)) == {ANN, BOB}


@shows("max_message_size")
def test_large_mail_is_refused(lists: Lists) -> None:
    both(lists, max_message_size="2000")
    assert set(lists.post(EVE, TEXT)) == {ANN, BOB}
    assert _is_refusal(lists.post(EVE, TEXT * 60), EVE)
    assert set(lists.post(EVE, TEXT * 60, mail=PLAIN)) == {ANN, BOB}


@shows("subject_prefix")
def test_subjects_have_the_prefix_once(lists: Lists) -> None:
    both(lists, subject_prefix="[News]")
    for subject in ("Hello", "[News] Hello"):
        assert lists.post(ANN, headers={"Subject": subject})[BOB].message["Subject"] == "[News] Hello"
    assert lists.post(ANN, mail=PLAIN)[BOB].message["Subject"] == "Hello"


@shows("custom_headers")
def test_headers_are_added_to_those_of_every_list(lists: Lists) -> None:
    both(lists, custom_headers="X-One: 1\\nX-Two:2\nReply-To: else@ex.com")
    got = lists.post(ANN, headers={"Reply-To": "ann@home.test", "List-Id": "<other.test>"})[BOB].message
    assert (got["X-One"], got["X-Two"]) == ("1", "2")
    assert got.get_all("Reply-To") == [LIST]
    assert got.get_content().strip() == "Good day."
    plain = lists.post(ANN, mail=PLAIN)[BOB].message
    assert plain["X-One"] is None
    assert [plain[name] for name in ("Precedence", "List-Id", "X-Mailing-List")] == ["bulk", f"<{PLAIN}>", PLAIN]


@shows("remove_headers")
def test_headers_are_removed_and_signatures_always(lists: Lists) -> None:
    both(lists, remove_headers="X-Secret,Sender:")
    sent = {"X-Secret": "1", "X-Secret-Not": "2", "DKIM-Signature": f"v=1; b={'abc ' * 40}", "X-Other": "3"}
    got, plain = (lists.post(ANN, headers=sent, mail=mail)[BOB].message for mail in (LIST, PLAIN))
    assert [got["X-Secret"], got["X-Secret-Not"], got["X-Other"]] == [None, "2", "3"]
    assert plain["X-Secret"] == "1"
    assert got["DKIM-Signature"] is plain["DKIM-Signature"] is None


@shows("footer_text", "footer_html")
@pytest.mark.parametrize("html", ["<p>Bye</p>", ""])
def test_footers_come_below_texts_of_their_kind(lists: Lists, html: str) -> None:
    both(lists, footer_text="Bye", footer_html=html)
    wrapper = _wrapper(lists.host.spool.parent)
    sent = message(ANN, LIST, "Text.\n")
    sent.add_alternative("<html><body><p>Text.</p></body></html>\n", subtype="html")
    lists.receive(sent, program=wrapper)
    plain, marked = (part.get_content() for part in lists.mails.taken()[BOB].message.iter_parts())
    assert plain.split() == ["Text.", "Bye"]
    assert "".join(marked.split()) == f"<html><body><p>Text.</p><br>{html}<br></body></html>"
    lists.receive(message(ANN, PLAIN, "Text.\n"), PLAIN, wrapper)
    assert lists.mails.taken()[BOB].message.get_content().strip() == "Text."


@pytest.mark.parametrize("footers, files", [
    ({"footer_text": "Bye"}, {"footer_text": "Bye\n", "footer_html": "\n"}),
    ({"footer_html": "<b>Bye</b>\n"}, {"footer_text": "\n", "footer_html": "<b>Bye</b>\n"}),
    ({"footer_text": " \n", "footer_html": ""}, {}),
])  # fmt: skip
def test_there_are_both_footers_or_none(lists: Lists, footers: dict[str, str], files: dict[str, str]) -> None:
    lists.create(LIST, **footers)
    assert {file.name: file.read_text() for file in (lists.directory() / "control").glob("footer*")} == files


@shows("name")
def test_the_name_is_where_mlmmjadmin_looks_for_it(lists: Lists) -> None:
    lists.create(LIST, name="Néws")
    assert (lists.directory() / "control/name").read_text() == "Néws\n"


def _wrapper(home: Path) -> str:
    """Write a program like iRedMail's, which gives mail to mlmmj after alterMIME has added the footers."""
    program = home / "receive"
    program.write_text(f"""#!/bin/sh
footers="$2/control/footer"
mail=$(mktemp -p {home.as_posix()}/drafts)
cat >"$mail"
if [ -r "${{footers}}_text" ] && [ -r "${{footers}}_html" ]; then
    altermime --input="$mail" --disclaimer="${{footers}}_text" --disclaimer-html="${{footers}}_html" || exit 75
fi
{PROGRAMS}/mlmmj-receive "$@" <"$mail"
""")
    program.chmod(0o755)
    drafts = home / "drafts"
    drafts.mkdir(mode=0o777)
    drafts.chmod(0o777)
    return os.fspath(program)


def _is_refusal(mails: dict[str, Mail], sender: str) -> bool:
    """Tell that the sender alone gets a mail, which says that the post was not accepted."""
    return set(mails) == {sender} and "denied" in mails[sender].text.lower()


def _all_texts(mails: dict[str, Mail]) -> str:
    return "".join(mail.text for mail in mails.values())
