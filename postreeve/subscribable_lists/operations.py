"""What can be done with subscribable mailing lists."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from postreeve.addresses.rules import require_free, require_own_domains, require_reachable
from postreeve.errors import Code, refuse
from postreeve.fields import Changes, SetField
from postreeve.limits import room_for_list
from postreeve.listings import EMAIL_LISTING, EMAIL_ONLY
from postreeve.operations import operation
from postreeve.permissions import admin_of_its_domain
from postreeve.subscribable_lists import rules
from postreeve.subscribable_lists.fields import (
    CONFIRMED,
    EXTRA_ADDRESSES,
    KEEP_ARCHIVE,
    LIST,
    MAX_SIZE,
    MEMBERS_ONLY,
    MODERATORS,
    MODERATORS_ONLY,
    NAME,
    NEW_LIST,
    NEW_SUBSCRIBERS,
    OWNERS,
    POLICY,
    QUESTION,
    REMOVAL,
    SUBSCRIBERS,
    SUBSCRIPTION_MODERATORS,
    VERSION,
    WITH_SUBSCRIBERS,
)
from postreeve.subscribable_lists.store import ListSettings, MailingList, Version
from postreeve.values import Address, DomainName
from postreeve.work import Profile, Streamed, Work

CHAPTER = "Subscribable Mailing List"


@operation("GET /api/ml/<mail>", CHAPTER, allow=admin_of_its_domain, fields=QUESTION, shows=LIST)
def get_mailing_list(work: Work, mail: Address, changes: Changes) -> Profile | Streamed:
    """Get the profile of a mailing list."""
    profile = next(_profiles(work, mail.domain, [mail]), None) or refuse(Code.NO_SUCH_ACCOUNT, hint=mail)
    if changes.get(WITH_SUBSCRIBERS):
        is_there = work.list_server.settings(mail) is not None
        return Streamed(profile, "subscribers", work.list_server.subscribers(mail) if is_there else iter(()))
    return profile


@operation("GET /api/mls/<domain>", CHAPTER, allow=admin_of_its_domain, fields=EMAIL_LISTING, shows=LIST)
def list_mailing_lists(work: Work, domain: DomainName, changes: Changes) -> Iterator[Profile] | list[str]:
    """Get the profiles of all mailing lists of a domain."""
    work.domains.require(domain)
    mails = work.subscribable_lists.addresses(domain)
    return mails if changes.get(EMAIL_ONLY) else _profiles(work, domain, mails)


@operation(
    "POST /api/ml/<mail>", CHAPTER,
    allow=admin_of_its_domain, fields=NEW_LIST, event="create", claims=("mail",), is_account=False,
)  # fmt: skip
def create_mailing_list(work: Work, mail: Address, changes: Changes) -> None:
    """Add a mailing list."""
    _require_name(mail)
    _drop_itself(mail, changes)
    domain = work.domains.lock(mail.domain)
    extra = changes.of(EXTRA_ADDRESSES)
    new = extra.named() if extra else frozenset()
    require_free(work, [mail])
    _check_addresses(work, mail, changes, new)
    room_for_list(work, domain, work.subscribable_lists.count)
    alias_domains = work.domains.alias_domains(domain.name)
    policy = rules.access(changes, None)
    settings = {**rules.DEFAULTS, **rules.resolved(mail, changes, policy, rules.DEFAULTS, alias_domains)}
    rules.require_others(mail, changes, rules.DEFAULTS, settings)
    work.subscribable_lists.create(
        mail, _with_policy(changes, policy), _people(settings, OWNERS), _people(settings, MODERATORS)
    )
    server = work.list_server
    server.create(mail, settings)
    work.undo(lambda: server.remove(mail, is_kept=False))
    if subscribers := changes.of(NEW_SUBSCRIBERS):
        server.subscribe(mail, subscribers.add, _version(changes), has_to_confirm=_has_to_confirm(changes))


@operation("PUT /api/ml/<mail>", CHAPTER, allow=admin_of_its_domain, fields=LIST, event="update", is_account=False)
def update_mailing_list(work: Work, mail: Address, changes: Changes) -> None:
    """Update the profile of a mailing list, and its subscribers."""
    stored = work.subscribable_lists.lock(mail)
    _drop_itself(mail, changes)
    extra = changes.of(EXTRA_ADDRESSES)
    _check_addresses(
        work, mail, changes, extra.named() - work.subscribable_lists.extra_addresses(mail) if extra else ()
    )
    server = work.list_server
    alias_domains = work.domains.alias_domains(mail.domain)
    known = server.settings(mail)
    current = known or _recovered(work, mail, stored, alias_domains)
    policy = rules.access(changes, stored.access_policy)
    settings = rules.resolved(mail, changes, policy, current, alias_domains)
    if changes:
        rules.require_others(mail, changes, current, settings)
        owners = _people(settings, OWNERS) if OWNERS.name in settings else None
        moderators = _people(settings, MODERATORS) if MODERATORS.name in settings else None
        work.subscribable_lists.update(mail, _with_policy(changes, policy), owners, moderators)
    if known is None:
        server.create(mail, {**current, **settings})
    elif changed := {name: value for name, value in settings.items() if current.get(name) != value}:
        server.write(mail, changed)
        work.undo(lambda: server.write(mail, {name: current[name] for name in changed}))
    if change := changes.of(SUBSCRIBERS):
        if change.remove:
            server.unsubscribe(mail, change.remove)
        if change.add:
            server.subscribe(mail, change.add, _version(changes), has_to_confirm=_has_to_confirm(changes))


@operation(
    "DELETE /api/ml/<mail>", CHAPTER,
    allow=admin_of_its_domain, fields=REMOVAL, event="delete", frees=("mail",), is_account=False,
)  # fmt: skip
def delete_mailing_list(work: Work, mail: Address, changes: Changes) -> None:
    """Delete a mailing list; its mails and settings go to the archive."""
    work.subscribable_lists.lock(mail)
    work.pending.forget(mail)
    work.pending.remove_list(mail, is_kept=changes.get(KEEP_ARCHIVE) is not False)
    work.subscribable_lists.delete(mail)


def _profiles(work: Work, domain: DomainName, mails: Iterable[str]) -> Iterator[Profile]:
    """Yield what the accounts know of a domain's lists with what mlmmj knows."""
    alias_domains = work.domains.alias_domains(domain)
    for profile in work.subscribable_lists.profiles(mails):
        mail = Address(profile["mail"])
        settings = work.list_server.settings(mail)
        if settings is None:
            settings = _recovered(work, mail, work.subscribable_lists.require(mail), alias_domains)
        shown = {name: _shown(value) for name, value in {**rules.NOTHING, **settings}.items()}
        in_alias_domains = set(rules.further_addresses(mail, (), alias_domains))
        extra = _people(settings, EXTRA_ADDRESSES)
        shown[EXTRA_ADDRESSES.name] = [address for address in extra if address not in in_alias_domains]
        yield {**shown, **profile}


def _recovered(work: Work, mail: Address, stored: MailingList, alias_domains: Collection[str]) -> ListSettings:
    """Return what the accounts know of a list whose directory is lost."""
    lists = work.subscribable_lists
    policy = stored.access_policy if stored.access_policy in rules.POLICIES else rules.PUBLIC
    moderators_only, members_only = rules.POLICIES[policy]
    return {
        **rules.DEFAULTS, MODERATORS_ONLY.name: moderators_only, MEMBERS_ONLY.name: members_only,
        NAME.name: stored.name, MAX_SIZE.name: stored.max_message_size,
        EXTRA_ADDRESSES.name: rules.further_addresses(mail, lists.extra_addresses(mail), alias_domains),
        OWNERS.name: lists.owners(mail), MODERATORS.name: lists.moderators(mail),
    }  # fmt: skip


def _shown(value: object) -> object:
    match value:
        case bool():
            return "yes" if value else "no"
        case tuple():
            return list(value)
        case str():
            return value.removesuffix("\n")
        case _:
            return str(value or "")


def _require_name(mail: Address) -> None:
    """Refuse a name that mlmmj can not have: it is a directory's, and a plus sign begins a command."""
    mail.require_own()
    if set("+/=&'~#") & set(mail.local_part):
        refuse(Code.INVALID_MAIL, hint=mail)


def _drop_itself(mail: Address, changes: Changes) -> None:
    """Leave out the list among its further addresses, where mlmmjadmin's clients may name it."""
    if extra := changes.of(EXTRA_ADDRESSES):
        changes.values[EXTRA_ADDRESSES.name] = replace(extra, reset=extra.named() - {mail})


def _check_addresses(work: Work, mail: Address, changes: Changes, extra: Collection[Address]) -> None:
    """Refuse further addresses that are not free or not ours, and people whom an admin may not name."""
    require_free(work, extra, mail)
    require_own_domains(work, mail.domain, extra)
    named = {person for of in (OWNERS, MODERATORS, SUBSCRIPTION_MODERATORS) if (set_ := changes.of(of))
             for person in set_.named()}  # fmt: skip
    require_reachable(work, named, work.grant.admin)


def _with_policy(changes: Changes, policy: str | None) -> Changes:
    """Return the changes with the access policy that follows from them."""
    if policy is None:
        return changes
    fields = [of for of in changes.fields if of.name != POLICY.name]
    return Changes({**changes.values, POLICY.name: policy}, [*fields, POLICY])


def _people(settings: ListSettings, of: SetField[Address]) -> tuple[str, ...]:
    value = settings.get(of.name)
    return value if isinstance(value, tuple) else ()


def _version(changes: Changes) -> Version:
    return changes.get(VERSION) or "normal"


def _has_to_confirm(changes: Changes) -> bool:
    return changes.get(CONFIRMED) is not False
