"""Lines for cron and units for systemd, from the table of jobs."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from postreeve.jobs.running import Job

SANDBOX = """\
CapabilityBoundingSet=
DevicePolicy=closed
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
"""
"""As deploy/postreeve.service has it for the server."""
_REACHES_MAILBOXES = "CapabilityBoundingSet=CAP_DAC_OVERRIDE\nAmbientCapabilities=CAP_DAC_OVERRIDE\n"


@dataclass(frozen=True)
class Installation:
    """What units and lines have to know."""

    program: str
    data: Path
    settings: Path | None
    user: str
    mailboxes: Sequence[str]
    """The storage roots."""
    further: Sequence[str] = ()
    """Where else something may be written, such as mlmmj's spool."""

    @property
    def options(self) -> list[str]:
        return [f"--data={self.data}", *([f"--settings={self.settings}"] if self.settings else [])]

    def words(self, job: Job) -> list[str]:
        """Return the words of the command that runs a job."""
        return [self.program, "job", job.name, *self.options]


def cron_lines(jobs: Sequence[Job], of: Installation) -> Iterator[str]:
    """Yield a file for /etc/cron.d; what removes mailboxes runs as root, since nobody else may in their folders."""
    yield "# Postreeve's jobs. Several nodes may have such lines, each its own: a job runs on one of them at a time."
    for job in jobs:
        user = "root" if job.touches_mailboxes else of.user
        # What is printed is no news to anybody; what is left or goes wrong is written to standard error, and mailed.
        yield f"{job.schedule.cron} {user} {_escaped(shlex.join(of.words(job)))} >/dev/null"


def units(jobs: Sequence[Job], of: Installation) -> Mapping[str, str]:
    """Return the texts of units by the names of their files: a service and a timer for each job."""
    texts: dict[str, str] = {}
    for job in jobs:
        texts[f"{_name(job)}.service"] = _service(job, of)
        texts[f"{_name(job)}.timer"] = _timer(job)
    return texts


def timers(jobs: Sequence[Job]) -> list[str]:
    """Return the names of the timers, to be enabled."""
    return [f"{_name(job)}.timer" for job in jobs]


def _name(job: Job) -> str:
    return f"postreeve-{job.name}"


def _service(job: Job, of: Installation) -> str:
    written = [str(of.data), *of.further, *(of.mailboxes if job.touches_mailboxes else ())]
    paths = " ".join(_quoted(f"-{path}") for path in dict.fromkeys(written))
    sandbox = SANDBOX
    if job.touches_mailboxes:
        sandbox = sandbox.replace("CapabilityBoundingSet=\n", _REACHES_MAILBOXES)
    return f"""\
# Made by `postreeve job timers`.

[Unit]
Description=Postreeve: {job.summary}
Wants=network-online.target
After=network-online.target mariadb.service postgresql.service slapd.service

[Service]
Type=oneshot
User={of.user}
Group={of.user}
ExecStart={" ".join(map(_quoted, of.words(job)))}
UMask=0027
ReadWritePaths={paths}

# What it does not need is out of its reach.
{sandbox}"""


def _timer(job: Job) -> str:
    return f"""\
# Made by `postreeve job timers`.

[Unit]
Description=Postreeve: {job.summary}

[Timer]
OnCalendar={job.schedule.calendar}
Persistent=yes

[Install]
WantedBy=timers.target
"""


def _quoted(word: str) -> str:
    """Return a word as systemd reads it: `%` and `$` mean more, and so do blanks and quotes."""
    word = word.replace("%", "%%").replace("$", "$$")
    if any(sign in word for sign in " \t\"'\\;"):
        return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return word


def _escaped(line: str) -> str:
    """Return a command as cron reads it: `%` is the end of a line."""
    return line.replace("%", "\\%")
