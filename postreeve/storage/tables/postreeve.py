"""Our own tables in the database `iredadmin`, and how they came to be.

Each migration goes forward and one step back; the steps are plain Core tables, so that one source serves all engines.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

OURS = sa.MetaData()

_KEY = sa.String(255).with_variant(sa.String(255, collation="ascii_bin"), "mysql", "mariadb")
_SECONDS = sa.BigInteger

sessions = sa.Table(
    "postreeve_sessions",
    OURS,
    sa.Column("id_hash", sa.CHAR(64), primary_key=True, comment="SHA-256 of the cookie's value"),
    sa.Column("account", _KEY, nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False, comment="api, panel or self-service"),
    sa.Column("created", _SECONDS, nullable=False),
    sa.Column("used", _SECONDS, nullable=False, index=True, comment="written at most once a minute"),
    sa.Column("stamp", sa.CHAR(64), nullable=False, comment="of the account's credentials and rights at login"),
)
login_failures = sa.Table(
    "postreeve_login_failures",
    OURS,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("account", _KEY, nullable=False),
    sa.Column("network", _KEY, nullable=False),
    sa.Column("at", _SECONDS, nullable=False, index=True),
    sa.Index("idx_postreeve_login_failures_account", "account", "at"),
    sa.Index("idx_postreeve_login_failures_network", "network", "at"),
)
known_networks = sa.Table(
    "postreeve_known_networks",
    OURS,
    sa.Column("account", _KEY, primary_key=True),
    sa.Column("network", _KEY, primary_key=True, comment="from where the account has logged in"),
    sa.Column("at", _SECONDS, nullable=False, index=True),
)
claims = sa.Table(
    "postreeve_claims",
    OURS,
    sa.Column("name", _KEY, primary_key=True, comment="address or domain name that a work is about to take"),
    sa.Column("holder", sa.CHAR(32), nullable=False),
    sa.Column("expires", _SECONDS, nullable=False),
)
pending = sa.Table(
    "postreeve_pending",
    OURS,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("store", sa.String(16), nullable=False, comment="where something has to follow"),
    sa.Column("deed", sa.String(16), nullable=False, comment="what: forget, rename, archive, erase, readdress"),
    sa.Column("name", _KEY, nullable=False, index=True, comment="account or domain that went"),
    sa.Column("new_name", _KEY, nullable=False, index=True, comment="of a renaming: the new address, else empty"),
    sa.Column("witness", sa.String(255), nullable=False, comment="tells the account from a later one of that name"),
    sa.Column("created", _SECONDS, nullable=False),
)
newsletter_mails = sa.Table(
    "postreeve_newsletter_mails",
    OURS,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("address", _KEY, nullable=False, comment="to which a mail was sent that asks for a confirmation"),
    sa.Column("network", _KEY, nullable=False, comment="from where somebody had it sent"),
    sa.Column("at", _SECONDS, nullable=False, index=True),
    sa.Index("idx_postreeve_newsletter_mails_address", "address", "at"),
    sa.Index("idx_postreeve_newsletter_mails_network", "network", "at"),
)
jobs = sa.Table(
    "postreeve_jobs",
    OURS,
    sa.Column("name", _KEY, primary_key=True),
    sa.Column("holder", sa.CHAR(32), nullable=False, comment="who runs it, on whichever node"),
    sa.Column("expires", _SECONDS, nullable=False, comment="unless it is said again that it runs"),
    sa.Column("begun", _SECONDS, nullable=False),
    sa.Column("ended", _SECONDS, nullable=False, comment="0 until it has"),
)
versions = sa.Table(
    "postreeve_versions",
    OURS,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", _SECONDS, nullable=False),
)


@dataclass(frozen=True)
class Migration:
    """One step of the schema: the tables it adds; going back drops them."""

    version: int
    adds: Sequence[sa.Table]
    must_be_empty: bool = False
    """Before it goes back: the rows can not be had again, as new sessions can."""


MIGRATIONS = (
    Migration(1, (sessions, login_failures, known_networks, claims)),
    Migration(2, (pending,), must_be_empty=True),
    Migration(3, (newsletter_mails,)),
    Migration(4, (jobs,)),
)
