"""What the daemons look up for an address of ours and for a correspondent, and which texts match those.

All of it is as iRedAPD 6.1 and Amavisd 2.13 were seen to compare: texts, not what they mean.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from postreeve.greylisting.store import StoredSetting, Whitelisted
from postreeve.patterns import Form, form_of, tried_by_amavisd, tried_by_iredapd
from postreeve.values import Address
from postreeve.wblist.store import Entry, Verdict

ANY_CLIENT = "@ip"
"""Every client, among the accounts of throttles."""
_NETWORK_PRIORITY = 70
"""The priority of a sender at which iRedAPD takes it for a network when it greylists."""
_OWN_CLIENTS = frozenset({"127.0.0.1", "::1"})
_READ_BY_IREDAPD = frozenset("WB")
_VERDICTS: Mapping[str, Verdict] = {**dict.fromkeys("WYT", "whitelist"), **dict.fromkeys("BNF", "blacklist")}
"""The letters that Amavisd reads; iRedAPD's are among them."""
_POINTS = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")


@dataclass(frozen=True)
class Receiver:
    """An address of an account of ours."""

    account: Address
    """Under whose name its owner logs in."""
    address: Address
    """As it stands in the envelope."""
    plain: Address
    """Without an extension, as iRedAPD takes it."""
    home: Address
    """The same in the domain itself, where `plain` lies in an alias domain: iRedAPD looks up both."""

    @property
    def in_iredapd(self) -> list[str]:
        return sorted({*tried_by_iredapd(self.plain), *tried_by_iredapd(self.home)})

    @property
    def in_amavisd(self) -> list[str]:
        return tried_by_amavisd(self.address)

    @property
    def in_session(self) -> list[str]:
        """What iRedAPD looks up when the owner has logged in."""
        return tried_by_iredapd(self.account)


@dataclass(frozen=True)
class Correspondent:
    """Somebody with whom mail is exchanged; without a client only the address is compared."""

    address: Address
    plain: Address
    """Without an extension, as iRedAPD takes it."""
    client: str = ""

    @property
    def is_trusted(self) -> bool:
        """Tell whether the client is the mail server itself, which iRedAPD takes for somebody who has logged in."""
        return self.client in _OWN_CLIENTS

    @property
    def known_client(self) -> list[str]:
        """The client, or nothing."""
        return [self.client] if self.client else []

    @property
    def throttled(self) -> list[str]:
        """The accounts of throttles that are looked up for its own sake."""
        return [*tried_by_iredapd(self.plain), *self.clients]

    @property
    def clients(self) -> list[str]:
        """The accounts of throttles that are looked up for the client."""
        return [*self._client_texts(), ANY_CLIENT] if self.client else []

    def is_listed(self, text: str) -> bool:
        """Tell whether an entry of an inbound list matches in iRedAPD."""
        if form_of(text) is Form.NETWORK:
            return "." in self.client and self._begins_like_client(text) and self._lies_in(text)
        return text in {*tried_by_iredapd(self.plain), f"{self.plain.local_part}@*", *self._client_texts()}

    def is_recipient(self, text: str) -> bool:
        """Tell whether an entry of an outbound list matches in iRedAPD."""
        return text in tried_by_iredapd(self.plain)

    def is_judged(self, text: str) -> bool:
        """Tell whether an entry of an inbound list matches in Amavisd, which knows no clients."""
        return text in tried_by_amavisd(self.address)

    def is_spared(self, text: str) -> bool:
        """Tell whether a whitelisted sender of greylisting matches."""
        sender = text.lower()
        if sender in self._sender_texts():
            return True
        is_network = "/" in sender if "." in self.client else ":/" in sender
        return is_network and self._begins_like_client(sender) and self._lies_in(sender)

    def is_set(self, setting: StoredSetting) -> bool:
        """Tell whether a setting of greylisting is for this sender; a single character such as `*` is for any."""
        sender = setting["sender"]
        if len(sender) == 1 or sender in self._sender_texts():
            return True
        is_network = setting["sender_priority"] == _NETWORK_PRIORITY and "/" in sender
        return is_network and "." in self.client and self._lies_in(sender)

    def _sender_texts(self) -> list[str]:
        return [*tried_by_iredapd(self.plain), *self.known_client]

    def _client_texts(self) -> list[str]:
        if "." not in self.client:
            return self.known_client
        first, second, third, fourth = self.client.split(".")
        return [self.client, f"{first}.{second}.{third}.*", f"{first}.{second}.*.{fourth}"]

    def _begins_like_client(self, network: str) -> bool:
        """Tell whether iRedAPD looks at a network at all: its text begins with the client's first number."""
        separator = "." if "." in self.client else ":"
        return bool(self.client) and network.startswith(self.client.partition(separator)[0] + separator)

    def _lies_in(self, network: str) -> bool:
        try:
            return ip_address(self.client) in ip_network(network)
        except ValueError:
            return False


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries that iRedAPD reads in its order: networks come after all others of their account."""
    by_account: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.letter in _READ_BY_IREDAPD:
            by_account.setdefault(entry.account, []).append(entry)
    return [
        entry
        for of_account in by_account.values()
        for entry in sorted(of_account, key=lambda entry: form_of(entry.address) is Form.NETWORK)
    ]


def judging(matching: Iterable[Entry]) -> tuple[list[Entry], float]:
    """Return the entry by which Amavisd judges mail and those that it hides, and the points that count until then.

    Of each account the first one counts: a letter decides, a blank ends the search, a number adds to the score.
    """
    points = 0.0
    remaining = list(matching)
    while remaining:
        first = remaining[0]
        if verdict_of(first):
            return [entry for entry in remaining if verdict_of(entry)], points
        if not first.letter.strip():
            break
        points += float(first.letter) if _POINTS.fullmatch(first.letter) else 0.0
        remaining = [entry for entry in remaining if entry.account != first.account]
    return [], points


def verdict_of(entry: Entry) -> Verdict | None:
    """Return what an entry says; None if it does not decide."""
    return _VERDICTS.get(entry.letter.rstrip().upper())


def sparing(who: Correspondent, whitelisted: Iterable[Whitelisted]) -> Whitelisted | None:
    """Return a whitelisted sender by which somebody is not greylisted."""
    return next((entry for entry in whitelisted if who.is_spared(entry.sender)), None)


def deciding_setting(who: Correspondent, settings: Iterable[StoredSetting]) -> StoredSetting | None:
    """Return the setting of greylisting that iRedAPD finds for somebody."""
    return next((setting for setting in settings if who.is_set(setting)), None)
