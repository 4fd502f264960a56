"""The commands for every kind of account, made of their operations: create, show, list, update, delete, rename."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer

from postreeve.admins import operations as _admin_operations  # noqa: F401 - importing operations registers them
from postreeve.admins.profile import texts as admin_texts
from postreeve.aliases import operations as _aliases  # noqa: F401
from postreeve.aliases.profile import texts as alias_texts
from postreeve.commands.acting import As, AsJson, acting, tell
from postreeve.commands.options import Option, asked_for, form_of, is_conversation, options_of, word_of
from postreeve.commands.shared import Data, File
from postreeve.commands.showing import json_of, show_pages, show_pairs
from postreeve.domains import operations as _domains  # noqa: F401
from postreeve.domains.profile import texts as domain_texts
from postreeve.errors import Code, refuse
from postreeve.fields import Form
from postreeve.listings import MOST_ON_PAGE
from postreeve.operations import REGISTRY, Caller
from postreeve.overviews import operations as _overviews  # noqa: F401
from postreeve.profiles import Texts
from postreeve.subscribable_lists import operations as _subscribable_lists  # noqa: F401
from postreeve.subscribable_lists.profile import texts as list_texts
from postreeve.unsubscribable_lists import operations as _unsubscribable_lists  # noqa: F401
from postreeve.unsubscribable_lists.profile import texts as maillist_texts
from postreeve.users import operations as _users  # noqa: F401
from postreeve.users.profile import texts as user_texts
from postreeve.web.descriptions import PATH_SENTENCES, Description
from postreeve.work import Profile, Streamed

ADMINS_OF_DOMAIN = "PUT /api/domain/admins/<domain>"
ROWS = "rows"
_OF_ONE_PAGE = frozenset({"page_size", "after", "before", "count"})
"""Who gives one of these wants a page; everybody else wants all."""


@dataclass(frozen=True)
class Accounts:
    """Accounts of one kind, with what their operations are called."""

    words: str
    """What they are, for people."""
    path: str
    """Of one of them."""
    overview: str
    texts: Callable[[Profile], Texts]
    """What a profile says about the parameters."""
    kind: str = ""
    """In an overview of several kinds: this one."""

    @property
    def parameter(self) -> str:
        return self.path.rpartition("/")[2]

    def about(self, method: str) -> Description:
        return Description(REGISTRY[f"{method} {self.path}"])


KINDS: Mapping[str, Accounts] = {
    "domain": Accounts("domain", "/api/domain/<domain>", "GET /api/panel/domains", domain_texts),
    "user": Accounts("user", "/api/user/<mail>", "GET /api/panel/users/<domain>", user_texts),
    "alias": Accounts("mail alias", "/api/alias/<mail>", "GET /api/panel/aliases/<domain>", alias_texts),
    "admin": Accounts("admin", "/api/admin/<mail>", "GET /api/panel/admins", admin_texts),
    "list": Accounts(
        "subscribable list", "/api/ml/<mail>", "GET /api/panel/lists/<domain>", list_texts, "subscribable"
    ),
    "maillist": Accounts(
        "unsubscribable list", "/api/maillist/<mail>", "GET /api/panel/lists/<domain>", maillist_texts, "unsubscribable"
    ),
}  # fmt: skip

Deed = Callable[[Caller, Mapping[str, Any]], None]


def _create(of: Accounts) -> Callable[..., None]:
    about = of.about("POST")
    options = options_of(about)
    secrets = {"password", *about.one_of} & {option.wire_name for option in options}

    def deed(values: Mapping[str, Any]) -> Callable[[Caller], None]:
        form = form_of(options, values)
        if secrets and secrets.isdisjoint(form) and is_conversation():
            form = {**form, "password": [asked_for("password")]}
        return lambda ask: _do(ask, about.route, (values["name"],), form, f"{_title(of)} {values['name']} created.")

    return _command(about.summary, [_name(of.parameter)], options, deed)


def _show(of: Accounts) -> Callable[..., None]:
    about = of.about("GET")
    options = options_of(about)

    def deed(values: Mapping[str, Any]) -> Callable[[Caller], None]:
        form = form_of(options, values)

        def show(ask: Caller) -> None:
            answer = ask(about.route, (values["name"],), form)
            profile, items = answer.data, {}
            if isinstance(profile, Streamed):
                items = {profile.key: list(profile.items)}
                profile = profile.profile
            if values["as_json"]:
                typer.echo(json_of({**profile, **items}))
            else:
                show_pairs((word_of(name), text) for name, text in {**of.texts(profile), **items}.items())
            tell(answer.remarks)

        return show

    return _command(about.summary, [_name(of.parameter)], options, deed, has_json=True)


def _list(of: Accounts) -> Callable[..., None]:
    about = Description(REGISTRY[of.overview])
    options = options_of(about)

    def deed(values: Mapping[str, Any]) -> Callable[[Caller], None]:
        form = form_of(options, values)
        path = tuple(values[name] for name in ("name",) if about.operation.parameters)

        def show(ask: Caller) -> None:
            pages = _pages(ask, of, path, form)
            if values["as_json"]:
                for piece in _as_json(pages):
                    typer.echo(piece, nl=False)
                typer.echo()
            else:
                last: dict[str, Any] = {}
                show_pages(_columns(of, about), _rows_of(pages, last))
                _tell_beside(last)

        return show

    sentence = f"List {of.words}s: all that are wanted, or with --page-size, --after or --before one page."
    return _command(sentence, [_name(name) for name in about.operation.parameters], options, deed, has_json=True)


def _update(of: Accounts) -> Callable[..., None]:
    return _changing(of, of.about("PUT"))


def _admins(of: Accounts) -> Callable[..., None]:
    return _changing(of, Description(REGISTRY[ADMINS_OF_DOMAIN]))


def _changing(of: Accounts, about: Description) -> Callable[..., None]:
    options = options_of(about)

    def deed(values: Mapping[str, Any]) -> Callable[[Caller], None]:
        form = form_of(options, values)
        if not form:
            raise typer.BadParameter("There is nothing to change: give an option.")
        return lambda ask: _do(ask, about.route, (values["name"],), form, f"{_title(of)} {values['name']} updated.")

    return _command(about.summary, [_name(of.parameter)], options, deed)


_YES = Annotated[bool, typer.Option("--yes", help="Do not ask on a terminal.")]


def _delete(of: Accounts) -> Callable[..., None]:
    about = of.about("DELETE")
    options = options_of(about)
    keeping = f"{about.route}/keep_mailbox_days/<number>"
    others = [Parameter("yes", Parameter.KEYWORD_ONLY, default=False, annotation=_YES)]
    if keeping in REGISTRY:
        days = typer.Option("--keep-mailbox-days", metavar="NUMBER", help="Keep the files of mailboxes so many days.")
        others.append(Parameter("days", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, days]))

    def deed(values: Mapping[str, Any]) -> Callable[[Caller], None]:
        form, name = form_of(options, values), values["name"]
        if not values["yes"] and is_conversation():
            typer.confirm(f"Delete the {of.words} {name}?", abort=True, err=True)
        route, path = (about.route, (name,)) if values.get("days") is None else (keeping, (name, values["days"]))
        return lambda ask: _do(ask, route, path, form, f"{_title(of)} {name} deleted.")

    return _command(about.summary, [_name(of.parameter), *others], options, deed)


def _rename(of: Accounts) -> Callable[..., None]:
    about = Description(REGISTRY[f"POST {of.path}/change_email/<new_mail>"])

    def deed(values: Mapping[str, Any]) -> Callable[[Caller], None]:
        old, new = values["name"], values["new_name"]
        return lambda ask: _do(ask, about.route, (old, new), {}, f"{_title(of)} {old} is {new} now.")

    return _command(about.summary, [_name(of.parameter), _name("<new_mail>", "new_name")], [], deed)


# What commands are made of


def _name(parameter: str, argument: str = "name") -> Parameter:
    word = parameter.strip("<>").upper()
    annotation = Annotated[str, typer.Argument(metavar=word, help=PATH_SENTENCES[parameter])]
    return Parameter(argument, Parameter.KEYWORD_ONLY, annotation=annotation)


def _command(
    sentence: str,
    others: list[Parameter],
    options: list[Option],
    deed: Callable[[Mapping[str, Any]], Callable[[Caller], None]],
    *,
    has_json: bool = False,
) -> Callable[..., None]:
    """Return a function with the arguments that Typer makes a command of; the deed reads them before stores open."""

    def command(*, data: Path, settings_file: Path | None, admin: str, **values: Any) -> None:  # noqa: ANN401 - Typer's
        carry_out = deed(values)
        with acting(data, settings_file, admin) as ask:
            carry_out(ask)

    common: list[tuple[str, object, object]] = [
        ("data", Data, Path("data")),
        ("settings_file", File, None),
        ("admin", As, ""),
    ]
    common += [("as_json", AsJson, False)] if has_json else []
    parameters = [
        *others,
        *(option.parameter for option in options),
        *(Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind) for name, kind, default in common),
    ]
    command.__doc__ = sentence
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _do(ask: Caller, route: str, path: tuple[str, ...], form: Form, done: str) -> None:
    answer = ask(route, path, form)
    typer.echo(done)
    tell(answer.remarks)


def _title(of: Accounts) -> str:
    return of.words.capitalize()


def _pages(ask: Caller, of: Accounts, path: tuple[str, ...], form: Form) -> Iterator[dict[str, Any]]:
    """Yield pages of an overview: the one that is asked for, or all, each read when the one before is shown."""
    is_one = not _OF_ONE_PAGE.isdisjoint(form)
    wanted = form if is_one else {**form, "page_size": [str(MOST_ON_PAGE)]}
    while True:
        page = dict(ask(of.overview, path, wanted).data)
        if of.kind:
            if of.kind not in page["kinds"]:
                refuse(Code.NOT_AVAILABLE)
            page[ROWS] = [row for row in page[ROWS] if row["kind"] == of.kind]
            if len(page["kinds"]) > 1:  # what is counted are all lists
                page = {name: value for name, value in page.items() if name not in {"total", "is_total_exact"}}
        if not is_one and page["next"]:
            yield {**page, "next": ""}
            wanted = {**wanted, "after": [page["next"]]}
            continue
        yield page if is_one else {**page, "previous": ""}
        return


def _columns(of: Accounts, about: Description) -> list[str]:
    """Return the names of what there may be in a row."""
    [row] = get_args(get_type_hints(about.answers)[ROWS])
    return [name for name in get_type_hints(row) if name != "kind" or not of.kind]


def _rows_of(pages: Iterator[dict[str, Any]], last: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    for page in pages:
        last.update(page)
        yield page[ROWS]


def _tell_beside(page: Mapping[str, Any]) -> None:
    """Tell of one page how to get at those beside it."""
    if "total" in page:
        typer.echo(f"All pages together: {'' if page['is_total_exact'] else 'more than '}{page['total']}.", err=True)
    for name, option in (("previous", "--before"), ("next", "--after")):
        if page[name]:
            typer.echo(f"The {name} page: {option} {page[name]}", err=True)


def _as_json(pages: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Yield the pieces of what would be one page with all rows."""
    separator, page = '{"rows":[', {}
    for page in pages:
        for row in page[ROWS]:
            yield separator + json_of(row)
            separator = ","
    beside = json_of({name: value for name, value in page.items() if name != ROWS})
    yield (separator if separator != "," else "") + "]," + beside[1:]


GROUPS: dict[str, typer.Typer] = {}
"""The commands of every kind, by the word before them."""

for _word, _of in KINDS.items():
    _group = GROUPS[_word] = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    _verbs = {"create": _create, "show": _show, "list": _list, "update": _update, "delete": _delete}
    if _word == "domain":
        _verbs["admins"] = _admins
    if f"POST {_of.path}/change_email/<new_mail>" in REGISTRY:
        _verbs["rename"] = _rename
    for _verb, _made in _verbs.items():
        _group.command(_verb)(_made(_of))
