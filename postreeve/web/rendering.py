"""Pages from templates, and the files beside them."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import cache
from importlib import resources
from urllib.parse import urlencode

from babel.dates import format_datetime, get_timezone
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined

from postreeve import __version__
from postreeve.web.pages import MOUNT, N_, Ask, path_to

_TEXT = "text/plain; charset=utf-8"
STATIC = {
    "style.css": "text/css; charset=utf-8",
    "panel.css": "text/css; charset=utf-8",
    "pico.blue.min.css": "text/css; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "panel.js": "text/javascript; charset=utf-8",
    "icons.svg": "image/svg+xml",
    "mark.svg": "image/svg+xml",
    "pico.LICENSE.txt": _TEXT,
    "htmx.LICENSE.txt": _TEXT,
    "VENDORED.txt": _TEXT,
}
"""The files beside the pages, with their media types."""


_NEXT_UNIT = 1024
_UNITS = (N_("B"), N_("KB"), N_("MB"), N_("GB"), N_("TB"), N_("PB"))


@cache
def static(name: str) -> bytes:
    """Return one of these files."""
    return (resources.files("postreeve.web") / "static" / name).read_bytes()


@cache
def environment() -> Environment:
    """Return what reads templates."""
    found = Environment(
        loader=PackageLoader("postreeve.web"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    found.globals |= {
        "version": __version__,
        "static_url": static_url,
        "linked": linked,
        "octets": octets,
        "megabytes": megabytes,
        "moment": moment,
        "number": number,
        "path_to": path_to,
        "zone_name": zone_name,
    }
    return found


@cache
def static_url(name: str) -> str:
    """Return where a file is; it changes with the file, so that browsers may keep it."""
    return f"/iredadmin/static/{name}?{hashlib.sha256(static(name)).hexdigest()[:12]}"


def linked(ask: Ask, changes: Mapping[str, str]) -> str:
    """Return the address of the page that one is on, with some of its query changed; nothing takes a name away."""
    query = {name: values for name, values in ask.query.items() if name not in changes}
    wanted = {**query, **{name: value for name, value in changes.items() if value}}
    return f"{MOUNT}{ask.path}{'?' if wanted else ''}{urlencode(wanted, doseq=True)}"


def number(ask: Ask, value: float) -> str:
    """Return a number as the reader's language writes it."""
    return format_decimal(value, locale=ask.language.locale)


def octets(ask: Ask, count: float) -> str:
    """Return a size in the unit that suits it."""
    size, unit = float(count), 0
    while size >= _NEXT_UNIT and unit < len(_UNITS) - 1:
        size, unit = size / _NEXT_UNIT, unit + 1
    return f"{format_decimal(round(size, 1 if unit else 0), locale=ask.language.locale)} {ask._(_UNITS[unit])}"


def megabytes(ask: Ask, count: float) -> str:
    """Return a size that is given in megabytes."""
    return octets(ask, count * _NEXT_UNIT**2)


def moment(ask: Ask, text: str) -> str:
    """Return a time, `YYYY-MM-DD HH:MM:SS` in UTC, in the reader's time zone and as the language writes it."""
    when = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return format_datetime(when, "short", tzinfo=zone_of(ask), locale=ask.language.locale)


def zone_of(ask: Ask) -> tzinfo:
    """Return the reader's time zone: that of the account, or UTC if it has none."""
    return get_timezone(zone_name(ask))


def zone_name(ask: Ask) -> str:
    """Return what the reader's time zone is called, such as `Europe/Berlin`."""
    return (ask.actor.time_zone if ask.actor else "") or "UTC"


def render(template: str, **values: object) -> str:
    """Return a page."""
    return environment().get_template(template).render(values)
