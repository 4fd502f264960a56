"""Mail services of a user: columns `enable<service>` of `mailbox`."""

from collections.abc import Collection
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
