"""What else runs on a host of iRedMail's: which cron jobs and services to switch off now, and which to keep."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Verdict(StrEnum):
    """What to do with something that runs."""

    SWITCH_OFF = "switch off"
    KEEP = "keep"
    CHANGE = "change"
    LOOK = "look at"


@dataclass(frozen=True)
class Advice:
    """What to do with one thing, and why."""

    verdict: Verdict
    what: str
    where: str
    reason: str


@dataclass(frozen=True)
class _Job:
    """A program that cron calls."""

    program: re.Pattern[str]
    verdict: Verdict
    reason: str


def _job(program: str, verdict: Verdict, reason: str) -> _Job:
    return _Job(re.compile(rf"[^\s;|&]*{program}", re.IGNORECASE), verdict, reason)


_PANEL = "iredadmin[^/ ]*/tools/"
_JOBS = (
    _job(_PANEL + r"cleanup_db\.py", Verdict.SWITCH_OFF, "`postreeve job cleanup` does it; the two must not run both"),
    _job(
        _PANEL + r"cleanup_amavisd_db\.py",
        Verdict.SWITCH_OFF,
        "`postreeve job cleanup` does it, but for rows that lost their mail",
    ),
    _job(_PANEL + r"delete_mailboxes\.py", Verdict.SWITCH_OFF, "`postreeve job delete-mailboxes` does it"),
    _job(_PANEL + r"dump_disclaimer\.py", Verdict.KEEP, "there is no such job here; it needs iRedAdmin's directory"),
    _job(
        _PANEL + r"(?:notify|dump)_quarantined\w*\.py",
        Verdict.KEEP,
        "there is no such job here; it needs iRedAdmin's directory",
    ),
    _job(_PANEL + r"[\w.-]+", Verdict.LOOK, "it is not known here, and stops when iRedAdmin's directory goes"),
    _job(r"spf_to_greylist_whitelists\.py", Verdict.SWITCH_OFF, "`postreeve job spf-whitelist` does it"),
    _job(r"iredapd[^/ ]*/tools/[\w.-]+", Verdict.KEEP, "it is iRedAPD's own"),
    _job(r"mlmmj-maintd", Verdict.KEEP, "mlmmj's queues and archives need it"),
    _job(r"backup_(?:mysql|pgsql|openldap|vmail)\.\w+", Verdict.KEEP, "it saves Postreeve's tables, too: in iredadmin"),
)
_CRON_FILES = (
    "etc/crontab", "etc/cron.d/*", "var/spool/cron/crontabs/*", "var/spool/cron/*", "var/cron/tabs/*",
)  # fmt: skip
_CRON_FOLDERS = ("var/spool/cron/crontabs", "var/spool/cron", "var/cron/tabs")

_UNIT_FOLDERS = ("etc/systemd/system", "lib/systemd/system", "usr/lib/systemd/system", "etc/init.d", "etc/rc.d")
_SERVICES = {
    "iredadmin": (Verdict.SWITCH_OFF, "when the web server passes /iredadmin to Postreeve"),
    "mlmmjadmin": (Verdict.KEEP, "the mailing lists go through its API"),
    "iredapd": (Verdict.KEEP, "it reads the throttling and greylisting that are set here"),
    **dict.fromkeys(("amavis", "amavisd", "amavisd-new"), (Verdict.KEEP, "it reads the spam policy that is set here")),
    **dict.fromkeys(("postfix", "dovecot"), (Verdict.KEEP, "it reads the accounts as before")),
    **dict.fromkeys(
        ("mariadb", "mysql", "postgresql", "slapd"), (Verdict.KEEP, "the accounts and policies stay where they are")
    ),
}
_SITES = (
    "etc/nginx/**/*.conf", "etc/nginx/**/*.tmpl", "etc/apache2/**/*.conf", "etc/httpd/**/*.conf",
    "usr/local/etc/nginx/**/*.tmpl", "etc/uwsgi/**/*.ini",
)  # fmt: skip
_SERVED = re.compile(r"^[^#\n]*(/iredadmin|/newsletter)\b", re.MULTILINE)


def advice(root: Path) -> list[Advice]:
    """Return what to do with the cron jobs and services that are on a host, whose files begin at `root`."""
    return [*_jobs(root), *_services(root), *_sites(root)]


def unreadable(root: Path) -> list[str]:
    """Return the directories of crontabs into which we may not look."""
    return [f"/{name}" for name in _CRON_FOLDERS if (root / name).is_dir() and _listed(root / name) is None]


def _listed(folder: Path) -> list[Path] | None:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return None


def _jobs(root: Path) -> Iterator[Advice]:
    for file in _files(root, _CRON_FILES):
        for number, line in enumerate(_text(file).splitlines(), 1):
            if line.lstrip().startswith("#"):
                continue
            for job in _JOBS:
                if found := job.program.search(line):
                    yield Advice(job.verdict, found[0], f"{_shown(file, root)} line {number}", job.reason)
                    break


def _services(root: Path) -> Iterator[Advice]:
    seen: set[str] = set()
    for folder in _UNIT_FOLDERS:
        for file in _listed(root / folder) or []:
            name = file.name.removesuffix(".service")
            if name in _SERVICES and name not in seen:
                seen.add(name)
                verdict, reason = _SERVICES[name]
                yield Advice(verdict, f"service {name}", _shown(file, root), reason)


def _sites(root: Path) -> Iterator[Advice]:
    for file in _files(root, _SITES):
        if found := _SERVED.search(_text(file)):
            reason = "it is Postreeve's now, with the lines of `deploy/`"
            yield Advice(Verdict.CHANGE, f"{found[1]} of the web server", _shown(file, root), reason)


def _files(root: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        try:
            yield from sorted(file for file in root.glob(pattern) if file.is_file())
        except OSError:
            continue


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _shown(file: Path, root: Path) -> str:
    return f"/{file.relative_to(root)}"
