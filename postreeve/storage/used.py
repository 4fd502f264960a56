"""How much is in all mailboxes together, as Dovecot tells it in the table `used_quota`."""

from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa

from postreeve.storage.conditions import among
from postreeve.storage.sql import Session, Statement
from postreeve.storage.tables.vmail import used_quota

_SUMS = sa.select(sa.func.sum(used_quota.c.bytes), sa.func.sum(used_quota.c.messages))
EVERYWHERE = Statement(lambda _: _SUMS)
IN_DOMAINS = Statement(lambda _: _SUMS.where(among(used_quota.c.domain, "domains")))


class Used(NamedTuple):
    """How much there is."""

    octets: int = 0
    messages: int = 0


def used(session: Session, domains: Collection[str] | None) -> Used:
    """Add up the mailboxes of some domains, or of all; beside a directory the table is in `iredadmin`."""
    if not session.schema.has(used_quota.name):
        return Used()
    rows = session.rows(EVERYWHERE) if domains is None else session.rows(IN_DOMAINS, domains=[*domains])
    return Used(*(int(number or 0) for number in rows[0]))
