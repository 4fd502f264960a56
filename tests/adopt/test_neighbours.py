"""What is said about the cron jobs and services of a host."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from postreeve.adopt.neighbours import advice, unreadable

CRONTAB = """\
# 1 * * * * python3 /opt/www/iredadmin/tools/cleanup_db.py
MAILTO=root
1   *   *   *   *   /usr/bin/python3 /opt/www/iredadmin/tools/cleanup_db.py &>/dev/null
1   2   *   *   *   /usr/bin/python3 /opt/www/iredadmin/tools/cleanup_amavisd_db.py &>/dev/null
1   *   *   *   *   /usr/bin/python3 /opt/www/iRedAdmin-Pro-SQL-4.2/tools/delete_mailboxes.py
2   *   *   *   *   /usr/bin/python3 /opt/iredapd/tools/spf_to_greylist_whitelists.py >/dev/null
1   *   *   *   *   /usr/bin/python3 /opt/iredapd/tools/cleanup_db.py
1   3   *   *   *   /bin/bash /var/vmail/backup/backup_mysql.sh
5   5   *   *   *   /usr/bin/python3 /opt/www/iredadmin/tools/dump_disclaimer.py /etc/postfix/disclaimer
7   5   *   *   *   /opt/www/iredadmin/tools/our_own.sh --password=hunter2
9   5   *   *   *   /usr/local/bin/something-else
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The files of a host, as iRedMail leaves them."""
    for name, text in {
        "var/spool/cron/crontabs/root": CRONTAB,
        "etc/cron.d/mlmmj": "10 */2 * * * root /usr/bin/mlmmj-maintd -F -d /var/vmail/mlmmj/ex.com\n",
        "etc/systemd/system/iredadmin.service": "[Service]\n",
        "lib/systemd/system/postfix.service": "[Service]\n",
        "etc/init.d/postfix": "#!/bin/sh\n",
        "lib/systemd/system/mlmmjadmin.service": "[Service]\n",
        "etc/nginx/templates/iredadmin.tmpl": "location ~ ^/iredadmin(.*) {\n uwsgi_pass 127.0.0.1:7791;\n}\n",
        "etc/nginx/nginx.conf": "# location /iredadmin\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_each_job_and_service_is_told_what_to_do_with(root: Path) -> None:
    cron = "/var/spool/cron/crontabs/root line"
    assert [(each.verdict, each.what, each.where) for each in advice(root)] == [
        ("keep", "/usr/bin/mlmmj-maintd", "/etc/cron.d/mlmmj line 1"),
        ("switch off", "/opt/www/iredadmin/tools/cleanup_db.py", f"{cron} 3"),
        ("switch off", "/opt/www/iredadmin/tools/cleanup_amavisd_db.py", f"{cron} 4"),
        ("switch off", "/opt/www/iRedAdmin-Pro-SQL-4.2/tools/delete_mailboxes.py", f"{cron} 5"),
        ("switch off", "/opt/iredapd/tools/spf_to_greylist_whitelists.py", f"{cron} 6"),
        ("keep", "/opt/iredapd/tools/cleanup_db.py", f"{cron} 7"),
        ("keep", "/var/vmail/backup/backup_mysql.sh", f"{cron} 8"),
        ("keep", "/opt/www/iredadmin/tools/dump_disclaimer.py", f"{cron} 9"),
        ("look at", "/opt/www/iredadmin/tools/our_own.sh", f"{cron} 10"),
        ("switch off", "service iredadmin", "/etc/systemd/system/iredadmin.service"),
        ("keep", "service mlmmjadmin", "/lib/systemd/system/mlmmjadmin.service"),
        ("keep", "service postfix", "/lib/systemd/system/postfix.service"),
        ("change", "/iredadmin of the web server", "/etc/nginx/templates/iredadmin.tmpl"),
    ]


def test_nothing_of_a_line_is_told_but_the_program(root: Path) -> None:
    assert "hunter2" not in repr(advice(root))


def test_a_host_without_any_of_it_has_no_advice(tmp_path: Path) -> None:
    assert advice(tmp_path) == []
    assert unreadable(tmp_path) == []


def test_crontabs_that_others_may_not_read_are_told() -> None:
    nobody = os.geteuid() or 65534
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        crontabs = Path(name, "var/spool/cron/crontabs")
        crontabs.mkdir(parents=True)
        assert unreadable(Path(name)) == []
        crontabs.chmod(0)
        before = os.geteuid()
        os.seteuid(nobody)
        try:
            found = unreadable(Path(name)), advice(Path(name))
        finally:
            os.seteuid(before)
        crontabs.chmod(0o700)
    assert found == (["/var/spool/cron/crontabs"], [])
