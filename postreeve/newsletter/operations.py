"""What can be done with newsletters, by everybody."""

import time
from typing import TypedDict

from postreeve.activity.store import Line
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.newsletter import letters
from postreeve.newsletter.fields import MAIL_LANGUAGE, SIGN_UP, SUBSCRIBER
from postreeve.newsletter.store import Newsletter, Request, Waiting
from postreeve.operations import operation
from postreeve.permissions import admin_of_its_domain, anyone
from postreeve.sessions.rules import network_of
from postreeve.settings import Settings
from postreeve.subscribable_lists.fields import SUBSCRIPTION_MODERATED
from postreeve.subscribable_lists.rules import further_addresses
from postreeve.translations import ENGLISH, chosen
from postreeve.values import Address
from postreeve.work import ListServerError, OutboxError, Work

CHAPTER = "Newsletter"
DAY_SECONDS, HOUR_SECONDS = 86400, 3600


class PublicList(TypedDict):
    """What everybody may know of a newsletter."""

    name: str
    description: str


class AwaitedConfirmation(TypedDict):
    """What a link in a mail confirms."""

    name: str
    """Of the newsletter."""
    subscriber: str


class SignUpForm(TypedDict):
    """Where people subscribe and unsubscribe, and a form for pages elsewhere."""

    subscribe_url: str
    unsubscribe_url: str
    html: str


@operation("GET /api/ml/newsletter/<mail>", CHAPTER, allow=admin_of_its_domain)
def get_sign_up_form(work: Work, mail: Address) -> SignUpForm:
    """Get the links of a newsletter's public pages, and a form for a page elsewhere."""
    base = _base(work.settings)
    work.subscribable_lists.require(mail)
    newsletter = work.newsletters.find(work.newsletters.id_of(mail))
    if newsletter is None:
        refuse(Code.NOT_AVAILABLE, hint="This list is no newsletter, or it is switched off.")
    urls = {word: f"{base}/{word}/{newsletter.id}" for word in ("subscribe", "unsubscribe")}
    return SignUpForm(
        subscribe_url=urls["subscribe"], unsubscribe_url=urls["unsubscribe"],
        html=letters.form(urls["subscribe"], _name(newsletter)),
    )  # fmt: skip


@operation("GET /api/newsletter/<list_id>", CHAPTER, allow=anyone)
def get_newsletter(work: Work, list_id: str) -> PublicList:
    """Get what everybody may know of a newsletter."""
    newsletter = _newsletter(work, list_id)
    return PublicList(name=_name(newsletter), description=newsletter.description)


@operation("POST /api/newsletter/<list_id>/<request>", CHAPTER, allow=anyone, fields=SIGN_UP)
def ask_for_confirmation(work: Work, list_id: str, request: Request, changes: Changes) -> None:
    """Send an address a mail with a link that subscribes it to a newsletter, or unsubscribes it.

    The answer is the same whoever is subscribed, and an address that has had too many of these mails gets no other.
    """
    newsletter = _newsletter(work, list_id)
    subscriber = changes.get(SUBSCRIBER) or refuse(Code.MISSING_PARAMETER, hint=SUBSCRIBER.name)
    _require_other(work, newsletter.mail, subscriber)
    number = work.confirmations.note_mail(_counted(work, subscriber), network_of(work.client))
    if not _may_be_sent(work, subscriber, number):
        return
    hours = _hours(work.settings, request)
    token = work.confirmations.ask(newsletter, request, subscriber, int(time.time()) + hours * HOUR_SECONDS)
    url = f"{_base(work.settings)}/{letters.PATHS[request]}/{newsletter.id}/{token}"
    question = letters.Question(request, _name(newsletter), url, hours)
    language = chosen(changes.get(MAIL_LANGUAGE) or ENGLISH, "")
    try:
        work.outbox.send(letters.asking(question, _sender(work, newsletter), subscriber, language))
    except OutboxError:
        work.confirmations.withdraw_mail(number)
        raise


@operation("GET /api/newsletter/<list_id>/<request>/<token>", CHAPTER, allow=anyone)
def get_awaited_confirmation(work: Work, list_id: str, request: Request, token: str) -> AwaitedConfirmation:
    """Get what the link in a mail confirms."""
    newsletter = _newsletter(work, list_id)
    waiting = _waiting(work, list_id, request, token)
    return AwaitedConfirmation(name=_name(newsletter), subscriber=waiting.subscriber)


@operation("POST /api/newsletter/<list_id>/<request>/<token>", CHAPTER, allow=anyone)
def confirm(work: Work, list_id: str, request: Request, token: str) -> None:
    """Confirm what the link in a mail is about: from then on the address is subscribed to the newsletter, or not."""
    newsletter = _newsletter(work, list_id)
    waiting = _waiting(work, list_id, request, token)
    if not work.confirmations.take(waiting):
        refuse(Code.CONFIRMATION_EXPIRED)
    try:
        _carry_out(work, newsletter, request, waiting.subscriber)
    except ListServerError:
        work.confirmations.put_back(waiting)
        raise
    deed = f"{work.via} Confirm, on a public page, to {request}: {newsletter.mail}.".lstrip()
    work.activity.note(Line("update", "", work.client, deed, newsletter.mail.domain, newsletter.mail))


def drop_expired(work: Work) -> int:
    """Drop what nobody has confirmed in time and has been kept long enough, and return how much it was."""
    return work.confirmations.drop_expired(_last_expiry(work))


def count_expired(work: Work) -> int:
    """Count what would be dropped."""
    return work.confirmations.count_expired(_last_expiry(work))


def _last_expiry(work: Work) -> int:
    return int(time.time()) - work.settings.newsletter_subscription_request_keep_hours * HOUR_SECONDS


def _newsletter(work: Work, list_id: str) -> Newsletter:
    _base(work.settings)
    return work.newsletters.find(list_id) or refuse(
        Code.NO_SUCH_ACCOUNT, hint="There is no newsletter at this address."
    )


def _waiting(work: Work, list_id: str, request: Request, token: str) -> Waiting:
    return work.confirmations.find(list_id, request, token) or refuse(Code.CONFIRMATION_EXPIRED)


def _require_other(work: Work, mail: Address, subscriber: Address) -> None:
    """Refuse an address of the list itself: mail would go round in circles."""
    extra = work.subscribable_lists.extra_addresses(mail)
    if subscriber in {mail, *further_addresses(mail, extra, work.domains.alias_domains(mail.domain))}:
        refuse(Code.INVALID_VALUE, hint="A list does not subscribe to itself.")


def _carry_out(work: Work, newsletter: Newsletter, request: Request, subscriber: str) -> None:
    """Subscribe or unsubscribe; where somebody approves of new subscribers, that is asked first."""
    server, mail = work.list_server, newsletter.mail
    if request == "unsubscribe":
        server.unsubscribe(mail, [subscriber])
    elif (server.settings(mail) or {}).get(SUBSCRIPTION_MODERATED.name):
        server.propose(mail, subscriber)
    else:
        server.subscribe(mail, [subscriber], "normal", has_to_confirm=False)


def _may_be_sent(work: Work, subscriber: Address, number: int) -> bool:
    """Tell whether an address may get one more mail, or refuse to a network that has caused too many.

    The mail at hand is noted already: so of several at once none is overlooked.
    """
    settings, now = work.settings, int(time.time())
    mails = work.confirmations.mails(
        _counted(work, subscriber), now - DAY_SECONDS, network_of(work.client), now - HOUR_SECONDS
    )
    if mails.of_network > settings.newsletter_mails_per_network:
        work.confirmations.withdraw_mail(number)
        refuse(Code.TOO_MANY_ATTEMPTS, retry_after=max(mails.of_network_since + HOUR_SECONDS - now, 1))
    if mails.of_address > settings.newsletter_mails_per_address:
        work.confirmations.withdraw_mail(number)
        return False
    return True


def _counted(work: Work, subscriber: Address) -> Address:
    """Return the address that mails are counted for: further names with an extension lead to one mailbox."""
    return subscriber.without_extension(work.settings.recipient_delimiters or "+")


def _hours(settings: Settings, request: Request) -> int:
    if request == "subscribe":
        return settings.newsletter_subscription_request_expire_hours
    return settings.newsletter_unsubscription_request_expire_hours


def _sender(work: Work, newsletter: Newsletter) -> Address:
    settings = work.settings
    named = settings.notification_sender or settings.notification_smtp_user
    return Address(named if "@" in named else f"no-reply@{newsletter.mail.domain}")


def _name(newsletter: Newsletter) -> str:
    return newsletter.name or newsletter.mail.local_part


def _base(settings: Settings) -> str:
    return settings.newsletter_url or refuse(
        Code.NOT_AVAILABLE, hint="There are no newsletter pages here: the setting newsletter_url is empty."
    )
