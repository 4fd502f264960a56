"""The OpenAPI 3.1 document, generated from the registry and the tables of fields."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

from postreeve import __version__
from postreeve.errors import Code, true_status
from postreeve.fields import MOST_LIST_ITEMS, YES_NO, Field, FieldSet, SetField
from postreeve.shapes import Attribute, Column, Flag, Lines, Several
from postreeve.web.api import COOKIE
from postreeve.web.descriptions import Description, Example, Parameter, described, rules

Schema = Mapping[str, Any]

ABOUT = """\
The RESTful API of iRedAdmin-Pro, served over iRedMail's own databases.

**Sessions.** `POST /login` sets a cookie; send it with every further request.

**Parameters** are form fields (`application/x-www-form-urlencoded` or `multipart/form-data`), or members of a JSON
object. Every operation also takes them from the query string; the body wins. In forms and query strings a list is one
value with commas, and a switch is `yes` or `no`. In JSON a list is an array, a switch is `true` or `false`, and `null`
is an empty value. A parameter that is not sent leaves what is stored alone. An empty text clears a text and is refused
for a number or a choice of words. Unknown parameters are ignored and named in `_ignored`.

**Answers** are JSON objects with `_success`. A refusal has HTTP status 200, `_success` false and a message code in
`_msg`; several violations of the password policy are joined by commas. Unknown paths (404), wrong methods (405), bodies
that do not arrive (408), large requests (413), defects (500) and outages (503) have their true status. Requests with
`Accept: application/problem+json` get true statuses for all refusals, with an RFC 9457 body that carries `_success` and
`_msg` too.

**Rights.** Each operation names who may ask for it. A parameter with a section is closed to domain admins when a
global admin has disabled that section of the profile.
"""

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "integer", "enum": [0, 1]}
TEXTS: Schema = {"type": "array", "items": TEXT}
SETTINGS: Schema = {
    "type": "object",
    "description": "The column or attribute of settings: numbers where a key is numeric, lists where it is a list.",
    "additionalProperties": {"anyOf": [TEXT, NUMBER, TEXTS]},
}
_STATUS: Schema = {"type": "string", "enum": ["active", "disabled"]}
_DATE: Schema = {"type": "string", "description": "UTC, as `YYYY-MM-DD HH:MM:SS`."}
_DATES: Mapping[str, Schema] = {"created": _DATE, "modified": _DATE}

PROFILES: Mapping[str, Mapping[str, Schema]] = {
    "domain": {
        "domain": TEXT, **_DATES, "settings": SETTINGS,
        "catchall": TEXTS, "alias_domains": TEXTS, "admins": TEXTS, "senderBcc": TEXT, "recipientBcc": TEXT,
        "outboundRelay": TEXT, "num_existing_users": NUMBER, "num_existing_aliases": NUMBER,
        "num_existing_maillists": NUMBER, "allocated_quota": {**NUMBER, "description": "In MB."},
    },
    "admin": {
        "username": TEXT, **_DATES, "settings": SETTINGS, "managed_domains": TEXTS, "isglobaladmin": FLAG,
    },
    "user": {
        "username": TEXT, "domain": TEXT, **_DATES, "settings": SETTINGS, "isadmin": FLAG, "isglobaladmin": FLAG,
        "mail": TEXT, "accountStatus": _STATUS, "forwardings": TEXTS, "aliases": TEXTS,
        "mailing_aliases": TEXTS, "mailing_lists": TEXTS,
        "managed_domains": TEXTS, "senderBcc": TEXT, "recipientBcc": TEXT,
        "stored_bytes": NUMBER, "stored_messages": NUMBER,
        "last_login": {**TEXT, "description": "UTC, as `YYYY-MM-DD HH:MM:SS`; empty if never."},
    },
    "alias": {
        "address": TEXT, "domain": TEXT, **_DATES, "mail": TEXT, "accountStatus": _STATUS, "members": TEXTS,
        "moderators": TEXTS,
    },
    "list": {
        "address": TEXT, "domain": TEXT, **_DATES, "mail": TEXT, "accountStatus": _STATUS, "accessPolicy": TEXT,
        "mlid": TEXT, "is_newsletter": YES_NO.schema, "newsletter_description": TEXT,
    },
}  # fmt: skip
"""What a row has besides the columns of the parameters, by the name of its fields."""
_OF_LISTS: Mapping[str, Schema] = {
    name: PROFILES["list"][name]
    for name in ("mail", "accountStatus", "accessPolicy", "mlid", "is_newsletter", "newsletter_description")
}
ENTRIES: Mapping[str, Mapping[str, Schema]] = {
    "domain": {
        "domainName": TEXTS,
        "accountSetting": SETTINGS,
        **{name: schema for name, schema in PROFILES["domain"].items() if name not in {"domain", "settings", *_DATES}},
    },
    "admin": {"mail": TEXTS, "accountSetting": SETTINGS, "managed_domains": TEXTS},
    "user": {
        "mail": TEXTS,
        "accountSetting": SETTINGS,
        **{
            name: PROFILES["user"][name]
            for name in (
                "forwardings",
                "aliases",
                "mailing_aliases",
                "mailing_lists",
                "managed_domains",
                "stored_bytes",
                "stored_messages",
                "last_login",
            )
        },
    },
    "alias": {"mail": TEXTS, "accountSetting": SETTINGS, "members": TEXTS},
    "maillist": {"mail": TEXTS, "accountSetting": SETTINGS, "members": TEXTS},
    "list": {"accountSetting": SETTINGS, "name": TEXT, **_OF_LISTS},
}
"""What an entry of a directory has besides its attributes, by the name of its fields."""

_REMARKS: Mapping[str, Schema] = {
    "_ignored": {**TEXTS, "description": "Parameters that are unknown, or that this back end can not store."},
    "_discarded": {**TEXTS, "description": "Values that were left out."},
    "_pending": {**TEXTS, "description": "Steps that will be finished later."},
    "_hint": {**TEXT, "description": "A sentence for people."},
}
_REFERENCE = "#/components/schemas/{name}"
_POLICY = "|".join(code.name for code in Code if code.name.startswith("PW_"))
_TRUE_STATUSES = (
    HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE,
)  # fmt: skip


@cache
def document() -> dict[str, Any]:
    """Return the document."""
    chapters = described()
    paths: dict[str, dict[str, Any]] = {}
    for _, descriptions in chapters:
        for description in descriptions:
            paths.setdefault(description.path, {})[description.operation.method.lower()] = _operation(description)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Postreeve",
            "version": __version__,
            "summary": "Accounts of an iRedMail server",
            "description": ABOUT,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/iredadmin/api"}, {"url": "/api", "description": "The mount point of early clients."}],
        "security": [{"session": []}],
        "tags": [{"name": chapter} for chapter, _ in chapters],
        "paths": paths,
        "components": _components(),
    }


def profile_name(fields: FieldSet) -> str:
    """Return the name of the schema of a profile."""
    return f"{fields.name.capitalize()}Profile"


def _operation(description: Description) -> dict[str, Any]:
    operation = description.operation
    written: dict[str, Any] = {
        "operationId": description.id,
        "tags": [operation.chapter],
        "summary": operation.summary,
        "description": f"{description.summary}\n\nWho may: {description.who}. {_sentence_of_rule(description.who)}",
        "parameters": [
            {
                "name": parameter.name, "in": "path", "required": True, "description": parameter.sentence,
                "schema": {**parameter.schema, "examples": [_typed(parameter.schema, parameter.example)]},
            }
            for parameter in description.path_parameters
        ],
        "responses": _responses(description),
    }  # fmt: skip
    if description.is_open:
        written["security"] = [{"session": []}, {}] if not description.parameters else []
    if operation.method in {"GET", "DELETE"}:
        written["parameters"] += map(_query_parameter, description.parameters)
    elif description.parameters:
        written["requestBody"] = _body(description)
    return written


def _sentence_of_rule(name: str) -> str:
    return rules()[name]


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.is_required,
        "deprecated": bool(parameter.new_name),
        "description": described_in_full(parameter),
        "schema": _form_schema(parameter),
        **({"style": "form", "explode": False} if parameter.is_list else {}),
    }


def _body(description: Description) -> dict[str, Any]:
    form = _content(description, _form_schema)
    if lists := {p.name: {"style": "form", "explode": False} for p in description.parameters if p.is_list}:
        form["encoding"] = lists
    return {
        "required": bool(description.one_of) or any(parameter.is_required for parameter in description.parameters),
        "content": {
            "application/x-www-form-urlencoded": form,
            "application/json": _content(description, _json_schema),
        },
    }


def _content(description: Description, schema_of: Callable[[Parameter], dict[str, Any]]) -> dict[str, Any]:
    schemas = {parameter.name: schema_of(parameter) for parameter in description.parameters}
    return {
        "schema": _object(description, schemas),
        "example": {shown.name: schemas[shown.name]["examples"][0] for shown in description.example_parameters},
    }


def _object(description: Description, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    properties = {
        parameter.name: {
            **schemas[parameter.name],
            "description": described_in_full(parameter),
            **({"deprecated": True} if parameter.new_name else {}),
        }
        for parameter in description.parameters
    }
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required := [parameter.name for parameter in description.parameters if parameter.is_required]:
        schema["required"] = required
    if description.one_of:
        schema["anyOf"] = [{"required": [name]} for name in description.one_of]
    if together := description.operation.fields.together:
        schema["dependentRequired"] = {one.name: [other.name] for one, other in together}
    return schema


def described_in_full(parameter: Parameter) -> str:
    """Return all that is said about a parameter."""
    return " ".join((parameter.sentence, *parameter.notes))


def _form_schema(parameter: Parameter) -> dict[str, Any]:
    schema, example = parameter.schema, parameter.example
    if parameter.is_list:
        return {"type": "array", "items": dict(schema), "maxItems": MOST_LIST_ITEMS, "examples": [[example]]}
    return {**schema, "examples": [_typed(schema, example)]}


def _json_schema(parameter: Parameter) -> dict[str, Any]:
    if parameter.is_yes_no:
        return {"type": "boolean", "examples": [parameter.example == "yes"]}
    return _form_schema(parameter)


def _typed(schema: Schema, example: Example) -> Example | float:
    match schema.get("type"):
        case "integer":
            return int(example)
        case "number":
            return float(example)
        case _:
            return example


def _responses(description: Description) -> dict[str, Any]:
    success: dict[str, Any] = {"$ref": "#/components/schemas/Done"}
    if description.answers is not None:
        success = {
            "type": "object",
            "required": ["_success", "_data"],
            "properties": {"_success": {"const": True}, "_data": _data(description), **_REMARKS},
        }
    answer: dict[str, Any] = {
        "description": "Done, or refused: `_success` tells.",
        "content": {"application/json": {"schema": {"oneOf": [success, {"$ref": "#/components/schemas/Refusal"}]}}},
    }
    if description.route == "POST /api/login":
        answer["headers"] = {
            "Set-Cookie": {"description": "The session.", "schema": TEXT},
            "Retry-After": {"description": "Seconds to wait, with `TOO_MANY_ATTEMPTS`.", "schema": NUMBER},
        }
    return {
        "200": answer,
        **{str(int(status)): {"$ref": f"#/components/responses/{status.name}"} for status in _TRUE_STATUSES},
        "4XX": {"$ref": "#/components/responses/PROBLEM"},
    }


def _data(description: Description) -> dict[str, Any]:
    shows = description.operation.shows
    if shows is None:
        return _schema_of(description.answers)
    profile = {"$ref": f"#/components/schemas/{profile_name(shows)}"}
    if not description.is_listing:
        return profile
    return {"anyOf": [{"type": "array", "items": profile}, TEXTS]}


def _schema_of(answer: object) -> dict[str, Any]:
    return dict(msgspec.json.schema_components([answer], ref_template=_REFERENCE)[0][0])


def _answers() -> dict[str, Any]:
    """Return the schemas of the answers that are no profiles, from their types."""
    types = [
        description.answers
        for _, descriptions in described()
        for description in descriptions
        if description.answers is not None and description.operation.shows is None
    ]
    return msgspec.json.schema_components(types, ref_template=_REFERENCE)[1]


def _components() -> dict[str, Any]:
    shown = {
        description.operation.shows.name: description.operation.shows
        for _, descriptions in described()
        for description in descriptions
        if description.operation.shows is not None
    }
    refusal = {
        "type": "object",
        "required": ["_success", "_msg"],
        "properties": {
            "_success": {"const": False},
            "_msg": {
                "anyOf": [
                    {"$ref": "#/components/schemas/MessageCode"},
                    {"type": "string", "pattern": f"^({_POLICY})(,({_POLICY}))+$"},
                ],
            },
            "_hint": _REMARKS["_hint"],
        },
    }
    return {
        "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": COOKIE}},
        "schemas": {
            "Done": {
                "type": "object",
                "required": ["_success"],
                "properties": {"_success": {"const": True}, **_REMARKS},
            },
            "Refusal": refusal,
            "Problem": {
                "allOf": [{"$ref": "#/components/schemas/Refusal"}],
                "type": "object",
                "required": ["type", "title", "status"],
                "properties": {"type": TEXT, "title": TEXT, "status": NUMBER},
            },
            "MessageCode": {
                "type": "string",
                "enum": [code.name for code in Code],
                "description": "\n".join(f"- `{code.name}`: {code.value}" for code in Code),
            },
            **{name: schema for fields in shown.values() for name, schema in _profiles(fields)},
            **_answers(),
        },
        "responses": {
            **{status.name: _always_true(status) for status in _TRUE_STATUSES},
            "PROBLEM": {
                "description": "A refusal with its true status, for requests with `Accept: application/problem+json`.",
                "content": _problem(),
            },
        },
    }


def _always_true(status: HTTPStatus) -> dict[str, Any]:
    always = {
        "NO_SUCH_OPERATION", "METHOD_NOT_ALLOWED", "REQUEST_INCOMPLETE", "REQUEST_TOO_LARGE", "INTERNAL_ERROR",
        "SERVICE_UNAVAILABLE",
    }  # fmt: skip
    codes = [code for code in Code if code.name in always and true_status(code) == status]
    response: dict[str, Any] = {
        "description": " ".join(f"`{code.name}`: {code.value}" for code in codes),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}, **_problem()},
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": NUMBER}}
    return response


def _problem() -> dict[str, Any]:
    return {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _profiles(fields: FieldSet) -> Iterable[tuple[str, Schema]]:
    """Yield the schema of a profile, which is a row or an entry, and those of both."""
    name = profile_name(fields)
    parts = {}
    if fields.name in PROFILES:
        parts[f"{name}InSql"] = _row(fields)
    parts[f"{name}InLdap"] = _entry(fields)
    yield name, {"anyOf": [{"$ref": _REFERENCE.format(name=part)} for part in parts]}
    yield from parts.items()


def _row(fields: FieldSet) -> dict[str, Any]:
    own = PROFILES[fields.name]
    columns = {name: schema for name, schema in _columns(fields) if name not in own}
    return {
        "type": "object",
        "description": "Accounts in SQL: the row as it is stored, in its own column names, with further keys. Other "
        "columns may be there too; keys of sections that are closed to the asker are missing.",
        "required": _always_there(fields, own),
        "properties": {**columns, **own},
        "additionalProperties": True,
    }


def _entry(fields: FieldSet) -> dict[str, Any]:
    own = ENTRIES[fields.name]
    attributes = {name: schema for name, schema in _attributes(fields) if name not in own}
    of_lists = {of.name: {**_shown(of), "description": of.help} for of in fields if of.mlmmj is not None}
    return {
        "type": "object",
        "description": "Accounts in OpenLDAP: the attributes of the entry that have values, each a list of texts, "
        "with further keys. What is no UTF-8 is in base64; keys of sections that are closed to the asker are missing.",
        "required": _always_there(fields, own),
        "properties": {**attributes, **of_lists, **own},
        "additionalProperties": True if of_lists else TEXTS,
    }


def _attributes(fields: FieldSet) -> Iterable[tuple[str, Schema]]:
    """Yield the attributes in which parameters are stored."""
    for of in fields:
        match of.ldap:
            case Attribute(name):
                yield name, {**TEXTS, "description": of.help}
            case Several(keys):
                yield from ((key, {**TEXTS, "description": of.help}) for key in keys)


def _always_there(fields: FieldSet, own: Iterable[str]) -> list[str]:
    closable = {of.extra for of in fields if of.section != "general"}
    return [name for name in own if name not in closable]


def _columns(fields: FieldSet) -> Iterable[tuple[str, Schema]]:
    """Yield the columns in which parameters are stored, with what they hold."""
    for of in fields:
        if isinstance(of.sql, Column):
            yield of.sql.name, {**_stored(of), "description": of.help}
        if of.mlmmj is not None:
            yield of.name, {**_shown(of), "description": of.help}


def _shown(of: Field[Any] | SetField[Any]) -> Schema:
    """Return what mlmmj's parameters look like in a profile: lists, or texts."""
    return TEXTS if isinstance(of.mlmmj, Lines) else of.kind.schema if isinstance(of.mlmmj, Flag) else TEXT


def _stored(of: Field[Any] | SetField[Any]) -> Schema:
    match of.kind.schema:
        case {"type": "integer"}:
            return NUMBER
        case {"enum": ["yes", "no"]} | {"enum": ["active", "disabled"]}:
            return FLAG
        case _:
            return {"type": ["string", "null"]}
