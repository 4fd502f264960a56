"""From an empty directory to a server: set up, served, its admin's password changed, its jobs run."""

from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from tests.outages.processes import PROGRAM, both, environment, ran, serving, settings_file
from tests.servers import MANAGER_PASSWORD, OpenldapServer
from tests.site import PASSWORD, ROOT

NEW = "Another@Password1"


@pytest.mark.slow  # commands and server processes
def test_an_empty_directory_is_filled_served_and_kept_in_order(slapd: OpenldapServer, tmp_path: Path) -> None:
    import subprocess

    name = f"j{uuid4().hex[:12]}"
    manager = slapd.create_directory(name)
    ours = msgspec.structs.replace(manager, bind_dn="", password=PASSWORD)
    file = settings_file(tmp_path, {"ldap": ours}, mlmmj="")
    file.write_text(f'{file.read_text()}[iredadmin]\nengine = "sqlite"\npath = "iredadmin.db"\n')

    words = [str(PROGRAM), "init", f"--data={tmp_path}", f"--settings={file}", f"--admin={ROOT}"]
    secrets = {"POSTREEVE_ADMIN_PASSWORD": PASSWORD, "POSTREEVE_LDAP_MANAGER_PASSWORD": MANAGER_PASSWORD}
    manager_option = f"--ldap-manager={manager.bind_dn}"
    done = subprocess.run(
        [*words, manager_option], env=environment(**secrets), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"Global admin {ROOT} created." in done.stdout
    again = ran("init", file, f"--admin={ROOT}")
    assert f"There is a global admin already: {ROOT}. Nothing was changed." in again.stdout, again.stderr

    with serving(file) as process:
        root = process.client().login(ROOT)
        root.ok("POST", "domain/ex.com")
        root.ok("POST", "user/ann@ex.com", password=PASSWORD)
        assert root.data("users/ex.com", email_only="yes") == ["ann@ex.com"]
    changed = ran("admin-password", file, ROOT)
    password = changed.stdout.strip().rpartition(" ")[2]
    assert changed.stdout.startswith(f"The password of {ROOT} is changed."), changed.stderr
    with both(file) as processes:
        for process in processes:
            assert process.client().login(ROOT, password).data("domains", name_only="yes") == ["ex.com"]
    assert ran("job pending", file).stdout == "0 settled, 0 left.\n"
    slapd.wipe_directory(name)
