"""Fills an installation with many users, in rows as Postreeve writes them, quickly."""

# ruff: noqa: ANN401 - what comes from drivers has no type

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from postreeve.settings import Settings, Store
from postreeve.storage.engines import engine_of
from postreeve.users.maildir import Home
from postreeve.values import Address
from tests.site import PASSWORD, Row, Site

Table = tuple[Sequence[str], Iterable[Sequence[Any]]]
"""The names of columns, and rows of their values."""

TEMPLATE = "template.example"
BOX = f"template@{TEMPLATE}"
ALIAS = f"all@{TEMPLATE}"
EXTRA = f"extra@{TEMPLATE}"
MEMBERS_OF_ALIAS = 3
USERS_OF_AN_EXTRA_ADDRESS = 10
"""Every tenth user has an alias address."""
BATCH = 1000


@dataclass(frozen=True)
class Population:
    """How many users there are, and in which domains."""

    users: int
    domains: int

    @property
    def listed(self) -> tuple[str, int]:
        """The domain whose list is measured, and the number of its users."""
        return "listed.example", self.users // 20

    @property
    def streamed(self) -> tuple[str, int]:
        """The domain whose list shows how much memory a long answer takes, and the number of its users."""
        return "streamed.example", self.users // 2

    @property
    def spread(self) -> list[tuple[str, int]]:
        """The other domains, all of about the same size."""
        left, domains = self.users - self.listed[1] - self.streamed[1], self.domains - 2
        return [(f"d{n:05}.example", left // domains + (n < left % domains)) for n in range(domains)]

    @property
    def sizes(self) -> list[tuple[str, int]]:
        return [self.listed, self.streamed, *self.spread]

    def mails(self) -> list[str]:
        """Return the users' addresses."""
        return [mail for domain, size in self.sizes for mail in mails_of(domain, size)]


def fill(site: Site, population: Population) -> None:
    """Add the domains and users to an installation that has none, with aliases, alias addresses and used quota.

    One domain, one user and one alias are created through the API; the rest are copies of their rows.
    """
    client = site.root()
    client.ok("POST", f"domain/{TEMPLATE}")
    client.ok("POST", f"user/{BOX}", name="Template", password=PASSWORD, quota="1024", aliases=EXTRA)
    client.ok("POST", f"alias/{ALIAS}", name="Everybody", members=BOX)
    tables = {
        "domain": _domains(site, population),
        "mailbox": _boxes(site, population),
        "forwardings": _forwardings(site, population),
        "alias": _aliases(site, population),
        "used_quota": used_quota(population),
        "last_login": last_login(population),
    }
    site.storage.close()
    write(site.settings.vmail, tables)


def write(store: Store, tables: dict[str, Table]) -> None:
    """Write rows into tables of a database, in one transaction, and let the planner count them."""
    with closing(engine_of(store).connect()) as connection, closing(connection.cursor()) as cursor:
        match store.engine:
            case "postgresql":
                preparations = ["SET session_replication_role = replica", "SET maintenance_work_mem = '256MB'"]
            case "mariadb":
                preparations = ["SET GLOBAL innodb_buffer_pool_size = 1 << 30", "SET unique_checks = 0"]
            case "sqlite":
                preparations = ["PRAGMA cache_size = -262144"]
        indexing = _without_indexes(cursor, tables) if store.engine == "mariadb" else []
        for text in preparations:
            cursor.execute(text)
        cursor.execute("BEGIN")
        for name, (columns, rows) in tables.items():
            _write(store, cursor, name, columns, rows)
        cursor.execute("COMMIT")
        for text in [*indexing, *_counting(store, tables)]:
            cursor.execute(text)


def _write(store: Store, cursor: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    quote = "`" if store.engine == "mariadb" else '"'
    names = ", ".join(f"{quote}{name}{quote}" for name in columns)
    if store.engine == "postgresql":
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    places = ", ".join(["?" if store.engine == "sqlite" else "%s"] * len(columns))
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", batch)


def _without_indexes(cursor: Any, tables: Iterable[str]) -> list[str]:
    """Drop what is in MariaDB's way, the indexes of no uniqueness, and return what creates them again."""
    indexing = []
    for table in tables:
        cursor.execute(
            "SELECT index_name, GROUP_CONCAT('`', column_name, '`' ORDER BY seq_in_index)"
            " FROM information_schema.statistics"
            f" WHERE table_schema = database() AND table_name = '{table}' AND non_unique GROUP BY index_name"
        )
        if indexes := cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} {', '.join(f'DROP INDEX `{name}`' for name, _ in indexes)}")
            added = ", ".join(f"ADD INDEX `{name}` ({columns})" for name, columns in indexes)
            indexing.append(f"ALTER TABLE {table} {added}")
    return indexing


def _counting(store: Store, tables: Iterable[str]) -> list[str]:
    match store.engine:
        case "postgresql":
            return ["VACUUM ANALYZE"]
        case "mariadb":
            return [f"ANALYZE TABLE {name}" for name in tables]
        case "sqlite":
            return ["ANALYZE"]


def _domains(site: Site, population: Population) -> Table:
    row = site.rows("domain", domain=TEMPLATE)[0]
    return _copies(row, ({"domain": domain} for domain, _ in population.sizes))


def _boxes(site: Site, population: Population) -> Table:
    row = site.rows("mailbox", username=BOX)[0]
    del row["birthday"]  # the column's default; drivers tell the year 1 in different words
    moment = datetime.now(UTC)

    def changes() -> Iterator[Row]:
        for domain, mail in _all_mails(population):
            home = _home(mail, site.settings, moment)
            yield {"username": mail, "domain": domain, "name": f"User {mail}", **home}

    return _copies(row, changes())


def _home(mail: str, settings: Settings, moment: datetime) -> Row:
    return dict(Home.of_new_user(Address(mail), settings, moment).columns())


def _forwardings(site: Site, population: Population) -> Table:
    """Return each user's own row, the rows of alias addresses, and those of the members of aliases."""
    own = site.rows("forwardings", address=BOX)[0]
    extra = site.rows("forwardings", address=EXTRA)[0]
    member = site.rows("forwardings", address=ALIAS)[0]
    for row in (own, extra, member):
        del row["id"]

    def rows() -> Iterator[Sequence[Any]]:
        for domain, size in population.sizes:
            place = {"domain": domain, "dest_domain": domain}
            for number, mail in enumerate(mails_of(domain, size)):
                yield list((own | place | {"address": mail, "forwarding": mail}).values())
                if number % USERS_OF_AN_EXTRA_ADDRESS == 0:
                    address = f"extra.{number}@{domain}"
                    yield list((extra | place | {"address": address, "forwarding": mail}).values())
                if number < MEMBERS_OF_ALIAS:
                    yield list((member | place | {"address": f"all@{domain}", "forwarding": mail}).values())

    return list(own), rows()


def _aliases(site: Site, population: Population) -> Table:
    row = site.rows("alias", address=ALIAS)[0]
    return _copies(row, ({"address": f"all@{domain}", "domain": domain} for domain, _ in population.sizes))


def used_quota(population: Population) -> Table:
    """Return the rows that Dovecot writes, for every second user."""
    used = islice(_all_mails(population), 0, None, 2)
    rows = ((mail, domain, 4096 * number, number) for number, (domain, mail) in enumerate(used))
    return ("username", "domain", "bytes", "messages"), rows


def last_login(population: Population) -> Table:
    at = int(datetime.now(UTC).timestamp())
    used = islice(_all_mails(population), 0, None, 2)
    return ("username", "domain", "imap"), ((mail, domain, at) for domain, mail in used)


def _copies(row: Row, changes: Iterable[Row]) -> Table:
    return list(row), (list((row | changed).values()) for changed in changes)


def _all_mails(population: Population) -> Iterator[tuple[str, str]]:
    for domain, size in population.sizes:
        for mail in mails_of(domain, size):
            yield domain, mail


def mails_of(domain: str, size: int) -> list[str]:
    return [f"user{number:06}@{domain}" for number in range(size)]
