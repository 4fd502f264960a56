"""Pages from templates, and the files beside them."""

import hashlib
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined

from postreeve import __version__

STATIC = {"style.css": "text/css; charset=utf-8"}
"""The files beside the pages, with their media types."""


@cache
def static(name: str) -> bytes:
    """Return one of these files."""
    return (resources.files("postreeve.web") / "static" / name).read_bytes()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("postreeve.web"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals |= {"version": __version__, "static_url": static_url}
    return environment


def static_url(name: str) -> str:
    """Return where a file is; it changes with the file, so that browsers may keep it."""
    return f"/iredadmin/static/{name}?{hashlib.sha256(static(name)).hexdigest()[:12]}"


def render(template: str, **values: object) -> str:
    """Return a page."""
    return _environment().get_template(template).render(values)
