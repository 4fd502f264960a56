"""The generations of iRedMail's tables and entries: which release brought what, and which we do not know."""

from collections.abc import Callable, Mapping

NEWER = ("maillist_settings", "maillist_subscribers")
"""Tables of Enterprise Edition 1.7.0 and later, which keeps lists, and more, elsewhere than every other edition."""

Brought = Mapping[str, tuple[str, ...]]
"""What each release brought, the oldest first: tables, and columns after their table; classes and attributes."""

TABLES: Mapping[str, Brought] = {
    "vmail": {
        "0.9.8": (
            "maillists", "moderators", "domain.maillists", "forwardings.is_maillist", "mailbox.enableimaptls",
            "mailbox.enablepop3tls", "mailbox.enablesievetls",
        ),
        "0.9.9": ("mailbox.mailboxformat", "mailbox.mailboxfolder"),
        "1.0": ("mailbox.enablequota-status",),
        "1.4.0": ("maillist_owners",),
        "1.4.1": ("mailbox.enablesogoactivesync", "mailbox.enablesogocalendar", "mailbox.enablesogowebmail"),
        "1.7.3": (
            "deleted_mailboxes.bytes", "deleted_mailboxes.messages", "mailbox.birthday", "mailbox.first_name",
            "mailbox.last_name", "mailbox.mobile", "mailbox.recovery_email", "mailbox.telephone",
        ),
    },
}  # fmt: skip
OPTIONAL = frozenset({"throttle.max_rcpts"})
"""What older releases of the other programs do not have, and the documents do not speak of."""
DIRECTORY: Brought = {
    "0.9.5": ("mailUser.senderRelayHost",),
    "0.9.6": ("mailDomain.domainPendingAliasName", "mailUser.domainStatus"),
    "0.9.8": ("mailList.mailingListID", "mailList.mtaTransport", "mailList.maxMessageSize"),
    "0.9.9": ("mailUser.mailboxFolder", "mailUser.mailboxFormat"),
    "1.4.0": ("mailList.listModerator", "mailList.listOwner"),
    "1.7.2": ("mailAlias.accessPolicy", "mailAlias.listModerator"),
    "1.7.3": ("mailUser.birthday", "mailUser.recoveryEmail"),
}


def missing(brought: Brought, has: Callable[[str, str], bool]) -> dict[str, list[str]]:
    """Return what is not there of what each release brought."""
    found = {
        release: [name for name in names if not has(*name.partition(".")[::2])] for release, names in brought.items()
    }
    return {release: names for release, names in found.items() if names}


def age(brought: Brought, has: Callable[[str, str], bool]) -> str:
    """Say which generation something is, in words that go on from "of iRedMail"."""
    gone = missing(brought, has)
    return f"before {next(iter(gone))}" if gone else f"{[*brought][-1]} or later"
