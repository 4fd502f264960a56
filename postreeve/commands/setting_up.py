"""Commands that set up an installation: the stores, and the passwords of admins."""

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from postreeve import app as assembly
from postreeve import credentials
from postreeve.admins.rules import global_admins, is_admin
from postreeve.commands.shared import (
    LOCALHOST,
    MANAGER_PASSWORD,
    SETUP,
    Data,
    File,
    plain_errors,
    run,
    secret,
    secret_option,
)  # fmt: skip
from postreeve.passwords import generated
from postreeve.permissions import Grant, Target
from postreeve.settings import SettingsError
from postreeve.values import Address
from postreeve.work import Storage, Work

PASSWORD = "POSTREEVE_ADMIN_PASSWORD"  # noqa: S105 - the name of a variable
READER_PASSWORD = "POSTREEVE_LDAP_READER_PASSWORD"  # noqa: S105 - as above
MANAGER_OPTION, READER_OPTION = "--ldap-manager-password-file", "--ldap-reader-password-file"


def init(  # noqa: PLR0913 - what only an administrator knows
    admin: Annotated[str, typer.Option("--admin", help="Address of the first global admin.")],
    data: Data = Path("data"),
    settings_file: File = None,
    ldap_manager: Annotated[
        str,
        typer.Option(help="For an empty directory: who may fill it, such as cn=Manager,dc=example,dc=com."),
    ] = "",
    ldap_manager_password_file: Annotated[
        typer.FileText | None, secret_option(MANAGER_OPTION, "Its password.", MANAGER_PASSWORD)
    ] = None,
    ldap_reader_password_file: Annotated[
        typer.FileText | None,
        secret_option(
            READER_OPTION,
            "For an empty directory: password of its account cn=vmail; generated and printed if not given.",
            READER_PASSWORD,
        ),
    ] = None,
) -> None:
    """Create the databases that are missing or empty, and the first global admin.

    The admin's password comes from POSTREEVE_ADMIN_PASSWORD, or is generated and printed once. An empty directory
    gets its topmost entries and service accounts. What is there already is left alone.
    """
    with plain_errors():
        settings = assembly.settings_of(data, settings_file)
        grants = assembly.look_up_grants(settings)
        manager_password = secret(ldap_manager_password_file, MANAGER_OPTION, MANAGER_PASSWORD)
        reader_password = secret(ldap_reader_password_file, READER_OPTION, READER_PASSWORD)
        new = assembly.fill_directory(settings, ldap_manager, manager_password, reader_password)
        for account, password in new.items():
            typer.echo(f"Account {account} created. The password, shown only now: {password}")
        created = assembly.create_stores(settings)
        for store in created:
            typer.echo(f"Created: {store}.")
        if not created:
            typer.echo("The databases are there already.")
        with closing(assembly.storage_of(settings)) as storage:
            _create_first_admin(storage, admin)
    if grants:
        typer.echo("Roles are yours to create. One that only reads, for `postreeve mail-config --user vmail`:")
        typer.echo("\n".join(grants))


def admin_password(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Address of the admin.")],
    data: Data = Path("data"),
    settings_file: File = None,
) -> None:
    """Give an admin, standalone or a user with an admin's rights, a new password.

    It comes from POSTREEVE_ADMIN_PASSWORD, or is generated and printed once. The admin's sessions end.
    """
    with plain_errors(), closing(assembly.storage_of(assembly.settings_of(data, settings_file))) as storage:
        _set_admin_password(storage, address)


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
    run("POST /api/admin/<mail>", name, form, storage, "[init]", f"The admin {name} can not be created")
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
    run(route, account, form, storage, "[admin-password]", f"The password of {name} can not be changed")
    typer.echo(f"The password of {account} is changed. {origin}")


def _new_password(work: Work, name: str) -> tuple[str, str]:
    """Return the password that the environment gives or a new one, and the sentence that says where it is from."""
    if given := os.environ.get(PASSWORD):
        return given, f"Its password is the one in {PASSWORD}."
    password = generated(credentials.policy_in(work.settings, work.domains.find(Address(name).domain)))
    return password, f"The password, shown only now: {password}"
