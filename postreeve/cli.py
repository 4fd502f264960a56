"""The command line: setting up, serving, and the jobs behind it."""

import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from postreeve import __version__, credentials, operations
from postreeve import app as assembly
from postreeve.admins.rules import global_admins, is_admin
from postreeve.errors import Refused
from postreeve.fields import Form
from postreeve.jobs import pending, spf_whitelist
from postreeve.ldap_config import LdapServer
from postreeve.ldap_config import write as write_ldap_config
from postreeve.mail_config import MailSystem
from postreeve.mail_config import write as write_mail_config
from postreeve.networks import host_and_port
from postreeve.operations import REGISTRY, Answer, Call
from postreeve.passwords import generated
from postreeve.permissions import Actor, Grant, Target
from postreeve.settings import Settings, SettingsError, with_options
from postreeve.values import Address
from postreeve.web import serving
from postreeve.work import ConflictError, Storage, StoreUnavailableError, Work

LOCALHOST = "127.0.0.1"
AT_ONCE = 1000
"""Addresses that one call subscribes."""
PASSWORD = "POSTREEVE_ADMIN_PASSWORD"  # noqa: S105 - the name of a variable

SETUP = Actor(account=Address("postreeve@localhost.localdomain"), is_global=True, is_user=False)
"""Who does what the command line asks for, as the activity log names it."""

app = typer.Typer(name="postreeve", no_args_is_help=True, pretty_exceptions_enable=False)
job = typer.Typer(help="Run one of the jobs that cron or a timer calls.", no_args_is_help=True)
app.add_typer(job, name="job")


class Exported(StrEnum):
    """What `postreeve ldif` exports."""

    ALL = "all"
    DOMAIN = "domain"
    CATCH_ALL = "catchall"
    ADMIN = "admin"
    USER = "user"
    MAILLIST = "maillist"
    ALIAS = "alias"


Data = Annotated[Path, typer.Option("--data", help="Data directory of the installation.")]
File = Annotated[Path | None, typer.Option("--settings", help="Settings file; DATA/postreeve.toml if it is there.")]


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Say in one sentence what the administrator has to mend, and exit with 1."""
    try:
        yield
    except SettingsError as error:
        typer.echo(f"postreeve: {error}", err=True)
        raise typer.Exit(1) from error
    except (StoreUnavailableError, ConflictError) as error:
        typer.echo(f"postreeve: A store does not answer: {error}", err=True)
        raise typer.Exit(1) from error


def _tell_version(is_asked: bool) -> None:  # noqa: FBT001 - an option, as Typer hands it over
    if is_asked:
        typer.echo(f"Postreeve {__version__}")
        raise typer.Exit


@app.callback(help=__doc__)
def postreeve(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
def init(  # noqa: PLR0913 - what only an administrator knows
    admin: Annotated[str, typer.Option("--admin", help="Address of the first global admin.")],
    data: Data = Path("data"),
    settings_file: File = None,
    ldap_manager: Annotated[
        str,
        typer.Option(help="For an empty directory: who may fill it, such as cn=Manager,dc=example,dc=com."),
    ] = "",
    ldap_manager_password: Annotated[
        str, typer.Option(help="Its password.", envvar="POSTREEVE_LDAP_MANAGER_PASSWORD")
    ] = "",
    ldap_reader_password: Annotated[
        str,
        typer.Option(
            help="For an empty directory: password of its account cn=vmail; generated and printed if not given.",
            envvar="POSTREEVE_LDAP_READER_PASSWORD",
        ),
    ] = "",
) -> None:
    """Create the databases that are missing or empty, and the first global admin.

    The admin's password comes from POSTREEVE_ADMIN_PASSWORD, or is generated and printed once. An empty directory
    gets its topmost entries and service accounts. What is there already is left alone.
    """
    with _plain_errors():
        settings = assembly.settings_of(data, settings_file)
        grants = assembly.look_up_grants(settings)
        new = assembly.fill_directory(settings, ldap_manager, ldap_manager_password, ldap_reader_password)
        for account, password in new.items():
            typer.echo(f"Account {account} created. The password, shown only now: {password}")
        created = assembly.create_stores(settings)
        storage = assembly.storage_of(settings)
        for store in created:
            typer.echo(f"Created: {store}.")
        if not created:
            typer.echo("The databases are there already.")
        _create_first_admin(storage, admin)
    if grants:
        typer.echo("Roles are yours to create. One that only reads, for `postreeve mail-config --user vmail`:")
        typer.echo("\n".join(grants))


@app.command()
def serve(
    data: Data = Path("data"),
    settings_file: File = None,
    listen: Annotated[str | None, typer.Option(help="Address and port; the setting `listen` if not given.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes; the setting `workers` if not given.")] = None,
) -> None:
    """Serve the API."""
    with _plain_errors():
        settings = with_options(assembly.settings_of(data, settings_file), listen=listen, workers=workers)
        storage = assembly.storage_of(settings)
        pending.run(storage)
        storage.close()
        host, port = host_and_port(settings.listen)
        sockets = serving.listeners(host, port)
    os.environ[assembly.DATA] = str(data)
    if settings_file:
        os.environ[assembly.SETTINGS] = str(settings_file)
    typer.echo(_announcement(settings))
    serving.run("postreeve.app:application", sockets, settings.workers, factory=True)


@app.command("admin-password")
def admin_password(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Address of the admin.")],
    data: Data = Path("data"),
    settings_file: File = None,
) -> None:
    """Give an admin, standalone or a user with an admin's rights, a new password.

    It comes from POSTREEVE_ADMIN_PASSWORD, or is generated and printed once. The admin's sessions end.
    """
    with _plain_errors():
        storage = assembly.storage_of(assembly.settings_of(data, settings_file))
        _set_admin_password(storage, address)


@app.command("mail-config")
def mail_config(  # noqa: PLR0913 - each option is a line of the configuration
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Directory to write into.")],
    data: Data = Path("data"),
    settings_file: File = None,
    hostname: Annotated[str, typer.Option(help="Full name of the mail server; the machine's own if not given.")] = "",
    mail_user: Annotated[str, typer.Option(help="Owner of all mailboxes.")] = "vmail",
    mail_group: Annotated[str, typer.Option(help="Group of all mailboxes.")] = "vmail",
    user: Annotated[str, typer.Option(help="Database role of the look-ups; our own if not given.")] = "",
    password: Annotated[str, typer.Option(help="Its password.", envvar="POSTREEVE_LOOK_UP_PASSWORD")] = "",
) -> None:
    """Write Postfix maps and a Dovecot configuration that read the accounts, for servers without iRedMail's own."""
    with _plain_errors():
        settings = assembly.settings_of(data, settings_file)
        system = MailSystem(
            hostname=hostname,
            mail_user=mail_user,
            mail_group=mail_group,
            look_up_user=user,
            look_up_password=password,
        )
        files = write_mail_config(settings, data, target, system)
    typer.echo(f"{len(files)} files written; {target}/README says what goes where.")


@app.command("ldap-config")
def ldap_config(  # noqa: PLR0913 - each option is a line of the configuration
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Directory to write into.")],
    data: Data = Path("data"),
    settings_file: File = None,
    suffix: Annotated[str, typer.Option(help="Name of the topmost entry; that of the settings if not given.")] = "",
    database: Annotated[str, typer.Option(help="The database in cn=config.")] = "{1}mdb",
    manager_password: Annotated[
        str,
        typer.Option(help="Password of cn=Manager for slapd.conf.", envvar="POSTREEVE_LDAP_MANAGER_PASSWORD"),
    ] = "",
) -> None:
    """Write schema, rights and indexes for an OpenLDAP server, for servers without iRedMail's own."""
    with _plain_errors():
        named = assembly.settings_of(data, settings_file).ldap
        if not (suffix or named):
            raise SettingsError("The settings name no directory: give --suffix.")
        server = LdapServer(database=database, manager_password=manager_password)
        files = write_ldap_config(suffix or (named.suffix if named else ""), target, server)
    typer.echo(f"{len(files)} files written; {target}/README says what goes where.")


@app.command()
def subscribe(  # noqa: PLR0913 - what, from where, and how
    mail: Annotated[str, typer.Argument(metavar="LIST", help="Address of the mailing list.")],
    file: Annotated[
        typer.FileText,
        typer.Argument(help="File with an address on each line; - is standard input.", encoding="utf-8-sig"),
    ],
    data: Data = Path("data"),
    settings_file: File = None,
    subscription: Annotated[str, typer.Option(help="`normal`, `digest` or `nomail`.")] = "normal",
    *,
    confirm: Annotated[bool, typer.Option(help="Send each address a mail that has to be answered first.")] = False,
) -> None:
    """Subscribe many addresses to a mailing list."""
    form = {"subscription": [subscription], "require_confirm": ["yes" if confirm else "no"]}
    with _plain_errors():
        lines = _lines_with_addresses(file)
        storage = assembly.storage_of(assembly.settings_of(data, settings_file))
        with closing(storage), typer.progressbar(length=len(lines), label=mail) as bar:
            for start in range(0, len(lines), AT_ONCE):
                part = dict(lines[start : start + AT_ONCE])
                given = {**form, "add_subscribers": [*part.values()]}
                failure = f"From line {min(part)} on nobody is subscribed"
                try:
                    _run("PUT /api/ml/<mail>", mail, given, storage, "[subscribe]", failure)
                except (StoreUnavailableError, ConflictError) as error:
                    raise SettingsError(f"A store does not answer since line {min(part)}: {error}") from error
                bar.update(len(part))
    typer.echo(f"{len(lines)} addresses {'asked to confirm' if confirm else 'subscribed'}.")


@app.command()
def ldif(  # noqa: PLR0913 - what, and where to
    kind: Annotated[Exported, typer.Argument(metavar="KIND", help=f"What: {', '.join(Exported)}.")],
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Domain or address; nothing for `all`.")] = "",
    data: Data = Path("data"),
    settings_file: File = None,
    output: Annotated[Path | None, typer.Option(help="File for the text; standard output if not given.")] = None,
    *,
    with_accounts: Annotated[bool, typer.Option(help="Of a domain: everything in it, too.")] = False,
) -> None:
    """Export accounts of a directory as LDIF, hashes of passwords included.

    `ldapadd` takes it back; of `all` after `postreeve init` has filled an empty directory.
    """
    if name and kind is Exported.ALL:
        raise typer.BadParameter(f"`{kind}` takes no name.")
    with _plain_errors():
        storage = assembly.storage_of(assembly.settings_of(data, settings_file))
        form = {"with_accounts": ["yes"]} if with_accounts else {}
        failure = f"There is no export of {kind} {name}".rstrip()
        text = _run(_export(kind), name, form, storage, "[ldif]", failure).data
        if output is None:
            for piece in text.pieces:
                typer.echo(piece, nl=False)
        else:
            _write(output, text.pieces)
        storage.close()


@app.command("mlmmj-agent")
def mlmmj_agent(
    data: Data = Path("data"),
    settings_file: File = None,
    listen: Annotated[str | None, typer.Option(help="Address and port; `mlmmj_agent_listen` if not given.")] = None,
) -> None:
    """Serve mlmmjadmin's HTTP API over mlmmj on this host, for a Postreeve on another host."""
    with _plain_errors():
        settings = assembly.settings_of(data, settings_file)
        agent = assembly.mlmmj_agent(settings)
        address = with_options(settings, listen=listen or settings.mlmmj_agent_listen).listen
        sockets = serving.listeners(*host_and_port(address))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    typer.echo(f"The lists in {settings.mlmmj_spool} are served at http://{address}/api/")
    serving.run(agent, sockets)


@job.command("pending")
def pending_(data: Data = Path("data"), settings_file: File = None) -> None:
    """Settle what a crash or an outage left open."""
    with _plain_errors():
        settled, left = pending.run(assembly.storage_of(assembly.settings_of(data, settings_file)))
    typer.echo(f"{settled} settled, {left} left.")
    raise typer.Exit(int(left > 0))


@job.command("spf-whitelist")
def spf_whitelist_(data: Data = Path("data"), settings_file: File = None) -> None:
    """Ask the DNS which servers send the mail of the domains that are not greylisted.

    Where the DNS does not answer, the servers known before stay.
    """
    with _plain_errors():
        answered, silent = spf_whitelist.run(assembly.storage_of(assembly.settings_of(data, settings_file)))
    typer.echo(f"The DNS answered for {answered} domains; for {silent} the servers known before stay.")


def _announcement(settings: Settings) -> str:
    base = f"http://{settings.listen}/iredadmin/"
    if not settings.enable_restful_api:
        return f"Postreeve serves {base} - the API is switched off."
    return f"Postreeve serves {base} - the reference of the API is at {base}api/reference"


def _lines_with_addresses(file: TextIO) -> list[tuple[int, str]]:
    """Return the addresses of a file with the numbers of their lines; empty lines do not matter."""
    try:
        lines = [(number, text) for number, line in enumerate(file, 1) if (text := line.strip())]
    except UnicodeDecodeError as error:
        raise SettingsError("The file with the addresses is no text. Nobody is subscribed.") from error
    for number, text in lines:
        try:
            Address.parse(text)
        except Refused as no:
            raise SettingsError(f"Line {number} is no address: {text}. Nobody is subscribed.") from no
    return lines


def _create_first_admin(storage: Storage, name: str) -> None:
    """Create the admin unless somebody administers everything already; by the same operation as the API's."""
    with storage.open(Grant(SETUP, Target()), LOCALHOST) as work:
        admins = global_admins(work)
        password, origin = _new_password(work, name)
    if admins:
        typer.echo(f"There is a global admin already: {', '.join(admins)}. Nothing was changed.")
        if name.strip().lower() not in admins:
            typer.echo(f"Log in as {admins[0]}; `postreeve admin-password {admins[0]}` gives it a new password.")
        return
    form = {"password": [password], "isGlobalAdmin": ["yes"], "name": ["Postmaster"]}
    _run("POST /api/admin/<mail>", name, form, storage, "[init]", f"The admin {name} can not be created")
    typer.echo(f"Global admin {name} created. {origin}")


def _set_admin_password(storage: Storage, name: str) -> None:
    """Change the password by the operation of its kind of account."""
    with storage.open(Grant(SETUP, Target()), LOCALHOST) as work:
        account = Address(name.strip().lower())
        if not is_admin(work, account):
            raise SettingsError(f"There is no admin {name}.")
        route = "PUT /api/admin/<mail>" if work.admins.find(account) else "PUT /api/user/<mail>"
        password, origin = _new_password(work, account)
    form = {"password": [password]}
    _run(route, account, form, storage, "[admin-password]", f"The password of {name} can not be changed")
    typer.echo(f"The password of {account} is changed. {origin}")


def _new_password(work: Work, name: str) -> tuple[str, str]:
    """Return the password that the environment gives or a new one, and the sentence that says where it is from."""
    if given := os.environ.get(PASSWORD):
        return given, f"Its password is the one in {PASSWORD}."
    password = generated(credentials.policy_in(work.settings, work.domains.find(Address(name).domain)))
    return password, f"The password, shown only now: {password}"


def _export(kind: Exported) -> str:
    """Return the route of the operation that exports a kind of thing."""
    if kind is Exported.ALL:
        return "GET /api/ldif/all"
    return f"GET /api/ldif/{kind}/<{'domain' if kind in {Exported.DOMAIN, Exported.CATCH_ALL} else 'mail'}>"


def _write(file: Path, pieces: Iterator[str]) -> None:
    """Write a file with secrets: whole, or what was there stays."""
    new = file.with_name(f"{file.name}.new")
    try:
        new.unlink(missing_ok=True)
        new.touch(mode=0o600, exist_ok=False)
        with new.open("w", encoding="utf-8") as output:
            output.writelines(pieces)
        new.replace(file)
    except OSError as error:
        raise SettingsError(f"{error.filename or file} can not be written: {error.strerror}.") from error


def _run(route: str, name: str, form: Form, storage: Storage, via: str, failure: str) -> Answer:  # noqa: PLR0913 - a call
    wanted = REGISTRY[route]
    path = (name,) if wanted.parameters else ()
    try:
        return operations.run(wanted, Call(SETUP, path, form, LOCALHOST, via), storage)
    except Refused as no:
        reasons = " ".join(code.value for code in no.codes)
        raise SettingsError(f"{failure}: {reasons} {no.hint}".rstrip()) from no
