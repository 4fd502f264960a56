"""Spam policies in the SQL database `amavisd`."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from postreeve.fields import AnyField, Changes
from postreeve.patterns import EVERYBODY, tried_by_amavisd
from postreeve.settings import Settings
from postreeve.shapes import Column
from postreeve.spam_policy.fields import INSERT_HEADERS, PREFIX_SUBJECT, SPAM_SCORE
from postreeve.spam_policy.rules import ALWAYS, CONFIGURED_TAG_LEVEL, QUARANTINES, shown
from postreeve.spam_policy.store import Level, SpamPolicy
from postreeve.storage import amavisd
from postreeve.storage.conditions import among, parameter
from postreeve.storage.sql import Schema, Session, Statement
from postreeve.storage.tables.amavisd import outbound_wblist, policy, users, wblist
from postreeve.values import Scope
from postreeve.work import ConflictError, DuplicateError, Remarks

_NAMES = (
    "bypass_spam_checks", "bypass_virus_checks", "bypass_banned_checks", "bypass_header_checks",
    *(name for lover, label, _ in QUARANTINES.values() for name in (lover, label)),
    "spam_subject_tag", "spam_subject_tag2", "spam_tag_level", "spam_tag2_level", "spam_kill_level",
    "banned_rulenames",
)  # fmt: skip


def _levels(schema: Schema) -> sa.Executable:
    present = [policy.c[name] for name in _NAMES if schema.has("policy", name)]
    return (
        sa.select(users.c.email, *present).join(policy, policy.c.id == users.c.policy_id)
        .where(among(users.c.email, "texts")).order_by(users.c.priority.desc(), users.c.id)
    )  # fmt: skip


LEVELS = Statement(_levels)
IS_LISTING = Statement(
    lambda _: sa.union_all(
        sa.select(sa.literal_column("1")).select_from(wblist).where(wblist.c.rid == parameter("id")),
        sa.select(sa.literal_column("1")).select_from(outbound_wblist).where(outbound_wblist.c.sid == parameter("id")),
    ).limit(1)
)


class SqlSpamPolicies:
    """The spam policies, as rows of `policy` that rows of `users` point at."""

    def __init__(self, session: Session, settings: Settings, remarks: Remarks) -> None:
        self.session = session
        self.settings = settings
        self.remarks = remarks

    def find(self, scope: Scope) -> SpamPolicy:
        return next((shown(level.columns) for level in self.levels([scope])), SpamPolicy())

    def levels(self, accounts: Collection[str]) -> list[Level]:
        texts = list(map(self.session.database.engine.octets, accounts))
        rows = self.session.mappings(LEVELS, texts=texts)
        return [Level(amavisd.text_of(row.pop("email")), row) for row in rows]

    def write(self, scope: Scope, changes: Changes) -> None:
        if not (values := self._values(scope, changes)):
            return
        account = amavisd.own(self.session, scope)
        number = amavisd.policy_id(self.session, scope)
        if number == amavisd.NO_POLICY:
            number = self._inserted({"policy_name": scope, **values})
        elif number == account.policy_id:
            self.session.update(policy, values, id=number)
        else:  # what a policy said that was left behind must not come back to life
            self.session.update(policy, {**self._nothing(), **values}, id=number)
        if account.policy_id != number:
            self.session.update(users, {"policy_id": number}, id=account.id)

    def remove(self, scope: Scope) -> None:
        account = amavisd.lock(self.session, scope)
        amavisd.remove_policy(self.session, scope)
        if account is None:
            return
        # What it points at may be somebody else's: MariaDB and PostgreSQL attach policy 1 where none is given.
        self.session.update(users, {"policy_id": amavisd.NO_POLICY}, id=account.id)
        if not self.session.rows(IS_LISTING, id=account.id):
            self.session.delete(users, id=account.id)

    def _inserted(self, row: dict[str, Any]) -> int:
        try:
            return self.session.inserted_id(policy, row)
        except DuplicateError as error:  # somebody else has just made the same
            raise ConflictError(str(error)) from error

    def _nothing(self) -> dict[str, None]:
        """Return the columns of a policy that says nothing."""
        return dict.fromkeys(self.session.schema.columns["policy"] - {"id", "policy_name"})

    def _values(self, scope: Scope, changes: Changes) -> dict[str, Any]:
        """Return the columns that change; a parameter that lacks one of its columns is left out as a whole."""
        values: dict[str, Any] = {}
        for of in changes:
            columns = self._columns(of, changes.values[of.name], scope)
            if columns.keys() <= self.session.schema.columns["policy"]:
                values |= columns
            else:
                self.remarks.ignored += changes.sent_names(of)
        return values

    def _columns(self, of: AnyField, given: Any, scope: Scope) -> dict[str, Any]:  # noqa: ANN401 - as its kind has it
        """Return one parameter's columns; NULL where a less specific scope is to decide."""
        if of.name in QUARANTINES:
            lover, label, name = QUARANTINES[of.name]
            return {lover: "N", label: name} if given else {lover: "Y", label: ""}
        if of is SPAM_SCORE:
            return {"spam_tag2_level": given, "spam_kill_level": given}
        if of is PREFIX_SUBJECT:
            return {"spam_subject_tag2": self.settings.amavisd_spam_subject_prefix if given else ""}
        if of is INSERT_HEADERS:
            return {"spam_tag_level": ALWAYS if given else self._usual_tag_level(scope)}
        assert isinstance(of.sql, Column)
        return {of.sql.name: _stored(given)}

    def _usual_tag_level(self, scope: Scope) -> float | None:
        """Return what inserts headers as configured: nothing, unless a less specific scope would insert them always."""
        if scope == EVERYBODY:
            return None
        others = self.levels(set(tried_by_amavisd(scope)) - {scope})
        said = (level.columns.get("spam_tag_level") for level in others)
        inherited = next((float(level) for level in said if level is not None), CONFIGURED_TAG_LEVEL)
        return CONFIGURED_TAG_LEVEL if inherited <= ALWAYS else None


def _stored(given: bool | str) -> str | None:  # noqa: FBT001 - the value itself
    if isinstance(given, bool):
        return "Y" if given else "N"
    return given or None
