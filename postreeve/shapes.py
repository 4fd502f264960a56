"""Where a value lives in a store: plain data, read by the back end that it belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the account's own row."""

    name: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A key in the account's `settings` text."""

    key: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of its own in another table, there as long as the value is not empty."""

    table: str
    owner: str
    value: str


@dataclass(frozen=True, slots=True)
class Rows:
    """A row in another table for each value of a set; `marker` holds what marks these rows."""

    table: str
    owner: str
    value: str
    marker: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SettingList:
    """A key in the account's `settings` text that holds a list."""

    key: str


@dataclass(frozen=True, slots=True)
class Several:
    """More than one place; the slice's `sql.py` says how. The keys are those of the profile."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """A control file of a mailing list that means yes by being there."""

    file: str


@dataclass(frozen=True, slots=True)
class FirstLine:
    """A control file of a mailing list whose first line is the value; there as long as it is not empty."""

    file: str


@dataclass(frozen=True, slots=True)
class Lines:
    """A control file of a mailing list with a value on each line; there as long as there is one."""

    file: str


@dataclass(frozen=True, slots=True)
class WholeText:
    """A control file of a mailing list that is the value; there as long as it is not empty."""

    file: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of the account's own entry: of one value, or of a set of them all of its values.

    A switch is one of two words; an empty one is no value.
    """

    name: str
    yes: str = "yes"
    no: str = ""
    is_several: bool = False
    """A text holds several values, with commas between them."""


@dataclass(frozen=True, slots=True)
class AccountSetting:
    """A key among the values of `accountSetting`: one value `key:value`, of a set one for each."""

    key: str


LdapShape = Attribute | AccountSetting | Several
MlmmjShape = Flag | FirstLine | Lines | WholeText
SqlShape = Column | Setting | Row | Rows | SettingList | Several
