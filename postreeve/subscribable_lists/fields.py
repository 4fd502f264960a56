"""The parameters of a subscribable mailing list."""

import re

from postreeve.errors import Code, refuse
from postreeve.fields import (
    ADDRESS,
    STATUS,
    TEXT,
    YES_NO,
    Field,
    FieldSet,
    Kind,
    Role,
    SetField,
    one_of,
    text,
    whole_number,
)
from postreeve.shapes import Attribute, Column, FirstLine, Flag, Lines, Rows, Several, WholeText
from postreeve.subscribable_lists.store import Version

MOST_HEADERS = 50
LONGEST_LINE = 998
"""RFC 5322 2.1.1: of a header, without its end."""
LONGEST_FOOTER = 64 * 1024
_HEADER_NAME = re.compile(r"[!-9;-~]{1,76}")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def _headers(given: str) -> tuple[str, ...]:
    r"""Read headers that are separated by line breaks, or by the two characters of `\n`."""
    lines = [line.strip() for line in given.replace("\\n", "\n").replace("\r\n", "\n").split("\n")]
    headers = tuple(_header(line) for line in lines if line)
    if len(headers) > MOST_HEADERS:
        refuse(Code.INVALID_VALUE, hint=f"At most {MOST_HEADERS} headers.")
    return headers


def _header(line: str) -> str:
    name, colon, value = line.partition(":")
    if not colon or not _HEADER_NAME.fullmatch(name) or _CONTROLS.search(value) or len(line) > LONGEST_LINE:
        refuse(Code.INVALID_VALUE, hint="Each header is one line, as Name: value.")
    return f"{name}: {value.strip()}"


def _header_name(given: str) -> str:
    """Read the name of a header; mlmmj removes every header that begins with it, so a colon has to end it."""
    name = given.removesuffix(":")
    if not _HEADER_NAME.fullmatch(name):
        refuse(Code.INVALID_VALUE, hint="The name of a header.")
    return f"{name}:"


def _footer(given: str) -> str:
    """Read a text of several lines."""
    footer = given.replace("\r\n", "\n")
    if len(footer) > LONGEST_FOOTER:
        refuse(Code.INVALID_VALUE, hint=f"At most {LONGEST_FOOTER} characters.")
    if _CONTROLS.search(footer.replace("\t", " ")):
        refuse(Code.INVALID_VALUE, hint="No control characters but line breaks.")
    return footer


HEADERS = Kind(_headers, {"type": "string"}, separator="\n")
HEADER_NAME = Kind(_header_name, {"type": "string"})
FOOTER = Kind(_footer, {"type": "string", "maxLength": LONGEST_FOOTER})
SUBSCRIPTION: Kind[Version] = one_of(
    ["normal", "digest", "nomail"],
    titles={"normal": "Every mail", "digest": "Digests", "nomail": "No mail, but may write"},
)
ACCESS_POLICY: Kind[str] = one_of(
    ["public", "domain", "subdomain", "membersonly", "moderatorsonly"],
    titles={
        "public": "Everybody", "domain": "Everybody in the domain", "subdomain": "Everybody in the domain and below",
        "membersonly": "Subscribers", "moderatorsonly": "Moderators",
    },
)  # fmt: skip


def _switch(name: str, sentence: str, file: str, title: str = "") -> Field[bool]:
    return Field(name, YES_NO, sentence, mlmmj=Flag(file), title=title)


NAME = Field(
    "name", TEXT, "Display name.",
    sql=Column("name"), ldap=Attribute("cn"), mlmmj=FirstLine("name"), also=("cn",),
    title="Display name",
)  # fmt: skip
ACCOUNT_STATUS = Field(
    "accountStatus", STATUS, "Switch the list on or off: `active` or `disabled`.",
    sql=Column("active"), ldap=Attribute("accountStatus", "active", "disabled"),
    title="Status",
)  # fmt: skip
POLICY = Field(
    "accessPolicy", ACCESS_POLICY, "Who may send mail to the list: everybody, a domain, or those it knows.",
    sql=Column("accesspolicy"), ldap=Attribute("accessPolicy"),
    title="Who may send",
)  # fmt: skip
IS_NEWSLETTER = Field(
    "is_newsletter", YES_NO, "Whether everybody may subscribe on a public page.",
    sql=Column("is_newsletter"), ldap=Several(("enabledService",)),
    title="Newsletter",
)  # fmt: skip
DESCRIPTION = Field(
    "newsletter_description", text(1024), "What the public page says about the list.",
    sql=Column("description"), ldap=Attribute("description"),
    title="Description",
)  # fmt: skip
CLOSED = _switch("close_list", "Nobody may subscribe or unsubscribe by mail.", "closedlist")
MODERATORS_ONLY = _switch("only_moderator_can_post", "Only moderators may send mail to the list.", "modonlypost")
MEMBERS_ONLY = _switch("only_subscriber_can_post", "Only subscribers may send mail to the list.", "subonlypost")
MODERATED = _switch("moderated", "Moderators let every mail through, or do not.", "moderated")
OTHERS_MODERATED = _switch(
    "moderate_non_subscriber_post", "Moderators decide about mail that would be refused otherwise.", "modnonsubposts"
)
SWITCHES = (
    CLOSED, MODERATORS_ONLY, MEMBERS_ONLY,
    _switch("disable_subscription", "Nobody may subscribe by mail; unsubscribing stays possible.", "closedlistsub"),
    _switch(
        "disable_subscription_confirm", "Subscribing by mail takes effect without a confirmation: handle with care.",
        "nosubconfirm",
    ),
    _switch("disable_digest_subscription", "Nobody may subscribe to digests by mail.", "nodigestsub"),
    _switch("disable_digest_text", "Digests come without a summary of threads.", "nodigesttext"),
    _switch(
        "disable_nomail_subscription", "Nobody may subscribe without getting mail.", "nonomailsub",
        "Disable subscription without delivery",
    ),
    MODERATED, OTHERS_MODERATED,
    _switch("disable_retrieving_old_posts", "Nobody gets old mails by `+get-N`.", "noget"),
    _switch("only_subscriber_can_get_old_posts", "Only subscribers get old mails by `+get-N`.", "subonlyget"),
    _switch("disable_retrieving_subscribers", "Owners get no list of the subscribers by `+list`.", "nolistsubsemail"),
    _switch("disable_send_copy_to_sender", "Senders get no copy of their own mail.", "notmetoo"),
    _switch(
        "notify_owner_when_sub_unsub", "Owners hear of who subscribes and unsubscribes.", "notifysub",
        "Notify owners of subscriptions",
    ),
    _switch("notify_sender_when_moderated", "Senders hear that their mail waits for a moderator.", "notifymod"),
    _switch("disable_archive", "Mails are not kept; there are no digests then.", "noarchive"),
)  # fmt: skip
SUBSCRIPTION_MODERATED = Field(
    "moderate_subscription", YES_NO,
    "Owners, or who is named in `subscription_moderators`, approve of new subscribers; `no` forgets those.",
    sql=Several(()), mlmmj=Flag("submod"),
)  # fmt: skip
SUBSCRIPTION_MODERATORS = SetField(
    "subscription_moderators", ADDRESS, "Who approves of new subscribers; without a valid one the owners do.",
    {"subscription_moderators": Role.RESET}, discards_invalid=True, mlmmj=Lines("submod"),
)  # fmt: skip
OWNERS = SetField(
    "owner", ADDRESS, "Owners, who get mail to `+owner`; without any it is the domain's postmaster.",
    {"owner": Role.RESET}, sql=Rows("maillist_owners", "address", "owner"), ldap=Several(("listOwner",)),
    mlmmj=Lines("owner"), title="Owners",
)  # fmt: skip
MODERATORS = SetField(
    "moderators", ADDRESS, "Moderators of mail; without any the owners moderate.",
    {"moderators": Role.RESET}, sql=Rows("moderators", "address", "moderator"), ldap=Several(("listModerator",)),
    mlmmj=Lines("moderators"),
)  # fmt: skip
EXTRA_ADDRESSES = SetField(
    "extra_addresses", ADDRESS, "Further addresses of the list.",
    {"extra_addresses": Role.RESET}, is_own=True,
    sql=Rows("forwardings", "forwarding", "address", {"is_alias": 1}), ldap=Several(("shadowAddress",)),
    mlmmj=Lines("listaddress"),
)  # fmt: skip
MAX_SIZE = Field(
    "max_message_size", whole_number(0, 2**31 - 1), "Largest mail, in bytes; 0 is unlimited.",
    sql=Column("maxmsgsize"), ldap=Attribute("maxMessageSize"), mlmmj=FirstLine("maxmailsize"),
    title="Largest mail",
)  # fmt: skip
PREFIX = Field("subject_prefix", text(100), "Text before the subject; empty for none.", mlmmj=FirstLine("prefix"))
CUSTOM_HEADERS = Field(
    "custom_headers", HEADERS,
    "Headers that are added, as `Name: value`, separated by line breaks or `\\n`; those that every list has stay.",
    mlmmj=Lines("customheaders"),
)  # fmt: skip
REMOVED_HEADERS = SetField(
    "remove_headers", HEADER_NAME, "Names of headers that are removed; signatures, which no longer fit, always are.",
    {"remove_headers": Role.RESET}, mlmmj=Lines("delheaders"),
)  # fmt: skip
FOOTER_TEXT = Field("footer_text", FOOTER, "Text after every mail; empty for none.", mlmmj=WholeText("footer_text"))
FOOTER_HTML = Field(
    "footer_html", FOOTER, "HTML after every HTML mail; empty for none.",
    mlmmj=WholeText("footer_html"), title="Footer in HTML",
)  # fmt: skip

NEW_SUBSCRIBERS = SetField("subscribers", ADDRESS, "First subscribers.", {"subscribers": Role.ADD}, sql=Several(()))
SUBSCRIBERS = SetField(
    "subscribers", ADDRESS, "Subscribers.",
    {"add_subscribers": Role.ADD, "remove_subscribers": Role.REMOVE}, sql=Several(()),
)  # fmt: skip
CONFIRMED = Field(
    "require_confirm",
    YES_NO,
    "Whether those who are subscribed have to confirm it by mail; yes if not given.",
    title="They have to confirm",
)
VERSION = Field(
    "subscription",
    SUBSCRIPTION,
    "What they get: every mail, digests, or the right to write alone; `normal` if not given.",
    title="What they get",
)

_PROFILE = (
    NAME, ACCOUNT_STATUS, POLICY, IS_NEWSLETTER, DESCRIPTION, *SWITCHES, SUBSCRIPTION_MODERATED,
    SUBSCRIPTION_MODERATORS, OWNERS, MODERATORS, EXTRA_ADDRESSES, MAX_SIZE, PREFIX, CUSTOM_HEADERS, REMOVED_HEADERS,
    FOOTER_TEXT, FOOTER_HTML,
)  # fmt: skip
LIST = FieldSet("list", *_PROFILE, SUBSCRIBERS, CONFIRMED, VERSION)
NEW_LIST = FieldSet("list", *_PROFILE, NEW_SUBSCRIBERS, CONFIRMED, VERSION)
CONTROLS = {of.name: of.mlmmj for of in _PROFILE if of.mlmmj is not None}
"""Where mlmmj keeps each parameter."""

WITH_SUBSCRIBERS = Field("with_subscribers", YES_NO, "Answer the subscribers as well.")
KEEP_ARCHIVE = Field("keep_archive", YES_NO, "Keep the list's mails and settings in the archive; yes if not given.")
QUESTION = FieldSet("listing", WITH_SUBSCRIBERS)
REMOVAL = FieldSet("removal", KEEP_ARCHIVE)
