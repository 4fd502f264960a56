"""Which texts of a list match a correspondent: as iRedAPD 6.1 and Amavisd 2.13 were seen to compare them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from postreeve.greylisting.store import StoredSetting, Whitelisted
from postreeve.patterns import Form, form_of, tried_by_amavisd, tried_by_iredapd
from postreeve.wblist.store import Entry

_NETWORK_PRIORITY = 70
"""The priority of a sender at which iRedAPD takes it for a network when it greylists."""


@dataclass(frozen=True)
class Correspondent:
    """Somebody with whom mail is exchanged; without a client only the address is compared."""

    address: str
    """Without an extension, as iRedAPD strips it."""
    client: str = ""

    def is_listed(self, text: str) -> bool:
        """Tell whether an entry of an inbound list matches in iRedAPD."""
        if form_of(text) is Form.NETWORK:
            return "." in self.client and self._lies_in(text)
        local = self.address.rpartition("@")[0]
        return text in {*tried_by_iredapd(self.address), f"{local}@*", *self._client_texts()}

    def is_recipient(self, text: str) -> bool:
        """Tell whether an entry of an outbound list matches in iRedAPD."""
        return text in tried_by_iredapd(self.address)

    def is_judged(self, text: str) -> bool:
        """Tell whether an entry of an inbound list matches in Amavisd, which knows no clients."""
        return text in tried_by_amavisd(self.address)

    def is_spared(self, text: str) -> bool:
        """Tell whether a whitelisted sender of greylisting matches."""
        sender = text.lower()
        if sender == self.client or sender in tried_by_iredapd(self.address):
            return True
        return "/" in sender and ("." in self.client or ":/" in sender) and self._lies_in(sender)

    def is_set(self, setting: StoredSetting) -> bool:
        """Tell whether a setting of greylisting is for this sender."""
        sender = setting["sender"]
        if sender == self.client or sender in tried_by_iredapd(self.address):
            return True
        is_network = setting["sender_priority"] == _NETWORK_PRIORITY and "/" in sender
        return is_network and "." in self.client and self._lies_in(sender)

    def _client_texts(self) -> Iterator[str]:
        if self.client:
            yield self.client
        if "." in self.client:
            first, second, third, fourth = self.client.split(".")
            yield f"{first}.{second}.{third}.*"
            yield f"{first}.{second}.*.{fourth}"

    def _lies_in(self, text: str) -> bool:
        """Tell whether a network holds the client; iRedAPD only looks at those whose text begins like the client's."""
        separator = "." if "." in self.client else ":"
        if not self.client or not text.startswith(self.client.partition(separator)[0] + separator):
            return False
        try:
            return ip_address(self.client) in ip_network(text)
        except ValueError:
            return False


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries in iRedAPD's order: networks come after all others of their account."""
    by_account: dict[str, list[Entry]] = {}
    for entry in entries:
        by_account.setdefault(entry.account, []).append(entry)
    return [
        entry
        for of_account in by_account.values()
        for entry in sorted(of_account, key=lambda entry: form_of(entry.address) is Form.NETWORK)
    ]


def is_greylisted(who: Correspondent, settings: Iterable[StoredSetting], whitelisted: Iterable[Whitelisted]) -> bool:
    """Tell whether mail of an unknown sender is greylisted; the DNS is not asked."""
    if any(who.is_spared(entry.sender) for entry in whitelisted):
        return False
    return next((setting["status"] == "enable" for setting in settings if who.is_set(setting)), False)
