"""The API as its documents tell it: operations and parameters in order, each with its sentence and an example.

The OpenAPI document, the reference in the browser and the generated files in `docs/` all say what stands here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from shlex import quote
from typing import Any, get_type_hints

from postreeve.fields import YES_NO, AnyField, Role, SetField
from postreeve.operations import PATH_PARAMETERS, REGISTRY, Operation
from postreeve.permissions import Rule, anyone
from postreeve.work import LongText, Profile, Streamed

CHAPTERS = (
    "Login", "Domain", "Domain Admin", "Mail User", "Mailing List (Unsubscribable)", "Subscribable Mailing List",
    "Mail Alias", "Spam Policy", "Throttling", "Greylisting", "Whitelisting and Blacklisting",
    "LDIF (LDAP backend only)",
)  # fmt: skip
"""The chapters of the vendor's document in their order; ours follow."""

PATH_SENTENCES: Mapping[str, str] = {
    "<domain>": "Name of a mail domain.",
    "<mail>": "Address of the account.",
    "<new_mail>": "Its new address.",
    "<number>": "Number of days.",
    "<scope>": "Whom it is for: `global`, a domain, or the address of an account.",
    "<direction>": "Direction of the mail, as the server sees it.",
    "<list>": "Which of the two lists.",
}
_PATH_EXAMPLES = {
    "<domain>": "example.com", "<mail>": "ann@example.com", "<new_mail>": "anna@example.com", "<number>": "30",
    "<scope>": "ann@example.com", "<direction>": "inbound", "<list>": "whitelist",
    "ml<mail>": "news@example.com", "maillist<mail>": "all@example.com",
    "admin<mail>": "jane@example.org", "alias<mail>": "team@example.com", "alias<new_mail>": "crew@example.com",
}  # fmt: skip
"""Examples of path parameters; those with a word before them are for paths in which it stands."""

Example = str | int

_EXAMPLES: Mapping[str, Example] = {
    "username": "postmaster@example.org", "password": "A@StrongPassword2",
    "password_hash": "{CRYPT}$2b$10$Kd3JmF0hGbYw1uTqLrZx8et3oL7gadB3fPG0bdv6YSMrTrS.pEao6",
    "name": "Ann Example", "gn": "Ann", "sn": "Example", "employeeid": "4711",
    "telephoneNumber": "+49 30 1234567", "mobile": "+49 170 1234567",
    "quota": 2048, "defaultQuota": 1024, "maxUserQuota": 4096, "maxQuota": 100, "quotaUnit": "GB",
    "numberOfUsers": 20, "numberOfAliases": 30, "numberOfLists": 40,
    "maxDomains": 5, "maxUsers": 50, "maxAliases": 60, "maxLists": 70,
    "minPasswordLength": 10, "maxPasswordLength": 64, "language": "en_US", "transport": "dovecot",
    "senderBcc": "archive@example.net", "recipientBcc": "archive@example.net",
    "primarymx": "[mx.example.net]:25", "outboundRelay": "[smtp.example.net]:587", "accountStatus": "active",
    "mailboxFolder": "Maildir", "maildir": "/var/vmail/vmail1/example.com/ann",
    "aliasDomains": "example.info", "aliases": "sales@example.com", "admins": "ann@example.com",
    "services": "self-service", "catchall": "archive@example.net", "forwarding": "ann@example.net",
    "members": "ann@example.com", "spam_score": "4.5", "banned_rulenames": "ALLOW_MS_OFFICE",
    "period": 3600, "msg_size": 10485760, "max_msgs": 100, "max_quota": 1048576000, "max_rcpts": 50,
    "addresses": "@example.net", "senders": "192.0.2.0/24", "domains": "example.net", "query_dns_immediately": "no",
    "newsletter_description": "What is new, once a month.", "subscription_moderators": "ann@example.com",
    "owner": "ann@example.com", "moderators": "ann@example.com", "extra_addresses": "letters@example.com",
    "max_message_size": 1048576, "subject_prefix": "[news]", "custom_headers": "X-Sender: Example Inc.",
    "remove_headers": "X-Mailer", "footer_text": "Example Inc.", "footer_html": "<p>Example Inc.</p>",
    "subscribers": "someone@example.net",
    "correspondent": "someone@example.net", "client_address": "192.0.2.7",
}  # fmt: skip
"""Examples by the name of the field, where the kind does not give one."""
_EXAMPLES_IN_CHAPTERS = {
    ("Domain", "name"): "Example Inc.",
    ("Domain Admin", "name"): "Jane Admin",
    ("Mail Alias", "name"): "The team",
    ("Mailing List (Unsubscribable)", "name"): "All of us",
    ("Subscribable Mailing List", "name"): "Our news",
    ("Mail User", "services"): "imapsecured",
}

_DEEDS = {
    Role.RESET: "Replaces all of them; an empty value removes all.",
    Role.ADD: "Adds to them; an empty value does nothing.",
    Role.REMOVE: "Removes from them; an empty value does nothing.",
    Role.CLEAR: "Removes all of them.",
}

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "POST /api/login": ("username", "password"),
    "POST /api/admin/<mail>": ("password",),
    "POST /api/verify_password/admin/<mail>": ("password",),
    "POST /api/verify_password/user/<mail>": ("password",),
    "POST /api/throttle/<scope>/<direction>": ("period",),
    "POST /api/greylisting/<scope>": ("status",),
}
"""The parameters without which an operation refuses."""
ONE_OF: Mapping[str, tuple[str, ...]] = {"POST /api/user/<mail>": ("password", "password_hash")}
"""Parameters of which an operation needs one."""

_USUAL = ("name", "quota", "max_msgs")
"""What the examples of operations show besides what is required, if there is such a parameter; otherwise the first."""


@dataclass(frozen=True)
class PathParameter:
    """A part of the path that the client fills in."""

    name: str
    """Without its brackets."""
    sentence: str
    schema: Mapping[str, Any]
    example: str


@dataclass(frozen=True)
class Parameter:
    """One name that may be sent, with what it does."""

    name: str
    of: AnyField
    role: str
    new_name: str
    """Of an old name: the one to use now."""
    is_required: bool
    notes: tuple[str, ...]
    example: Example
    """One value; of a list its only one."""

    @property
    def is_list(self) -> bool:
        return self.role in {Role.RESET, Role.ADD, Role.REMOVE}

    @property
    def is_yes_no(self) -> bool:
        return self.role == Role.CLEAR or self.of.kind is YES_NO

    @property
    def schema(self) -> Mapping[str, Any]:
        """The schema of one value, as text in a form."""
        return YES_NO.schema if self.role == Role.CLEAR else self.of.kind.schema

    @property
    def sentence(self) -> str:
        return f"{self.of.help} {_DEEDS[Role(self.role)]}" if isinstance(self.of, SetField) else self.of.help

    @property
    def type_name(self) -> str:
        """The kind of value in a few words."""
        return f"list of: {_type_name(self.schema)}" if self.is_list else _type_name(self.schema)


@dataclass(frozen=True)
class Description:
    """One operation with all that its documents say."""

    operation: Operation

    @property
    def route(self) -> str:
        return f"{self.operation.method} {self.operation.template}"

    @property
    def id(self) -> str:
        """The name for client generators, such as `createUser`."""
        first, *others = self.operation.function.__name__.split("_")
        return first + "".join(map(str.capitalize, others))

    @property
    def path(self) -> str:
        """The path below `/api`, such as `/user/{mail}`."""
        return self.operation.template.removeprefix("/api").replace("<", "{").replace(">", "}")

    @property
    def summary(self) -> str:
        return f"{self.operation.summary}."

    @property
    def is_open(self) -> bool:
        return self.operation.allow is anyone

    @property
    def who(self) -> str:
        return rule_name(self.operation.allow)

    @property
    def answers(self) -> object:
        """The type of the answer's data; None when there is none."""
        found = get_type_hints(self.operation.function)["return"] if self.operation.method == "GET" else None
        return str if found is LongText else found

    @property
    def is_listing(self) -> bool:
        return self.answers not in {None, Profile, Profile | Streamed}

    @cached_property
    def path_parameters(self) -> list[PathParameter]:
        words = [word for word in self.operation.template.split("/") if word and not word.startswith("<")]
        return [
            PathParameter(
                name.strip("<>"),
                PATH_SENTENCES[name],
                PATH_PARAMETERS[name].schema,
                next(
                    (_PATH_EXAMPLES[key] for word in words if (key := word + name) in _PATH_EXAMPLES),
                    _PATH_EXAMPLES[name],
                ),
            )
            for name in self.operation.parameters
        ]

    @cached_property
    def parameters(self) -> list[Parameter]:
        """Every name, old ones after the new ones of the same field."""
        return [parameter for of in self.operation.fields for parameter in self._of(of)]

    @property
    def one_of(self) -> tuple[str, ...]:
        return ONE_OF.get(self.route, ())

    def _of(self, of: AnyField) -> Iterator[Parameter]:
        new_names = _new_names(of)
        for name, role in of.names.items():
            present = new_names.get(role) or new_names[Role.RESET]
            new_name = "" if present == name else present
            yield Parameter(
                name, of, role, new_name, name in REQUIRED.get(self.route, ()),
                tuple(self._notes(name, of, new_name)), self._example(of, role),
            )  # fmt: skip

    def _notes(self, name: str, of: AnyField, new_name: str) -> Iterator[str]:
        fields = self.operation.fields
        if new_name:
            is_clearing = isinstance(of, SetField) and of.roles[name] == Role.CLEAR
            yield f"Old; an empty `{new_name}` does the same." if is_clearing else f"Old name of `{new_name}`."
        if name in REQUIRED.get(self.route, ()):
            yield "Required."
        if name in self.one_of:
            others = (f"`{other}`" for other in self.one_of if other != name)
            yield f"Either this or {' or '.join(others)} is required."
        if self.operation.event and of.only_global:
            yield "Global admins only."
        elif self.operation.event and of.section != "general":
            yield f"Section `{of.section}`."
        if excluded := [other.name for pair in fields.conflicts if of in pair for other in pair if other is not of]:
            yield f"Not together with {_listed(excluded)}."
        if isinstance(of, SetField) and of.roles[name] == Role.RESET and len(of.roles) > 1:
            yield f"Not together with {_listed(other for other in _new_names(of).values() if other != name)}."
        if needed := [second.name for first, second in fields.together if first is of]:
            yield f"Needs {_listed(needed)}."
        if isinstance(of, SetField) and of.discards_invalid:
            yield "Invalid values are left out and named in `_discarded`."

    def _example(self, of: AnyField, role: str) -> Example:
        if role == Role.CLEAR:
            return "yes"
        words: list[str] = of.kind.schema.get("enum") or ["example"]
        return _EXAMPLES_IN_CHAPTERS.get((self.operation.chapter, of.name), _EXAMPLES.get(of.name, words[0]))

    @cached_property
    def example_path(self) -> str:
        """The path with its parameters filled in, below `/api/`."""
        path = self.operation.template.removeprefix("/api/")
        for name, parameter in zip(self.operation.parameters, self.path_parameters, strict=True):
            path = path.replace(name, parameter.example)
        return path

    @cached_property
    def example_parameters(self) -> list[Parameter]:
        """What the examples send: what is required, and what is usual besides."""
        present = [parameter for parameter in self.parameters if not parameter.new_name]
        needed = {parameter.name for parameter in present if parameter.is_required} | set(self.one_of[:1])
        usual = {parameter.name for parameter in present if parameter.name in _USUAL}
        shown = needed | usual or {parameter.name for parameter in present[:1]}
        return [parameter for parameter in present if parameter.name in shown]

    @property
    def example_form(self) -> dict[str, str]:
        """The example as a form."""
        return {parameter.name: str(parameter.example) for parameter in self.example_parameters}

    @property
    def curl(self) -> str:
        """The operation as a line for a shell, with the variable `api` for the base of the API."""
        method = "" if self.operation.method == "GET" else f" -X {self.operation.method}"
        get = " -G" if self.operation.method == "GET" and self.example_form else ""
        cookies = "-c cookies" if self.route == "POST /api/login" else "-b cookies"
        given = "".join(
            f" \\\n  --data-urlencode {quote(f'{name}={value}')}" for name, value in self.example_form.items()
        )
        return f'curl -sS {cookies}{method}{get} "$api/{self.example_path}"{given}'


def described() -> list[tuple[str, list[Description]]]:
    """Return the chapters in their order, each with its operations."""
    order = {chapter: index for index, chapter in enumerate(CHAPTERS)}
    every = sorted(REGISTRY.values(), key=lambda operation: order.get(operation.chapter, len(order)))
    return [
        (chapter, list(map(Description, operations)))
        for chapter, operations in groupby(every, key=lambda operation: operation.chapter)
    ]


def rules() -> dict[str, str]:
    """Return the rules that operations name, each with its sentence."""
    named: dict[str, Rule] = {rule_name(operation.allow): operation.allow for operation in REGISTRY.values()}
    return {name: (named[name].__doc__ or "").partition("\n")[0] for name in sorted(named)}


def rule_name(rule: Rule) -> str:
    """Return a rule's name as it reads aloud."""
    return str(getattr(rule, "__name__", "")).replace("_", " ")


def anchor(chapter: str) -> str:
    """Return the name of a chapter's place in a page."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in chapter.lower()).split())


def _new_names(of: AnyField) -> dict[str, str]:
    """Return the present name for each role.

    An empty reset clears: where there is one, a name that only clears is an old one.
    """
    names: dict[str, str] = {}
    for name, role in of.names.items():
        names.setdefault(role, name)
    return {role: name for role, name in names.items() if role != Role.CLEAR or Role.RESET not in names}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _type_name(schema: Mapping[str, Any]) -> str:
    match schema:
        case {"enum": words}:
            return " or ".join(words) if len(words) <= 2 else ", ".join(words)
        case {"type": "integer", "minimum": low, "maximum": high}:
            return f"number, {low} to {high}"
        case {"type": "number", "minimum": low, "maximum": high}:
            return f"decimal number, {low} to {high}"
        case {"format": name}:
            return _FORMATS[name]
        case {"maxLength": most}:
            return f"text, up to {most} characters"
    return "text"


_FORMATS = {"email": "address", "hostname": "domain name", "password": "password"}
