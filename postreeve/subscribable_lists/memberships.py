"""To which lists users are subscribed, as their profiles show it."""

from collections.abc import Iterator, Mapping

from postreeve.values import Address, DomainName
from postreeve.work import ListServerError, Profile, Work

KEY = "mailing_lists"


def with_lists(work: Work, profile: Profile) -> Profile:
    """Return a user's profile with the lists to which the user is subscribed."""
    return next(_shown(_of_user(work, Address(_mail(profile))), iter([profile])))


def all_with_lists(work: Work, domain: DomainName, profiles: Iterator[Profile]) -> Iterator[Profile]:
    """Return the profiles of a domain's users with the lists to which they are subscribed."""
    return _shown(_of_domain(work, domain), profiles)


def _of_user(work: Work, mail: Address) -> Mapping[str, list[str]]:
    if not (lists := _lists(work)):
        return {}
    try:
        return {mail: sorted(work.list_server.subscriptions(lists, mail))}
    except ListServerError:
        return _unknown(work)


def _of_domain(work: Work, domain: DomainName) -> Mapping[str, list[str]]:
    if not (lists := _lists(work)):
        return {}
    try:
        return work.list_server.memberships(lists, domain)
    except ListServerError:
        return _unknown(work)


def _lists(work: Work) -> list[str]:
    return work.subscribable_lists.addresses() if work.settings.mlmmj else []


def _unknown(work: Work) -> Mapping[str, list[str]]:
    """Say that lists are missing: an outage of mlmmj hides no account."""
    work.remarks.hint = f"{KEY} is empty: the mailing list service does not answer."
    return {}


def _shown(lists: Mapping[str, list[str]], profiles: Iterator[Profile]) -> Iterator[Profile]:
    for profile in profiles:
        further = lists.get(_mail(profile).lower(), [])
        yield {**profile, KEY: sorted({*profile.get(KEY, ()), *further})}


def _mail(profile: Profile) -> str:
    """Return the user's address; a directory's entry has it in a list."""
    mail: str | list[str] = profile["mail"]
    return mail if isinstance(mail, str) else mail[0]
