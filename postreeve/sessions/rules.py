"""How often a password may be tried, and which session lives on when it changes."""

import time
from ipaddress import ip_address, ip_network
from typing import Protocol, TypeVar

from postreeve import credentials
from postreeve.errors import Code, refuse
from postreeve.values import Address
from postreeve.work import Work

FAILURE_SECONDS = 600


class Holder(Protocol):
    """Somebody with a password, whose hash is stored."""

    @property
    def password(self) -> str: ...


H = TypeVar("H", bound=Holder)


def tried(work: Work, account: Address, password: str, holder: H | None, code: Code) -> H:
    """Return whose password it is, or refuse: with the code, or after too many failures without trying it.

    Somebody who is not there costs the same hashing.
    """
    network = network_of(work.client)
    _slow_down(work, account, network)
    if not credentials.is_right(work.settings, password, holder.password if holder else None, account) or not holder:
        work.sessions.note_failure(account, network)
        refuse(code)
    return holder


def _slow_down(work: Work, account: str, network: str) -> None:
    """Refuse further attempts for a while, whether there is such an account or not."""
    now = int(time.time())
    failures = work.sessions.failures(account, network, now - FAILURE_SECONDS)
    settings = work.settings
    if failures.of_account >= settings.login_failures_per_account:
        refuse(Code.TOO_MANY_ATTEMPTS, retry_after=max(failures.of_account_since + FAILURE_SECONDS - now, 1))
    if failures.of_network >= settings.login_failures_per_network:
        refuse(Code.TOO_MANY_ATTEMPTS, retry_after=max(failures.of_network_since + FAILURE_SECONDS - now, 1))


def network_of(client: str) -> str:
    """Return the network that attempts are counted for: /24 of IPv4, /64 of IPv6."""
    address = ip_address(client)
    return str(ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False))


def keep_own_session(work: Work, account: Address) -> None:
    """Let this session live on though the account's own password changes; all others of it end."""
    kind = work.kind if work.grant.admin.is_admin else work.kind.of_users
    if work.token and (known := work.sessions.login(account, kind)):
        work.sessions.follow(account, known.stamp, kind, only=work.token)
