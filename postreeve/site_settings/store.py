"""What every back end promises about the settings that admins change."""

from collections.abc import Collection, Mapping
from typing import Protocol, TypedDict

Value = bool | int | str | list[str]


class SiteSetting(TypedDict):
    """A setting as it counts now."""

    value: Value
    in_file: Value
    """What it would be by the settings file and the environment alone."""
    is_overridden: bool
    """Whether somebody has set it in the panel."""


class SiteSettings(Protocol):
    """The settings that override those of the file, for all servers of the installation."""

    def all(self) -> dict[str, SiteSetting]:
        """Return each of them by its name."""

    def write(self, values: Mapping[str, Value], forgotten: Collection[str]) -> None:
        """Set some and forget others, when the work is committed.

        Then every server has them before the commit returns.
        """
