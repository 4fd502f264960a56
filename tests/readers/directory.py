"""What the maps of a directory say, in the words of the maps of a database: so tests expect one thing of both.

A directory's maps answer differently what means the same to Postfix. An alias domain answers with the domain's name.
Other names of a user lead at once where the user's own leads, which is checked here. The catch-all is asked for as
`@ex.com`.
"""

from dataclasses import dataclass

from tests.readers.readers import Answers, Readers

_ADDRESSES = ("virtual_alias_maps", "virtual_group_maps", "virtual_group_members_maps", "catchall_maps")
"""The maps of addresses in the order of main.cf; the first that answers counts."""
_USERS = "virtual_group_members_maps"
_MAILBOXES = "/var/vmail/"


class DirectoryReaders(Readers):
    """What the mail server's programs see of an installation whose accounts are in a directory."""

    def postfix(self, *keys: str) -> dict[str, Answers]:
        domains = {_domain(key) for key in keys}
        raw = super().postfix(*{*keys, *domains, *(f"@{domain}" for domain in domains)})
        users = {user for answers in raw.values() for user in answers.get(_USERS, ())} - set(raw)
        raw |= super().postfix(*users)
        return {key: _Key(key, raw).in_words_of_sql() for key in keys}


@dataclass(frozen=True)
class _Key:
    """One key, and all answers to it and to what belongs to it."""

    text: str
    raw: dict[str, Answers]

    def in_words_of_sql(self) -> Answers:
        local, at, _ = self.text.rpartition("@")
        if not at:
            return self._of_domain()
        if not local:
            return self._relay("sender_dependent_relayhost_maps_domain")
        return {
            **self._addresses(), **self._logins(), **self._relay("sender_dependent_relayhost_maps_user"),
            **self._transport(), **self._caught(), **self._copies(),
        }  # fmt: skip

    def _of_domain(self) -> Answers:
        own, name = self.raw[self.text], self.text.lower()
        found: Answers = {kind: {name} for kind in ("virtual_mailbox_domains", "relay_domains") if kind in own}
        if found and not self._is_in_alias_domain:
            found["transport_maps_domain"] = own["transport_maps_domain"]
            if "virtual_mailbox_domains" in found and (caught := self._catch_all):
                found["virtual_alias_maps"] = caught
        return found

    def _addresses(self) -> Answers:
        goes, own = self._goes(self.text), self.raw[self.text]
        if self._is_a_user:
            path = {place.removeprefix(_MAILBOXES) for place in own["virtual_mailbox_maps"]}
            return {"virtual_alias_maps": goes, "virtual_mailbox_maps": path}
        [user] = own.get(_USERS, {""})
        if user:
            assert goes == self._goes(user), f"{self.text} leads to {goes}, and {user} to {self._goes(user)}"
        if user and user.partition("@")[0] != self.text.partition("@")[0].lower():
            return {"virtual_alias_maps": {user}}
        if user and not self._is_in_alias_domain:
            return {"virtual_alias_maps": {user}}
        return {"domain_alias_maps" if self._is_in_alias_domain else "virtual_alias_maps": goes} if goes else {}

    def _logins(self) -> Answers:
        users = self.raw[self.text].get("sender_login_maps", set())
        if not users:
            return {}
        return {"sender_login_maps" if users == {self.text.lower()} else "sender_login_alias_maps": users}

    def _relay(self, name: str) -> Answers:
        hosts = self.raw[self.text].get(name)
        return {"sender_dependent_relayhost_maps": hosts} if hosts else {}

    def _transport(self) -> Answers:
        """Return the transport of an account; other names have become the account's own before it is asked for."""
        transport = self.raw[self.text].get("transport_maps_user")
        if not transport or self.raw[self.text].get(_USERS, {self.text.lower()}) != {self.text.lower()}:
            return {}
        return {"transport_maps_user": transport}

    def _caught(self) -> Answers:
        if not (caught := self._catch_all):
            return {}
        if self._is_in_alias_domain:
            return {"domain_alias_catchall_maps": caught}
        return {"catchall_maps": caught} if "+" not in self.text else {}

    def _copies(self) -> Answers:
        return {name: values for name, values in self.raw[self.text].items() if "_bcc_maps_" in name}

    def _goes(self, key: str) -> set[str]:
        return next((self.raw[key][name] for name in _ADDRESSES if name in self.raw[key]), set())

    @property
    def _is_a_user(self) -> bool:
        return self.raw[self.text].get(_USERS) == {self.text.lower()}

    @property
    def _is_in_alias_domain(self) -> bool:
        domain = _domain(self.text)
        answers = self.raw[domain]
        names = answers.get("virtual_mailbox_domains") or answers.get("relay_domains") or {domain.lower()}
        return names != {domain.lower()}

    @property
    def _catch_all(self) -> set[str]:
        return self.raw[f"@{_domain(self.text)}"].get("catchall_maps", set())


def _domain(key: str) -> str:
    return key.rpartition("@")[2]
