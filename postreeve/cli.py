"""The command line: setting up, serving, and the jobs behind it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from postreeve import app as assembly
from postreeve import operations
from postreeve.admins.rules import has_global_admin
from postreeve.errors import Refused
from postreeve.jobs import pending, spf_whitelist
from postreeve.ldap_config import LdapServer
from postreeve.ldap_config import write as write_ldap_config
from postreeve.mail_config import MailSystem
from postreeve.mail_config import write as write_mail_config
from postreeve.networks import host_and_port
from postreeve.operations import REGISTRY, Call
from postreeve.permissions import Actor, Grant, Target
from postreeve.settings import SettingsError, with_options
from postreeve.values import Address
from postreeve.work import Storage

LOCALHOST = "127.0.0.1"
ENDING_SECONDS = 10
"""A server that is told to stop waits so long for the requests that are under way."""
PASSWORD = "POSTREEVE_ADMIN_PASSWORD"  # noqa: S105 - the name of a variable

app = typer.Typer(name="postreeve", help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
job = typer.Typer(help="Run one of the jobs that cron or a timer calls.", no_args_is_help=True)
app.add_typer(job, name="job")

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
        storage = assembly.created_storage(settings)
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
    os.environ[assembly.DATA] = str(data)
    if settings_file:
        os.environ[assembly.SETTINGS] = str(settings_file)
    typer.echo(f"Postreeve serves http://{host}:{port}/iredadmin/ - the API is at http://{host}:{port}/iredadmin/api/")
    uvicorn.run(
        "postreeve.app:application", factory=True, host=host, port=port,
        workers=settings.workers, access_log=False, proxy_headers=False, server_header=False,
        log_level="warning",
        ws="none", timeout_graceful_shutdown=ENDING_SECONDS,
    )  # fmt: skip


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


def _create_first_admin(storage: Storage, name: str) -> None:
    """Create the admin unless somebody administers everything already; by the same operation as the API's."""
    with storage.open(Grant(None, Target()), LOCALHOST) as work:
        if has_global_admin(work):
            typer.echo("There is a global admin already.")
            return
    given = os.environ.get(PASSWORD)
    password = given or f"{secrets.token_urlsafe(15)}-A1"
    setup = Actor(account=Address("postreeve@localhost.localdomain"), is_global=True, is_user=False)
    form = {"password": [password], "isGlobalAdmin": ["yes"], "name": ["Postmaster"]}
    try:
        operations.run(REGISTRY["POST /api/admin/<mail>"], Call(setup, (name,), form, LOCALHOST, "[init]"), storage)
    except Refused as no:
        reasons = " ".join(code.value for code in no.codes)
        raise SettingsError(f"The admin {name} can not be created: {reasons} {no.hint}".rstrip()) from no
    if given:
        typer.echo(f"Global admin {name} created, with the password of {PASSWORD}.")
    else:
        typer.echo(f"Global admin {name} created. The password, shown only now: {password}")
