"""What can be asked of the agent: mlmmjadmin's paths, and what each does to the lists of this host."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from postreeve.errors import Code, refuse
from postreeve.fields import Form
from postreeve.mlmmj_agent import parameters
from postreeve.storage.mlmmj import Host, NativeLists
from postreeve.storage.turns import Turns
from postreeve.subscribable_lists.fields import MODERATORS, OWNERS
from postreeve.subscribable_lists.store import ListSettings, Subscriber
from postreeve.values import Address
from postreeve.work import ListServerError

EVERYBODY = "ALL"
PROGRAM = "mlmmj-sub"
_NAMES_NO_LIST = frozenset("+/=&'~#")
"""A list is a directory, and a plus sign begins a command."""


class NoProgramError(ListServerError):
    """mlmmj is not installed where it should be."""


class SilentNo:
    """No, without a reason: so mlmmjadmin says that somebody is not subscribed."""


@dataclass(frozen=True)
class Asked:
    """What is asked: of which list or for which subscriber, and how."""

    first: Address
    second: Address | None
    form: Form


class Lists:
    """The lists of this host, as mlmmjadmin's clients see them."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.native = NativeLists(host, parameters.ALL)
        self._turns = Turns()

    def get(self, asked: Asked) -> object:
        wanted = [name.strip() for value in asked.form.get("params", ()) for name in value.split(",")]
        return parameters.shown(self._settings(asked.first), wanted)

    def create(self, asked: Asked) -> None:
        mail = asked.first
        mail.require_own()
        if _NAMES_NO_LIST & set(mail.local_part):
            refuse(Code.INVALID_MAIL, hint=mail)
        settings = parameters.of_new_list(mail, asked.form)
        with self._turns.of(mail):
            self.native.create(mail, settings)

    def update(self, asked: Asked) -> None:
        with self._changing(asked.first) as current:
            self.native.write(asked.first, parameters.of_list(asked.first, asked.form, current))

    def remove(self, asked: Asked) -> object:
        is_kept = parameters.is_yes(asked.form, "archive", default=True)
        with self._turns.of(asked.first):
            before = self._archived(asked.first)
            self.native.remove(asked.first, is_kept=is_kept)
            return next((str(path) for path in self._archived(asked.first) - before), None)

    def subscribers(self, asked: Asked) -> object:
        found = [
            Subscriber(mail=_as_text(each["mail"]), subscription=each["subscription"])
            for each in self.native.subscribers(asked.first)
        ]
        return sorted(each["mail"] for each in found) if "email_only" in asked.form else found

    def change_subscribers(self, asked: Asked) -> None:
        mail, form = asked.first, asked.form
        if not {"add_subscribers", "remove_subscribers"} & set(form):
            refuse(Code.MISSING_PARAMETER, hint="add_subscribers or remove_subscribers")
        version = parameters.version(form)
        has_to_confirm = parameters.is_yes(form, "require_confirm", default=False)
        added = parameters.addresses(form, "add_subscribers")
        is_everybody = [value.strip() for value in form.get("remove_subscribers", ())] == [EVERYBODY]
        removed = () if is_everybody else parameters.addresses(form, "remove_subscribers")
        self._require_program(is_needed=has_to_confirm and bool(added))
        with self._turns.of(mail):
            gone = [found["mail"] for found in self.native.subscribers(mail)] if is_everybody else removed
            if gone:
                self.native.unsubscribe(mail, gone)
            if added:
                self.native.subscribe(mail, added, version, has_to_confirm=has_to_confirm)

    def has_subscriber(self, asked: Asked) -> object:
        address = asked.second or refuse(Code.INVALID_MAIL)
        return self.native.subscriptions([asked.first], address).get(asked.first) or SilentNo()

    def owners(self, asked: Asked) -> object:
        return parameters.shown(self._settings(asked.first), [OWNERS.name])[OWNERS.name]

    def moderators(self, asked: Asked) -> object:
        return parameters.shown(self._settings(asked.first), [MODERATORS.name])[MODERATORS.name]

    def change_owners(self, asked: Asked) -> None:
        self._change_people(asked, "owners", OWNERS.name)

    def change_moderators(self, asked: Asked) -> None:
        self._change_people(asked, "moderators", MODERATORS.name)

    def subscribed(self, asked: Asked) -> object:
        is_everywhere = parameters.is_yes(asked.form, "query_all_lists", default=False)
        mails = self._mails("*" if is_everywhere else asked.first.domain)
        found = self.native.subscriptions(mails, asked.first)
        if parameters.is_yes(asked.form, "email_only", default=False):
            return list(found)
        return [{"subscription": version, "mail": mail} for mail, version in found.items()]

    def subscribe(self, asked: Asked) -> None:
        mails, version = parameters.addresses(asked.form, "lists"), parameters.version(asked.form)
        has_to_confirm = parameters.is_yes(asked.form, "require_confirm", default=True)
        if not mails:
            refuse(Code.MISSING_PARAMETER, hint="lists")
        for mail in mails:
            self.native.subscribers(mail)  # all of them have to be there, before the first changes
        self._require_program(is_needed=has_to_confirm)
        for mail in mails:
            with self._turns.of(mail):
                self.native.subscribe(mail, [asked.first], version, has_to_confirm=has_to_confirm)

    def _settings(self, mail: str) -> ListSettings:
        settings = self.native.settings(mail)
        return refuse(Code.NO_SUCH_ACCOUNT, hint=mail) if settings is None else settings

    @contextmanager
    def _changing(self, mail: str) -> Iterator[ListSettings]:
        """Keep a list for one request: what it reads is still true when it writes."""
        with self._turns.of(mail):
            yield self._settings(mail)

    def _change_people(self, asked: Asked, name: str, setting: str) -> None:
        with self._changing(asked.first) as current:
            before = current[setting]
            after = parameters.people(asked.first, asked.form, name, before if isinstance(before, tuple) else ())
            form = {setting: [",".join(after)]}
            self.native.write(asked.first, parameters.of_list(asked.first, form, current))

    def _mails(self, domain: str) -> list[str]:
        """Return the lists of a domain, or of all."""
        found = []
        for control in sorted(self.host.spool.glob(f"{domain}/*/control")):
            mail = f"{control.parent.name}@{control.parent.parent.name}"
            if parameters.address_of(mail) == mail:
                found.append(mail)
        return found

    def _archived(self, mail: Address) -> set[Path]:
        return set((self.host.archive / mail.domain).glob(f"{mail.local_part}-[0-9]*"))

    def _require_program(self, *, is_needed: bool) -> None:
        if is_needed and not (self.host.programs / PROGRAM).is_file():
            raise NoProgramError(f"There is no {PROGRAM} in {self.host.programs}.")


Question = Callable[[Lists, Asked], object]
ADDRESS = "<address>"
QUESTIONS: Mapping[tuple[str, ...], Mapping[str, Question]] = {
    (ADDRESS,): {"GET": Lists.get, "POST": Lists.create, "PUT": Lists.update, "DELETE": Lists.remove},
    (ADDRESS, "subscribers"): {"GET": Lists.subscribers, "POST": Lists.change_subscribers},
    (ADDRESS, "has_subscriber", ADDRESS): {"GET": Lists.has_subscriber},
    (ADDRESS, "owners"): {"GET": Lists.owners, "PUT": Lists.change_owners},
    (ADDRESS, "moderators"): {"GET": Lists.moderators, "PUT": Lists.change_moderators},
    ("subscriber", ADDRESS, "subscribed"): {"GET": Lists.subscribed},
    ("subscriber", ADDRESS, "subscribe"): {"POST": Lists.subscribe},
}


def question(method: str, path: tuple[str, ...]) -> tuple[Question, list[Address]]:
    """Return what a path asks, and the addresses in it; what is no address is no path."""
    for template, methods in QUESTIONS.items():
        if (addresses := _addresses(template, path)) is not None:
            return methods.get(method) or refuse(Code.METHOD_NOT_ALLOWED), addresses
    return refuse(Code.NO_SUCH_OPERATION)


def _addresses(template: tuple[str, ...], path: tuple[str, ...]) -> list[Address] | None:
    if len(template) != len(path) or any(
        part not in {ADDRESS, given} for part, given in zip(template, path, strict=True)
    ):
        return None
    named = [given for part, given in zip(template, path, strict=True) if part == ADDRESS]
    found = [address for given in named if given == given.strip() and (address := parameters.address_of(given))]
    is_fit = len(found) == len(named) and (template[0] != ADDRESS or _is_directory(found[0]))
    return found if is_fit else None


def _as_text(address: str) -> str:
    """Return an address as it can be sent: who wrote it into the spool may not have meant UTF-8."""
    return address.encode(errors="surrogateescape").decode(errors="replace")


def _is_directory(mail: str) -> bool:
    """Tell whether a list's name is one of a directory, and leaves the spool nowhere."""
    return "/" not in mail
