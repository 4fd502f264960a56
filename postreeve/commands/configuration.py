"""Commands that write configuration for other servers."""

from pathlib import Path
from typing import Annotated

import typer

from postreeve import app as assembly
from postreeve.commands.shared import MANAGER_PASSWORD, Data, File, plain_errors, secret, secret_option
from postreeve.ldap_config import LdapServer
from postreeve.ldap_config import write as write_ldap_config
from postreeve.mail_config import MailSystem
from postreeve.mail_config import write as write_mail_config
from postreeve.settings import SettingsError

LOOK_UP_PASSWORD = "POSTREEVE_LOOK_UP_PASSWORD"  # noqa: S105 - the name of a variable


def mail_config(  # noqa: PLR0913 - each option is a line of the configuration
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Directory to write into.")],
    data: Data = Path("data"),
    settings_file: File = None,
    hostname: Annotated[str, typer.Option(help="Full name of the mail server; the machine's own if not given.")] = "",
    mail_user: Annotated[str, typer.Option(help="Owner of all mailboxes.")] = "vmail",
    mail_group: Annotated[str, typer.Option(help="Group of all mailboxes.")] = "vmail",
    user: Annotated[str, typer.Option(help="Database role of the look-ups; our own if not given.")] = "",
    password_file: Annotated[
        typer.FileText | None, secret_option("--password-file", "Its password.", LOOK_UP_PASSWORD)
    ] = None,
) -> None:
    """Write Postfix maps and a Dovecot configuration that read the accounts, for servers without iRedMail's own."""
    with plain_errors():
        settings = assembly.settings_of(data, settings_file)
        system = MailSystem(
            hostname=hostname,
            mail_user=mail_user,
            mail_group=mail_group,
            look_up_user=user,
            look_up_password=secret(password_file, "--password-file", LOOK_UP_PASSWORD),
        )
        files = write_mail_config(settings, data, target, system)
    typer.echo(f"{len(files)} files written; {target}/README says what goes where.")


def ldap_config(  # noqa: PLR0913 - each option is a line of the configuration
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Directory to write into.")],
    data: Data = Path("data"),
    settings_file: File = None,
    suffix: Annotated[str, typer.Option(help="Name of the topmost entry; that of the settings if not given.")] = "",
    database: Annotated[str, typer.Option(help="The database in cn=config.")] = "{1}mdb",
    manager_password_file: Annotated[
        typer.FileText | None,
        secret_option("--manager-password-file", "Password of cn=Manager for slapd.conf.", MANAGER_PASSWORD),
    ] = None,
) -> None:
    """Write schema, rights and indexes for an OpenLDAP server, for servers without iRedMail's own."""
    with plain_errors():
        named = assembly.settings_of(data, settings_file).ldap
        if not (suffix or named):
            raise SettingsError("The settings name no directory: give --suffix.")
        password = secret(manager_password_file, "--manager-password-file", MANAGER_PASSWORD)
        server = LdapServer(database=database, manager_password=password)
        files = write_ldap_config(suffix or (named.suffix if named else ""), target, server)
    typer.echo(f"{len(files)} files written; {target}/README says what goes where.")
