"""mlmmj behind an HTTP API: that of mlmmjadmin, on this host or another, or of `postreeve mlmmj-agent`.

mlmmjadmin says yes to much that it does not do: it ignores values that it does not like, takes no locks, and describes
a list that is not there as one with everything off. So everything is said explicitly here, lists have one writer at a
time, and what was written is read again.
"""

import ssl
import stat
import string
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from postreeve.settings import SettingsError
from postreeve.shapes import FirstLine, Flag, Lines, MlmmjShape, WholeText
from postreeve.storage.turns import Turns
from postreeve.subscribable_lists.store import ListSetting, ListSettings, Subscriber, Version
from postreeve.values import Address
from postreeve.work import ListServerError, StoreUnavailableError

Serialised = Callable[[str], AbstractContextManager[object]]
"""Keeps a list for one work alone, across processes, until the block ends; it may raise `StoreUnavailableError`."""
Form = dict[str, str]

HEADER = "X-MLMMJADMIN-API-AUTH-TOKEN"
SHORTEST_TOKEN = 16
VERSIONS: tuple[Version, ...] = ("normal", "digest", "nomail")
NAME, OWNERS, MODERATORS = "name", "owner", "moderators"
APPROVAL, APPROVERS = "moderate_subscription", "subscription_moderators"
FOOTER_TEXT, FOOTER_HTML = "footer_text", "footer_html"
TOGETHER = ({OWNERS, MODERATORS}, {APPROVAL, APPROVERS}, {FOOTER_TEXT, FOOTER_HTML})
PEOPLE = (OWNERS, MODERATORS, APPROVERS)
ADDED_AT_ONCE = 1000
ASKED_AT_ONCE = 100
"""mlmmj sends a mail to each of these, before the answer comes."""
ATTEMPTS = 3
"""Somebody may subscribe by mail while we unsubscribe others: mlmmjadmin writes a whole file, and takes no lock."""
LONGEST_ANSWER = 64 * 1024 * 1024
NOTHING_IN_HTML = "<!-- -->"
"""mlmmjadmin deletes a footer of white space, and without the HTML one the other is not added to any mail."""
ITS_OWN_HEADERS = frozenset(
    {"precedence", "list-id", "reply-to", "list-post", "list-subscribe", "list-unsubscribe", "x-mailing-list"}
)
"""These it writes itself, and drops ours of the same name."""
ABSENT = ("NO_SUCH_ACCOUNT", "ACCOUNT_NOT_EXIST", "FileNotFoundError", "No such file")
"""What it says when there is no directory of a list."""


@dataclass(frozen=True)
class Remote:
    """Where the HTTP API is, and how to get in."""

    base: str
    """Such as `http://127.0.0.1:7790/api`."""
    token: str = field(repr=False)
    header: str = HEADER
    is_verified: bool = True
    """Whether the certificate has to be good."""
    authorities: str = ""
    """A file with the certificates of the authorities that are trusted, instead of the usual ones."""
    connect_seconds: float = 3
    answer_seconds: float = 60
    pause_seconds: float = 5
    """After a failure to reach it nobody tries again for so long: work on accounts is not to wait for lists."""

    def __str__(self) -> str:
        """Name it without secrets, for messages."""
        url = httpx.URL(self.base)
        return f"mlmmjadmin at {url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"


@dataclass(frozen=True)
class Answer:
    """What the API says: yes with what was asked for, or no with a reason, which may be empty."""

    is_yes: bool
    content: Any = None
    reason: str = ""

    @property
    def is_absent(self) -> bool:
        return not self.is_yes and any(words in self.reason for words in ABSENT)


def read_tokens(file: Path) -> tuple[str, ...]:
    """Return the tokens of a file, one of each line; a file that others may read is refused."""
    try:
        mode = file.stat().st_mode
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The tokens in {file} can not be read.") from error
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise SettingsError(f"The tokens in {file} may be read by others, or changed: it needs the mode 0640 or 0600.")
    tokens = tuple(line.strip() for line in lines if line.strip())
    if not tokens or min(map(len, tokens)) < SHORTEST_TOKEN:
        raise SettingsError(f"The file {file} needs a token on each line, of at least {SHORTEST_TOKEN} characters.")
    return tokens


class UnknownPathError(ListServerError):
    """The API takes something in the path for no address."""


class Api:
    """The HTTP API: one request, one answer, and every failure a `ListServerError`."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        token = remote.token.strip()
        if not token or set(token) - set(string.ascii_letters + string.digits + string.punctuation):
            raise SettingsError("The token of mlmmjadmin must be printable ASCII characters.")
        if not _is_url(remote.base):
            raise SettingsError("The URL of mlmmjadmin must be http://HOST:PORT/api or https://HOST/api.")
        self._token = token
        self._silent_until = 0.0
        self._client = httpx.Client(
            headers={remote.header: token, "Accept-Encoding": "identity"},
            verify=_verification(remote),
            timeout=httpx.Timeout(remote.answer_seconds, connect=remote.connect_seconds),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=16, keepalive_expiry=2),
            trust_env=False,
        )

    def get(self, *path: str, **query: str) -> Answer:
        return self._ask("GET", path, params=query)

    def post(self, *path: str, form: Form) -> Answer:
        return self._ask("POST", path, data=form)

    def put(self, *path: str, form: Form) -> Answer:
        return self._ask("PUT", path, data=form)

    def delete(self, *path: str, **query: str) -> Answer:
        return self._ask("DELETE", path, params=query)

    def error(self, what: str) -> ListServerError:
        return ListServerError(f"{self.remote}: {what.replace(self._token, '…')[:300]}")

    def close(self) -> None:
        self._client.close()

    def _ask(self, method: str, path: Sequence[str], **parameters: Mapping[str, str]) -> Answer:
        if time.monotonic() < self._silent_until:
            raise self.error("did not answer a moment ago.")
        url = "/".join([self.remote.base.rstrip("/"), *(quote(part, safe="@") for part in path)])
        try:
            with self._client.stream(method, url, **parameters) as response:  # type: ignore[arg-type]
                return self._read(response.status_code, self._body(response))
        except (httpx.ConnectError, httpx.TimeoutException) as error:
            self._silent_until = time.monotonic() + self.remote.pause_seconds
            raise self.error(f"does not answer ({type(error).__name__}).") from error
        except httpx.HTTPError as error:
            raise self.error(f"broke off ({type(error).__name__}).") from error

    def _body(self, response: httpx.Response) -> bytes:
        body, deadline = bytearray(), time.monotonic() + 2 * self.remote.answer_seconds
        for piece in response.iter_raw():
            body += piece
            if len(body) > LONGEST_ANSWER or time.monotonic() > deadline:
                raise self.error("answers too much, or too slowly.")
        return bytes(body)

    def _read(self, status: int, body: bytes) -> Answer:
        """Read an answer; a proper one is JSON, with the status 200, whatever it says."""
        if status == HTTPStatus.NOT_FOUND:
            raise UnknownPathError(str(self.error("does not know this path.")))
        if status != HTTPStatus.OK:
            raise self.error(f"answers with the status {status}.")
        try:
            said = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.error("answers something that is not JSON.") from error
        if not isinstance(said, dict) or not isinstance(said.get("_success"), bool):
            raise self.error("answers something that is not its own.")
        reason = f"{said.get('_msg') or ''} {said.get('_hint') or ''}".strip()
        return Answer(said["_success"], said.get("_data"), reason)


class RemoteLists:
    """The lists, behind the HTTP API."""

    def __init__(
        self, remote: Remote, controls: Mapping[str, MlmmjShape], serialised: Serialised = lambda _mail: nullcontext()
    ) -> None:
        """Write each list in turn: the works of this process by themselves, those of others as `serialised` has it."""
        self.controls = controls
        self.api = Api(remote)
        self._serialised = serialised
        self._turns = Turns()

    def close(self) -> None:
        """Close the connections."""
        self.api.close()

    def settings(self, mail: str) -> ListSettings | None:
        content = self._profile(mail)
        if content is None or (_is_blank(content) and not self._is_there(mail)):
            return None
        return self._read(mail, content)

    def known(self) -> Iterator[str]:
        return iter(())

    def create(self, mail: str, settings: ListSettings) -> None:
        off = {name: False for name, shape in self.controls.items() if isinstance(shape, Flag) and name != APPROVAL}
        wanted = {NAME: "", **off, **settings}
        with self._turn(mail):
            self._remove(mail, is_kept=True)  # creating one that is there would overwrite its archive
            try:
                self._said_yes(self.api.post(_path(mail), form=self._form(mail, wanted)))
                self._check(mail, wanted)
            except ListServerError:
                with suppress(ListServerError):
                    self._remove(mail, is_kept=False)
                raise

    def write(self, mail: str, settings: ListSettings) -> None:
        with self._turn(mail):
            before = self.settings(mail)
            if before is None:
                raise self.api.error(f"there is no list {mail}.")
            try:
                self._put(mail, settings, before)
                self._check(mail, settings)
            except ListServerError:
                with suppress(ListServerError):
                    self._put(mail, before, {**before, **settings})
                raise

    def remove(self, mail: str, *, is_kept: bool) -> None:
        with self._turn(mail):
            self._remove(mail, is_kept=is_kept)

    def subscribers(self, mail: str) -> Iterator[Subscriber]:
        subscribed = self._subscribed(mail)
        return (
            Subscriber(mail=address, subscription=version)
            for version, addresses in subscribed.items()
            for address in sorted(addresses)
        )

    def subscribe(self, mail: str, addresses: Collection[str], version: Version, *, has_to_confirm: bool) -> None:
        wanted, strangers = set(addresses), set[str]()
        with self._turn(mail):
            before = self._subscribed(mail)
            if has_to_confirm:
                strangers = wanted.difference(*before.values())
            self._move(mail, wanted - strangers, version, before)
        for part in _parts(strangers, ASKED_AT_ONCE):
            with self._turn(mail):
                self._add(mail, part, version, has_to_confirm=True)

    def propose(self, mail: str, address: str) -> None:
        self.subscribe(mail, [address], "normal", has_to_confirm=True)

    def _move(self, mail: str, wanted: set[str], version: Version, before: Mapping[Version, set[str]]) -> None:
        """Subscribe addresses to a version and to no other: mlmmjadmin would leave them in the other as well."""
        moving = {other: wanted & before[other] for other in VERSIONS if other != version}
        new = wanted.difference(before[version]).union(*moving.values())
        if not new:
            return
        try:
            self._drop(mail, set().union(*moving.values()))
            self._add(mail, new, version)
            self._check_subscribed(mail, wanted, version)
        except ListServerError:
            with suppress(ListServerError):
                left = set().union(*self._subscribed(mail).values())
                for other, moved in moving.items():
                    self._add(mail, moved - left, other)
            raise

    def unsubscribe(self, mail: str, addresses: Collection[str]) -> None:
        with self._turn(mail):
            for _ in range(ATTEMPTS):
                left = set(addresses) & set().union(*self._subscribed(mail).values())
                if not left:
                    return
                self._drop(mail, left)
            if left := set(addresses) & set().union(*self._subscribed(mail).values()):
                raise self.api.error(f"{len(left)} addresses are still subscribed to {mail}.")

    def people(self, mail: str) -> dict[str, tuple[str, ...]]:
        content = self._profile(mail)
        if content is None or _is_blank(content):
            return {}
        found = self._read(mail, content)
        return {name: value for name, value in found.items() if name in PEOPLE and isinstance(value, tuple)}

    def subscriptions(self, mails: Iterable[str], address: str) -> dict[str, Version]:
        wanted = list(mails)
        if not wanted:
            return {}
        try:
            said = self.api.get("subscriber", _path(address), "subscribed", query_all_lists="yes")
        except UnknownPathError:  # to mlmmjadmin some addresses are none, but they may subscribe by mail
            return self._found(wanted, address)
        found = {subscriber["mail"]: subscriber["subscription"] for subscriber in self._pairs(self._said_yes(said))}
        return {mail: found[mail] for mail in wanted if mail in found}

    def memberships(self, mails: Iterable[str], domain: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for mail in mails:
            said = self.api.get(_path(mail), "subscribers", email_only="yes")
            addresses = [] if said.is_absent else self._texts(self._said_yes(said))
            for address in {address.strip().lower() for address in addresses}:
                if address.endswith(f"@{domain}"):
                    found.setdefault(address, []).append(mail)
        return found

    # What is there

    def _profile(self, mail: str) -> dict[str, Any] | None:
        said = self.api.get(_path(mail))
        if said.is_absent:
            return None
        content = self._said_yes(said)
        if not isinstance(content, dict):
            raise self.api.error("answers something that is not a list's profile.")
        return content

    def _is_there(self, mail: str) -> bool:
        """Tell a list with everything off from one that is not there: the same to mlmmjadmin, until it has to write.

        So the list's own address is written, which is there already, or else has to be.
        """
        said = self.api.put(_path(mail), form={"extra_addresses": mail})
        if not said.is_absent:
            self._said_yes(said)
        return said.is_yes

    def _read(self, mail: str, content: Mapping[str, Any]) -> dict[str, ListSetting]:
        return {name: self._value(mail, shape, content.get(name)) for name, shape in self.controls.items()}

    def _value(self, mail: str, shape: MlmmjShape, given: object) -> ListSetting:
        match shape:
            case Flag():
                return given == "yes"
            case Lines():
                own = mail if shape.file == "listaddress" else ""
                return tuple(sorted(line for line in self._texts(given or []) if line.lower() != own))
            case FirstLine("maxmailsize"):
                return int(str(given)) if str(given).isdecimal() else 0
            case FirstLine():
                return str(given or "").strip()
            case WholeText():
                text = str(given or "")
                lines = text.strip("\r\n")
                return f"{'' if lines == NOTHING_IN_HTML else lines}\n" if text else ""

    def _subscribed(self, mail: str) -> dict[Version, set[str]]:
        """Return who is subscribed, by version; mlmmjadmin has nobody either where there is no list."""
        said = self.api.get(_path(mail), "subscribers")
        found = [] if said.is_absent else self._pairs(self._said_yes(said))
        if not found and self.settings(mail) is None:
            raise self.api.error(f"there is no list {mail}.")
        subscribed: dict[Version, set[str]] = {version: set() for version in VERSIONS}
        for subscriber in found:
            subscribed[subscriber["subscription"]].add(subscriber["mail"])
        return subscribed

    def _found(self, mails: Iterable[str], address: str) -> dict[str, Version]:
        found: dict[str, Version] = {}
        for mail in mails:
            said = self.api.get(_path(mail), "subscribers")
            for subscriber in [] if said.is_absent else self._pairs(self._said_yes(said)):
                if subscriber["mail"] == address:
                    found.setdefault(mail, subscriber["subscription"])
        return found

    def _pairs(self, content: object) -> list[Subscriber]:
        try:
            pairs = msgspec.convert(content, list[Subscriber])
        except msgspec.ValidationError as error:
            raise self.api.error("answers something that is not subscribers.") from error
        return [{**pair, "mail": pair["mail"].strip().lower()} for pair in pairs]

    def _texts(self, content: object) -> list[str]:
        try:
            return msgspec.convert(content, list[str])
        except msgspec.ValidationError as error:
            raise self.api.error("answers something that is not a list of texts.") from error

    # What is to be there

    @contextmanager
    def _turn(self, mail: str) -> Iterator[None]:
        with self._turns.of(mail), ExitStack() as stack:
            try:
                stack.enter_context(self._serialised(mail))
            except StoreUnavailableError as error:
                raise ListServerError(f"{mail} is not to be had: {error}") from error
            yield

    def _said_yes(self, said: Answer) -> Any:
        if not said.is_yes:
            raise self.api.error(f"refuses: {said.reason or 'without a reason'}")
        return said.content

    def _remove(self, mail: str, *, is_kept: bool) -> None:
        said = self.api.delete(_path(mail), archive="yes" if is_kept else "no")
        if not said.is_absent:
            self._said_yes(said)

    def _put(self, mail: str, settings: ListSettings, before: ListSettings) -> None:
        """Write settings; first, what has to be empty before they can be as they are to be."""
        whole = _completed(settings, before)
        if first := _first(whole, before):
            self._said_yes(self.api.put(_path(mail), form={NAME: str(before[NAME]), **first}))
        self._said_yes(self.api.put(_path(mail), form=self._form(mail, whole)))

    def _form(self, mail: str, settings: ListSettings) -> Form:
        form = {name: _sent(self.controls[name], value, mail) for name, value in settings.items()}
        if form.get(APPROVAL) and not form.get(APPROVERS):  # an empty list beside it would keep those who are there
            form.pop(APPROVERS, None)
        if form.get(FOOTER_TEXT) and form.get(FOOTER_HTML) == "":
            form[FOOTER_HTML] = NOTHING_IN_HTML if settings[FOOTER_HTML] else ""
        elif form.get(FOOTER_HTML) and form.get(FOOTER_TEXT) == "" and settings[FOOTER_TEXT]:
            del form[FOOTER_TEXT]  # it makes an empty one itself
        return form

    def _check(self, mail: str, wanted: ListSettings) -> None:
        """Make sure that settings took: mlmmjadmin says yes to values that it ignores."""
        content = self._profile(mail)
        if content is None:
            raise self.api.error(f"there is no list {mail}.")
        found = self._read(mail, content)
        if lost := [name for name, value in wanted.items() if not _is_same(self.controls[name], value, found[name])]:
            raise self.api.error(f"{', '.join(lost)} of {mail} did not take.")

    def _add(self, mail: str, addresses: Iterable[str], version: Version, *, has_to_confirm: bool = False) -> None:
        for part in _parts(addresses, ADDED_AT_ONCE):
            form = {
                "add_subscribers": ",".join(part), "subscription": version,
                "require_confirm": "yes" if has_to_confirm else "no",
            }  # fmt: skip
            self._said_yes(self.api.post(_path(mail), "subscribers", form=form))

    def _drop(self, mail: str, addresses: Iterable[str]) -> None:
        for part in _parts(addresses, ADDED_AT_ONCE):
            self._said_yes(self.api.post(_path(mail), "subscribers", form={"remove_subscribers": ",".join(part)}))

    def _check_subscribed(self, mail: str, wanted: set[str], version: Version) -> None:
        after = self._subscribed(mail)
        others = set().union(*(after[other] for other in VERSIONS if other != version))
        if wrong := (wanted - after[version]) | (wanted & others):
            raise self.api.error(f"{len(wrong)} addresses are not subscribed to {mail}.")


def _is_url(text: str) -> bool:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


def _verification(remote: Remote) -> bool | ssl.SSLContext:
    if remote.is_verified and remote.authorities:
        try:
            return ssl.create_default_context(cafile=remote.authorities)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"The certificates in {remote.authorities} can not be read.") from error
    return remote.is_verified


def _path(mail: str) -> str:
    """Return an address as it stands in a path: mlmmjadmin takes another letter case for another list."""
    return Address.parse(mail)


def _parts(addresses: Iterable[str], size: int) -> Iterator[list[str]]:
    ordered = sorted(addresses)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def _is_blank(content: Mapping[str, Any]) -> bool:
    return not any(value for value in content.values() if value != "no")


def _completed(settings: ListSettings, before: ListSettings) -> dict[str, ListSetting]:
    """Return settings with the others that mlmmjadmin loses, or judges wrongly, when they are not said again."""
    names = {NAME}.union(*(together for together in TOGETHER if together & set(settings)))
    whole = {**{name: before[name] for name in names}, **settings}
    if APPROVERS in names:
        whole[APPROVAL] = settings.get(APPROVAL, before[APPROVAL] or bool(whole[APPROVERS]))
    return whole


def _first(settings: ListSettings, before: ListSettings) -> Form:
    """Return what has to be emptied by a request of its own."""
    first: Form = {}
    if settings.get(APPROVAL) and settings.get(APPROVERS) == () and before.get(APPROVERS):
        first[APPROVAL] = "no"
    if str(settings.get(FOOTER_HTML) or "").strip() and settings.get(FOOTER_TEXT) == "\n":
        first |= {FOOTER_TEXT: ""} if str(before.get(FOOTER_TEXT) or "").strip() else {}
    return first


def _sent(shape: MlmmjShape, value: ListSetting, mail: str) -> str:
    match shape, value:
        case Flag(), _:
            return "yes" if value else "no"
        case Lines("listaddress"), tuple():
            return ",".join(value) or mail  # nothing at all would delete the list's own address
        case Lines("customheaders"), tuple():
            return "\n".join(value)
        case Lines(), tuple():
            return ",".join(value)
        case _:
            return str(value).strip() if value else ""


def _is_same(shape: MlmmjShape, wanted: ListSetting, found: ListSetting) -> bool:
    """Tell whether a setting is as it was wanted; headers that mlmmjadmin adds by itself do not matter."""
    match shape, wanted, found:
        case Lines("customheaders"), tuple(), tuple():
            others = {header for header in wanted if header.partition(":")[0].strip().lower() not in ITS_OWN_HEADERS}
            return others <= set(found)
        case Lines("delheaders"), tuple(), tuple():
            return {name.lower() for name in wanted} <= {name.lower() for name in found}
        case Lines(), tuple(), tuple():
            return {line.lower() for line in wanted} == {line.lower() for line in found}
        case ((FirstLine() | WholeText()), str(), str()):
            return wanted.strip() == found.strip()
        case _:
            return wanted == found
