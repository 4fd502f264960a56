"""What can be done with the settings that admins may change."""

from collections.abc import Mapping

from postreeve.errors import Code, refuse
from postreeve.fields import Changes, SetChange
from postreeve.networks import lies_in
from postreeve.operations import operation
from postreeve.permissions import global_admin
from postreeve.site_settings.fields import BY_NAME, RESET, SITE_SETTINGS
from postreeve.site_settings.store import SiteSetting, Value
from postreeve.work import Work

CHAPTER = "Panel"
LOGINS = ("admin_login_ip_list", "global_admin_ip_list")
"""The lists from which whoever changes them logs in, too."""


@operation("GET /api/panel/settings", CHAPTER, allow=global_admin)
def get_settings(work: Work) -> dict[str, SiteSetting]:
    """Get the settings that can be changed while the server runs."""
    return work.site_settings.all()


@operation(
    "PUT /api/panel/settings", CHAPTER, allow=global_admin, fields=SITE_SETTINGS, event="update", claims=("settings",)
)
def update_settings(work: Work, changes: Changes) -> None:
    """Change settings of the site; when this is answered every server process goes by them."""
    before = work.site_settings.all()
    values = {name: _value(changes.values[name]) for name in BY_NAME if name in changes.values}
    reset = changes.of(RESET)
    forgotten = set(reset.add) if reset else set()
    if both := sorted(forgotten & values.keys()):
        refuse(Code.CONFLICTING_PARAMETERS, hint=f"{both[0]} is given and reset.")
    after = {name: values.get(name, setting["in_file" if name in forgotten else "value"])
             for name, setting in before.items()}  # fmt: skip
    _check_lengths(after)
    _check_own_address(work, {name: after[name] for name in LOGINS if after[name] != before[name]["value"]})
    if changes:
        work.site_settings.write(values, forgotten)


def _value(value: object) -> Value:
    match value:
        case SetChange():
            return sorted(value.named())
        case bool() | int() | str():
            return value
        case other:
            raise TypeError(other)


def _check_lengths(settings: Mapping[str, Value]) -> None:
    """Refuse lengths that no password could have."""
    shortest, longest = (settings[f"{which}_passwd_length"] for which in ("min", "max"))
    if isinstance(shortest, int) and isinstance(longest, int) and 0 < longest < shortest:
        hint = f"Passwords would need at least {shortest} and at most {longest} characters."
        refuse(Code.INVALID_VALUE, hint=hint)


def _check_own_address(work: Work, lists: Mapping[str, Value]) -> None:
    """Refuse a list from which whoever is logged in could not log in again."""
    for name, networks in lists.items():
        if work.token and isinstance(networks, list) and networks and not lies_in(work.client, networks):
            refuse(Code.INVALID_VALUE, hint=f"{name}: your own address, {work.client}, is not among them.")
