"""The settings that admins may change while the server runs; each is declared in `postreeve/settings.py`."""

from collections.abc import Mapping

from msgspec.inspect import BoolType, IntType, ListType, LiteralType, StrType

from postreeve.configuration import Declared, declared
from postreeve.errors import Code, refuse
from postreeve.fields import YES_NO, AnyField, Field, FieldSet, Kind, Role, SetField, one_of, text, whole_number
from postreeve.networks import is_network
from postreeve.settings import SITE_KEYS
from postreeve.shapes import Row

_HIGHEST = {"passwords": 255, "retention": 36500}
"""In characters and in days."""
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "access": ("restful_api_clients", "admin_login_ip_list", "global_admin_ip_list"),
    "passwords": (
        "min_passwd_length", "max_passwd_length", "password_has_letter", "password_has_uppercase",
        "password_has_number", "password_has_special_char",
    ),
    "mailboxes": ("mailbox_format", "mailbox_folder"),
    "retention": (
        "iredadmin_log_kept_days", "amavisd_remove_maillog_in_days", "amavisd_remove_quarantined_in_days",
    ),
}  # fmt: skip
"""What belongs together on a page."""


_TITLES = {
    "restful_api_clients": "Clients of the API",
    "admin_login_ip_list": "Addresses of admins",
    "global_admin_ip_list": "Addresses of global admins",
    "min_passwd_length": "Shortest password",
    "max_passwd_length": "Longest password",
    "password_has_letter": "Needs a letter",
    "password_has_uppercase": "Needs an upper-case letter",
    "password_has_number": "Needs a digit",
    "password_has_special_char": "Needs a special character",
    "mailbox_format": "Format of new mailboxes",
    "mailbox_folder": "Folder of new mailboxes",
    "iredadmin_log_kept_days": "Days of the activity log",
    "amavisd_remove_maillog_in_days": "Days of the mail log",
    "amavisd_remove_quarantined_in_days": "Days of the quarantine",
}
"""What pages call them."""


def _network(given: str) -> str:
    if not is_network(given):
        refuse(Code.INVALID_VALUE, hint="An address or a network, such as 192.0.2.1 or 2001:db8::/32.")
    return given


NETWORK: Kind[str] = Kind(_network, {"type": "string"})


def _field(section: str, name: str, setting: Declared) -> AnyField:
    """Return the parameter of a setting, which has its name."""
    place = Row("settings", "k", "v")
    kind: Kind[object]
    match setting.type:
        case ListType():
            return SetField(
                name, NETWORK, setting.sentence, {name: Role.RESET},
                section=section, only_global=True, sql=place, title=_TITLES[name],
            )  # fmt: skip
        case BoolType():
            kind = YES_NO
        case IntType(ge=low):
            kind = whole_number(low or 0, _HIGHEST[section])
        case LiteralType(values=words):
            kind = one_of(map(str, words))
        case StrType(pattern=str(pattern)):
            kind = text(20, pattern, setting.meant)
        case other:
            raise TypeError(other)
    return Field(name, kind, setting.sentence, section=section, only_global=True, sql=place, title=_TITLES[name])


_SETTINGS = declared()
RESET = SetField(
    "reset", one_of(SITE_KEYS), "Settings that go back to what the settings file says.", {"reset": Role.ADD},
    only_global=True, title="Back to the settings file",
)  # fmt: skip
BY_NAME: Mapping[str, AnyField] = {
    name: _field(section, name, _SETTINGS[name]) for section, names in SECTIONS.items() for name in names
}
SITE_SETTINGS = FieldSet("settings", *BY_NAME.values(), RESET)
