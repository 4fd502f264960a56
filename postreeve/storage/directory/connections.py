"""Connections to a directory: opened, checked, kept in a pool; and what the driver's errors mean."""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import ldap
import ldap.schema
import msgspec
import sqlalchemy as sa
from ldap.schema.models import AttributeType, ObjectClass
from sqlalchemy.pool import QueuePool

from postreeve.errors import Code, Refused
from postreeve.settings import Ldap
from postreeve.storage.directory.names import Tree
from postreeve.work import ConflictError, DuplicateError, Pool, StoreUnavailableError

T = TypeVar("T")

LOOK_SECONDS = 3
"""For whoever only asks whether the directory answers."""
_KEEPALIVE = ((ldap.OPT_X_KEEPALIVE_IDLE, 10), (ldap.OPT_X_KEEPALIVE_INTERVAL, 5), (ldap.OPT_X_KEEPALIVE_PROBES, 3))
"""In seconds and numbers: while it negotiates encryption the library heeds no timeout, but a host may be gone."""

_BROKEN = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.UNAVAILABLE, ldap.TIMEOUT, ldap.LOCAL_ERROR)
_OUTAGES = (
    *_BROKEN, ldap.BUSY, ldap.TIMELIMIT_EXCEEDED, ldap.SIZELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED, ldap.REFERRAL,
    ldap.UNWILLING_TO_PERFORM, ldap.INSUFFICIENT_ACCESS, ldap.INVALID_CREDENTIALS, ldap.INAPPROPRIATE_AUTH,
    ldap.STRONG_AUTH_REQUIRED, ldap.CONFIDENTIALITY_REQUIRED, ldap.OTHER,
)  # fmt: skip
"""What the administrator has to mend, or time: among them limits of the server, and an account without rights."""
_CONFLICTS = (ldap.ASSERTION_FAILED, ldap.NO_SUCH_OBJECT, ldap.NOT_ALLOWED_ON_NONLEAF)
"""Of writing: an entry has changed, or gone, or got others below it."""
_REFUSALS = (ldap.INVALID_SYNTAX, ldap.CONSTRAINT_VIOLATION)


@dataclass(frozen=True)
class Schema:
    """The attributes and classes that a server has; they come with iRedMail's releases. Names are in lower case."""

    attributes: frozenset[str]
    classes: dict[str, frozenset[str]]
    exact: frozenset[str]
    """Attributes whose values differ by case."""

    def has(self, object_class: str, attribute: str = "") -> bool:
        """Tell whether there is a class, or an attribute in it."""
        attributes = self.classes.get(object_class.lower())
        return attributes is not None and (not attribute or attribute.lower() in attributes)

    def knows(self, attribute: str) -> bool:
        """Tell whether there is such an attribute, in whatever class."""
        return attribute.lower() in self.attributes

    def folded(self, attribute: str, value: bytes) -> bytes:
        """Return what values of an attribute have in common that are the same to the server."""
        return value if attribute.lower() in self.exact else value.lower()


class Directory:
    """One directory: its pool of connections, where its entries are, and its schema."""

    def __init__(self, settings: Ldap, pool_size: int) -> None:
        self.settings = settings
        self.tree = Tree(settings.suffix)
        # A request may read through a long listing besides its other work.
        self.most_connections = 2 * pool_size + 2
        connect: Any = self._connect  # what SQLAlchemy's pool keeps need not be a connection of a database
        self.pool = QueuePool(
            connect,
            pool_size=self.most_connections,
            max_overflow=0,
            reset_on_return=None,
            timeout=settings.timeout,
            use_lifo=True,
        )

    def _connect(self) -> "Connection":
        try:
            return Connection(self.settings)
        except ldap.LDAPError as error:
            raise StoreUnavailableError(words(error)) from error

    def is_answering(self) -> bool:
        """Tell whether the directory answers now, over a connection of its own."""
        try:
            briefly = msgspec.structs.replace(self.settings, timeout=min(self.settings.timeout, LOOK_SECONDS))
            with closing(Connection(briefly)) as connection:
                connection.driver.read_s(self.tree.suffix, attrlist=["1.1"])
        except ldap.LDAPError:
            return False
        return True

    def use(self) -> Pool:
        """Return how many connections are used."""
        return Pool(self.pool.checkedout(), self.pool.checkedin(), self.most_connections)

    @cached_property
    def schema(self) -> Schema:
        """What the server says of its schema; looked up once."""
        place = self._read("", ["subschemaSubentry"])["subschemaSubentry"][0].decode()
        return _schema(self._read(place, ["attributeTypes", "objectClasses"]))

    def _read(self, dn: str, attributes: list[str]) -> Any:
        lease = Lease(self)
        try:
            return lease.ask(lambda driver: driver.read_s(dn, attrlist=attributes))
        finally:
            lease.end()

    def close(self) -> None:
        """Close all connections."""
        self.pool.dispose()


class Connection:
    """A connection that has logged in; the pool closes it."""

    def __init__(self, settings: Ldap) -> None:
        self.driver: Any = ldap.initialize(settings.url)
        self.driver.timeout = settings.timeout
        self.driver.set_option(ldap.OPT_NETWORK_TIMEOUT, settings.timeout)
        self.driver.set_option(ldap.OPT_TIMEOUT, settings.timeout)  # of StartTLS, which takes no other
        for option, number in _KEEPALIVE:
            self.driver.set_option(option, number)
        self.driver.set_option(ldap.OPT_REFERRALS, ldap.OPT_OFF)
        self.driver.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        if settings.ca_file:
            self.driver.set_option(ldap.OPT_X_TLS_CACERTFILE, settings.ca_file)
        self.driver.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        if settings.start_tls:
            self.driver.start_tls_s()
        self.driver.simple_bind_s(settings.account, settings.password)

    def close(self) -> None:
        self.driver.unbind_ext()


class Lease:
    """A connection for one work, taken from the pool when it is needed."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self._held: Any = None

    @property
    def is_held(self) -> bool:
        return self._held is not None

    def ask(self, send: Callable[[Any], T]) -> T:
        """Ask the driver for something; connections that died while they were idle are replaced without a word."""
        spares = 0 if self.is_held else self.directory.most_connections
        while True:
            try:
                return send(self._driver())
            except ldap.LDAPError as error:
                if not isinstance(error, _BROKEN):
                    raise (meaning(error) or error) from error
                self._drop(error)
                if spares == 0 or isinstance(error, ldap.TIMEOUT):
                    raise StoreUnavailableError(words(error)) from error
                spares -= 1

    def end(self) -> None:
        """Give the connection back."""
        if self.is_held:
            self._held.close()
            self._held = None

    def _driver(self) -> Any:
        if not self.is_held:
            try:
                self._held = self.directory.pool.connect()
            except sa.exc.TimeoutError as error:
                raise StoreUnavailableError("All connections to the directory are busy.") from error
        return self._held.driver

    def _drop(self, error: Exception) -> None:
        self._held.invalidate(error)
        self._held = None


def meaning(error: ldap.LDAPError) -> Exception | None:
    """Return what an error of the driver means to us; None is a defect of ours."""
    match error:
        case ldap.ALREADY_EXISTS():
            return DuplicateError(words(error))
        case _ if isinstance(error, _CONFLICTS):
            return ConflictError(words(error))
        case _ if isinstance(error, _OUTAGES):
            return StoreUnavailableError(words(error))
        case _ if isinstance(error, _REFUSALS):
            return Refused((Code.INVALID_VALUE,), _attribute(error))
    return None


def words(error: ldap.LDAPError) -> str:
    """Return what the server says, for the log: never for the caller."""
    said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return ". ".join(str(said[key]) for key in ("desc", "info") if said.get(key)) or str(error)


def _attribute(error: ldap.LDAPError) -> str:
    """Return the attribute whose value the server does not take."""
    said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    named = re.match(r"([A-Za-z][\w-]*): ", said.get("info", ""))
    return named[1] if named else ""


def _schema(found: dict[str, list[bytes]]) -> Schema:
    """Read what a server says of its attributes and classes."""
    known = ldap.schema.SubSchema(found)
    exact: set[str] = set()
    attributes: set[str] = set()
    for oid in known.listall(AttributeType):
        names = {name.lower() for name in known.get_obj(AttributeType, oid).names}
        attributes |= names
        equality = known.get_inheritedattr(AttributeType, oid, "equality") or ""
        if not equality.startswith(("caseIgnore", "objectIdentifier", "distinguishedName", "boolean")):
            exact |= names
    classes: dict[str, frozenset[str]] = {}
    for oid in known.listall(ObjectClass):
        must, may = known.attribute_types([oid], raise_keyerror=0)
        allowed = {name.lower() for each in (*must.values(), *may.values()) if each for name in each.names}
        classes |= {name.lower(): frozenset(allowed) for name in known.get_obj(ObjectClass, oid).names}
    return Schema(frozenset(attributes), classes, frozenset(exact))
