"""Mail services of a user: columns `enable<service>` of `mailbox`, or values of `enabledService` in a directory."""

from collections.abc import Collection, Iterable
from typing import Any

from postreeve.fields import SetChange

_SOGO_MODULES = ("sogowebmail", "sogocalendar", "sogoactivesync")
# Dovecot's name for ManageSieve is `sieve`: the columns with the panel's names have no effect of their own.
_MIRRORS = {"managesieve": ("sieve",), "managesievesecured": ("sievesecured", "sievetls")}
_PUBLIC = (
    "smtp", "smtpsecured", "pop3", "pop3secured", "pop3tls", "imap", "imapsecured", "imaptls", "managesieve",
    "managesievesecured", "deliver", "sogo", *_SOGO_MODULES,
)  # fmt: skip
"""What a reset switches on or off; Dovecot's internal services stay as they are."""


def flags(change: SetChange[Any], columns: Collection[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the columns that a change sets, and the services for which there is no column."""
    wanted: dict[str, bool] = {}
    if change.reset is not None:
        wanted = dict.fromkeys(_PUBLIC, False)
        if "sogo" in change.reset and not change.reset & set(_SOGO_MODULES):
            wanted |= dict.fromkeys(_SOGO_MODULES, True)
    wanted |= {str(word).lower(): False for word in change.remove}
    wanted |= {str(word).lower(): True for word in change.named()}
    return switched(wanted, columns)


def switched(wanted: dict[str, bool], columns: Collection[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the columns for services that are to be on or off, and the services for which there is none."""
    set_columns: dict[str, Any] = {}
    unknown = []
    for word, is_on in wanted.items():
        if f"enable{word}" not in columns:
            unknown.append(word)
        for name in (word, *_MIRRORS.get(word, ())):
            if f"enable{name}" in columns:
                letters = ("n", "y") if name in _SOGO_MODULES else (0, 1)
                set_columns[f"enable{name}"] = letters[is_on]
    return set_columns, sorted(unknown)


_IN_DIRECTORY = (
    "mail", "deliver", "lda", "lmtp", "forward", "senderbcc", "recipientbcc", "shadowaddress",
    "displayedInGlobalAddressBook", "smtp", "smtpsecured", "smtptls", "pop3", "pop3secured", "pop3tls", "imap",
    "imapsecured", "imaptls", "managesieve", "managesievesecured", "managesievetls", "sieve", "sievesecured",
    "sievetls", "sogo", *_SOGO_MODULES, "internal", "doveadm", "lib-storage", "indexer-worker", "dsync", "quota-status",
)  # fmt: skip
"""What a new user of a directory has, in the order in which it is written."""
_SPELLED = {word.lower(): word for word in _IN_DIRECTORY}
_KEPT = frozenset({
    "internal", "doveadm", "lib-storage", "indexer-worker", "dsync", "quota-status", "domainadmin",
})  # fmt: skip
"""What a reset leaves as it is: Dovecot's internal services, and that the user may log in as an admin."""
# Dovecot's own words for what the panel calls ManageSieve and delivery.
_FOLLOWING = {
    "managesieve": ("sieve",), "managesievesecured": ("sievesecured",), "managesievetls": ("sievetls",),
    "deliver": ("lda", "lmtp"),
}  # fmt: skip


def of_new_user(withheld: Iterable[str], off: Iterable[str], on: Iterable[str]) -> list[str]:
    """Return the services of a new user: all but those that the domain withholds and the site switches off.

    A domain's panel has no words for TLS: what it withholds by `imapsecured`, it withholds by `imaptls` as well.
    """
    with_tls = [word.replace("secured", "tls") for word in withheld]
    off = frozenset([*withheld, *with_tls, *off])
    return listed(SetChange(add=frozenset(on)), listed(SetChange(remove=off), _IN_DIRECTORY))


def listed(change: SetChange[Any], current: Iterable[str]) -> list[str]:
    """Return the services after a change, each under its usual spelling; any word may be one."""
    held = {word.lower(): word for word in current}
    if change.reset is not None:
        held = {key: word for key, word in held.items() if key in _KEPT}
        if "sogo" in change.reset and not change.reset & set(_SOGO_MODULES):
            held |= {word: word for word in _SOGO_MODULES}
    for word in _with_following(change.remove):
        held.pop(word, None)
    for word in _with_following(change.named()):
        held.setdefault(word, _SPELLED.get(word, word))
    return list(held.values())


def _with_following(words: Iterable[str]) -> Iterable[str]:
    for word in sorted(str(word).lower() for word in words):
        yield from (word, *_FOLLOWING.get(word, ()))
