"""What the doctor can do: look at all stores, and mend one account."""

from collections.abc import Callable, Collection, Container, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import chain, groupby
from typing import Any, TypedDict

from postreeve.activity.operations import GRACE_SECONDS
from postreeve.doctor.findings import Ailment, Finding
from postreeve.doctor.store import PolicyHolders
from postreeve.errors import Code, Refused, refuse
from postreeve.operations import operation
from postreeve.passwords.stored import read
from postreeve.permissions import global_admin
from postreeve.values import Address, DomainName, Scope
from postreeve.work import StoreUnavailableError, Work

AT_ONCE = 512
"""Names that are looked for together."""
_BCRYPT = "{BCRYPT}"


class Told(TypedDict):
    """A finding as the API tells it."""

    ailment: str
    name: str
    sentence: str
    remedy: str
    is_note: bool


@operation("GET /api/doctor", "Doctor", allow=global_admin)
def examine(work: Work) -> list[Told]:
    """Look for what is wrong in the stores; nothing is changed."""
    return [
        Told(
            ailment=found.ailment.value, name=found.name, sentence=found.sentence, remedy=found.remedy,
            is_note=found.is_note,
        )
        for found in findings(work)
    ]  # fmt: skip


@operation(
    "POST /api/doctor/<ailment>/<scope>", "Doctor",
    allow=global_admin, event="mend", claims=("scope",), is_account=False,
)  # fmt: skip
def mend(work: Work, ailment: str, scope: Scope) -> None:
    """Mend what is wrong with one account, where that is safe; what is whole stays as it is."""
    place = scope.place
    match Ailment(ailment), place:
        case Ailment.OUT_OF_STEP, DomainName():
            work.domains.lock(place)
            work.pending.align(place)
        case Ailment.POLICY_OF_NOBODY, Address():
            if _nobodys(work, [place]):
                for holders in _policy_holders(work):
                    holders.forget(place)
        case ((Ailment.OWN_FORWARDING | Ailment.FORWARDING_STATUS), Address()):
            may_switch_off = not _has_catch_all(work, place.domain)
            work.inspection.give_own_forwarding(place, may_switch_off=may_switch_off)
        case Ailment.RIGHTS_OF_NOBODY, Address():
            work.inspection.withdraw_rights(place)
        case Ailment.NAME_OF_BCRYPT, Address():
            work.inspection.rename_bcrypt(place)
        case Ailment.LEFT_BEHIND, Address() | DomainName():
            work.inspection.forget_left_behind(place)
        case _:
            refuse(Code.INVALID_ACCOUNT, hint=scope.name)


def findings(work: Work) -> Iterator[Finding]:
    """Yield everything that is wrong, one kind after the other."""
    return chain.from_iterable(
        look(work)
        for look in (_forwardings, _rights, _collisions, _passwords, _remains, _policies, _lists, _pending)
    )  # fmt: skip


def _forwardings(work: Work) -> Iterator[Finding]:
    is_caught = cache(partial(_has_catch_all, work))
    for mail, is_on, has_own in work.inspection.forwardings_amiss():
        if has_own and is_on:
            sentence = f"{mail} is switched on, and its forwarding row is off."
            yield Finding(Ailment.FORWARDING_STATUS, mail, sentence)
        elif has_own:
            sentence = f"{mail} is switched off, and its forwarding row is on."
            if is_for_people := is_caught(DomainName(mail.rpartition("@")[2].lower())):
                sentence = f"{sentence[:-1]}: the mail comes back. With the row off it falls to the catch-all."
            yield Finding(Ailment.FORWARDING_STATUS, mail, sentence, is_for_people=is_for_people)
        else:
            sentence = f"{mail} has no forwarding row of its own: the mail falls to the catch-all, or comes back."
            yield Finding(Ailment.OWN_FORWARDING, mail, sentence)
    for name in work.inspection.out_of_step():
        sentence = f"Accounts of {name} do not follow its status or its alias domains."
        yield Finding(Ailment.OUT_OF_STEP, name, sentence)


def _rights(work: Work) -> Iterator[Finding]:
    for account in work.inspection.admins_without_domains():
        yield Finding(Ailment.ADMIN_WITHOUT_DOMAINS, account, f"{account} is an admin, and administers nothing.")
    for account, rights in groupby(work.inspection.rights_of_nobody(), key=lambda right: right.account):
        several = list(rights)
        domains = ", ".join(right.domain for right in several)
        reason = "there is no such domain" if several[0].is_account else "there is no such account"
        yield Finding(Ailment.RIGHTS_OF_NOBODY, account, f"{account} administers {domains}, and {reason}.")


def _collisions(work: Work) -> Iterator[Finding]:
    for name, holders in groupby(work.inspection.colliding(), key=lambda holder: holder.name):
        words = [f"{holder.kind}{f' of {holder.account}' if holder.account else ''}" for holder in holders]
        yield Finding(Ailment.COLLISION, name, f"{name} is more than one thing: {', '.join(words)}.")
    within = [Address(account.lower()) for account in work.admins.addresses()]
    hosted = work.addresses.hosted({account.domain for account in within})
    for account in within:
        if account.domain in hosted:
            sentence = f"The standalone admin {account} lies in {account.domain}, which is hosted here."
            yield Finding(Ailment.COLLISION, account, sentence)


def _passwords(work: Work) -> Iterator[Finding]:
    for account, stored in work.inspection.passwords():
        if stored[: len(_BCRYPT)].upper() == _BCRYPT and read("{CRYPT}" + stored[len(_BCRYPT) :]):
            sentence = f"The password of {account} is called {{BCRYPT}}, a name that Dovecot does not know."
            yield Finding(Ailment.NAME_OF_BCRYPT, account, sentence)
        elif read(stored) is None:
            words = "is stored in a form that Dovecot does not read" if stored else "is empty"
            yield Finding(Ailment.PASSWORD, account, f"The password of {account} {words}: nobody can log in with it.")


def _remains(work: Work) -> Iterator[Finding]:
    for name, words in work.inspection.strays():
        yield Finding(Ailment.STRAY, name, f"{name} {words}.")
    for name, words in work.inspection.unreachable():
        yield Finding(Ailment.UNREACHABLE, name, f"{name} {words}.")
    for name, pairs in groupby(sorted(set(work.inspection.left_behind())), key=lambda pair: pair[0]):
        tables = ", ".join(table for _, table in pairs)
        yield Finding(Ailment.LEFT_BEHIND, name, f"{name} is gone, and still stands in {tables}.")


# Policies, lists and pending work


def _policies(work: Work) -> Iterator[Finding]:
    for holders in _policy_holders(work):
        try:
            receiving, sending = set(holders.receiving()), set(holders.sending())
        except StoreUnavailableError as error:
            yield Finding(Ailment.STORE, "policies", f"A database of policies does not answer: {_in_line(error)}")
            continue
        names = sorted(receiving | sending)
        for start in range(0, len(names), AT_ONCE):
            yield from _of_nobody(work, names[start : start + AT_ONCE], receiving, sending)


def _policy_holders(work: Work) -> list[PolicyHolders]:
    """Return who has policies, in those databases that the site has."""
    found: list[PolicyHolders] = []
    wanted: tuple[Callable[[], PolicyHolders], ...] = (lambda: work.amavisd_holders, lambda: work.iredapd_holders)
    for holders in wanted:
        try:
            found.append(holders())
        except Refused as no:
            if no.codes != (Code.NOT_AVAILABLE,):
                raise
    return found


def _of_nobody(
    work: Work, names: Collection[str], receiving: Container[str], sending: Container[str]
) -> Iterator[Finding]:
    accounts = [name for name in names if not name.startswith("@")]
    for name in _nobodys(work, accounts):
        if name in receiving:
            yield Finding(Ailment.POLICY_OF_NOBODY, name, f"There are policies for {name}, and no such address.")
        if name in sending:
            sentence = f"There are policies for mail from {name}, which is no address here: programs may send so."
            yield Finding(Ailment.POLICY_OF_NOBODY, name, sentence, is_note=True)
    domains = {name.removeprefix("@").lower() for name in names if name.startswith("@")}
    for domain in sorted(domains - set(work.addresses.hosted(domains))):
        sentence = f"There are policies for {domain}, which is not hosted here."
        yield Finding(Ailment.POLICY_OF_NOBODY, f"@{domain}", sentence, is_note=True)


def _nobodys(work: Work, names: Collection[str]) -> list[str]:
    """Return addresses in hosted domains that nobody has, with an extension or in an alias domain either."""
    primary = work.addresses.hosted({Address(name).domain for name in names})
    knowing = {name for name in set(primary.values()) if _knows_its_addresses(work, name)}
    spellings: dict[str, set[str]] = {}
    for address in map(Address, names):
        if (target := primary.get(address.domain)) in knowing:
            plain = address.without_extension(work.settings.recipient_delimiters)
            spellings[address] = {
                address, plain, f"{address.local_part}@{target}", f"{plain.local_part}@{target}",
            }  # fmt: skip
    taken = work.addresses.taken({spelling for several in spellings.values() for spelling in several})
    return sorted(address for address, several in spellings.items() if not several & taken.keys())


def _knows_its_addresses(work: Work, name: DomainName) -> bool:
    """Tell whether mail to an address that nobody has comes back: no catch-all takes it, and no other server."""
    domain = work.domains.find(name)
    return domain is not None and not domain.is_backup_mx and not _has_catch_all(work, name)


def _has_catch_all(work: Work, name: DomainName) -> bool:
    return bool(work.addresses.taken({name, f"@{name}"}))


def _lists(work: Work) -> Iterator[Finding]:
    if not work.settings.mlmmj:
        return
    try:
        accounts = work.subscribable_lists.addresses()
        for mail in accounts:
            if work.list_server.settings(mail) is None:
                sentence = f"mlmmj does not know the mailing list {mail}: its mail comes back."
                yield Finding(Ailment.LIST_WITHOUT_FILES, mail, sentence)
        for mail in sorted(set(work.list_server.known()) - set(accounts)):
            sentence = f"mlmmj has a mailing list {mail}, for which there is no account: nobody can write to it."
            yield Finding(Ailment.FILES_WITHOUT_LIST, mail, sentence)
    except StoreUnavailableError as error:
        yield Finding(Ailment.STORE, "mlmmj", f"The mailing lists can not be looked at: {_in_line(error)}")


def _pending(work: Work) -> Iterator[Finding]:
    for step in work.pending.all():
        yield Finding(Ailment.PENDING, step.name, f"Something is pending in {step}.")
    before = datetime.now(UTC) - timedelta(seconds=GRACE_SECONDS)
    for intent in work.activity.unsettled(f"{before:%Y-%m-%d %H:%M:%S}"):
        sentence = f"A line of the activity log is not settled: {intent.msg}"
        yield Finding(Ailment.PENDING, intent.username or intent.domain, sentence)


def _in_line(error: Any) -> str:  # noqa: ANN401 - whatever a store says
    return " ".join(str(error).split())
