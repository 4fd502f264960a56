"""The API's reference, to be read in a browser."""

import re
from functools import cache
from typing import Any

from markupsafe import Markup, escape

from postreeve.errors import Code, true_status
from postreeve.web import descriptions
from postreeve.web.descriptions import Description, Parameter
from postreeve.web.openapi import ABOUT, profile_name
from postreeve.web.rendering import render


@cache
def reference() -> str:
    """Return the page."""
    return render(
        "reference.html",
        about=[_prose(paragraph) for paragraph in ABOUT.strip().split("\n\n")],
        chapters=[
            {"name": name, "anchor": descriptions.anchor(name), "operations": list(map(_operation, operations))}
            for name, operations in descriptions.described()
        ],
        rules=descriptions.rules(),
        codes=[(code.name, code.value, int(true_status(code))) for code in Code],
    )


def _operation(description: Description) -> dict[str, Any]:
    path = re.split(r"(<\w+>)", description.operation.template)
    return {
        "id": description.id,
        "method": description.operation.method,
        "path": [(part, part.startswith("<")) for part in path if part],
        "summary": description.summary,
        "who": description.who,
        "path_parameters": description.path_parameters,
        "parameters": [
            _parameter(parameter, description) for parameter in description.parameters if not parameter.new_name
        ],
        "curl": description.curl,
        "answer": _answer(description),
    }


def _parameter(parameter: Parameter, description: Description) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "type": parameter.type_name,
        "text": _prose(" ".join((parameter.sentence, *parameter.notes))),
        "old": [
            (other.name, "" if other.role == parameter.role else "instead of an empty value")
            for other in description.parameters
            if other.new_name == parameter.name
        ],
    }


def _answer(description: Description) -> Markup:
    shows = description.operation.shows
    if description.answers is None:
        return _prose('`{"_success": true}`')
    if shows is None:
        return _prose('`{"_success": true, "_data": …}`')
    what = f"`{profile_name(shows)}`"
    return _prose(f"A list of {what}, or of names, in `_data`." if description.is_listing else f"{what} in `_data`.")


def _prose(text: str) -> Markup:
    """Return a paragraph as HTML: `code` and **strong** are all the marks that our sentences have."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", marked))  # noqa: S704 - escaped above
