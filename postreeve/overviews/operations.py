"""What the panel shows of many accounts at once: overviews page by page, and a search over all of them."""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, TypedDict, cast

from msgspec import Meta

from postreeve.domains.fields import (
    ALIAS_DOMAINS,
    IS_BACKUP_MX,
    NUMBER_OF_ALIASES,
    NUMBER_OF_LISTS,
    NUMBER_OF_USERS,
    QUOTA,
)
from postreeve.errors import Code, refuse
from postreeve.fields import AnyField, Changes, Field
from postreeve.listings import PAGE_SIZE, USUAL_ON_PAGE
from postreeve.operations import operation
from postreeve.overviews.bookmarks import MOST_COUNTED, Order, Part, Wanted
from postreeve.overviews.fields import (
    ACCOUNT_STATUS,
    ACCOUNTS,
    AFTER,
    BEFORE,
    BY_ACCOUNT,
    BY_DOMAIN,
    BY_USER,
    COUNT,
    DIRECTION,
    DOMAINS,
    FINDING,
    LETTER,
    SEARCH,
    TEXT_TO_FIND,
    USERS,
)
from postreeve.overviews.store import (
    MOST_FOUND,
    AdminRow,
    AliasRow,
    Domain,
    DomainRow,
    Found,
    ListKind,
    ListRow,
    UserRow,
)
from postreeve.permissions import admin_of_its_domain, any_admin, global_admin
from postreeve.values import DomainName
from postreeve.work import Work

CHAPTER = "Panel"
_IN_SECTIONS: Mapping[str, AnyField] = {
    "quota": QUOTA, "most_users": NUMBER_OF_USERS, "most_aliases": NUMBER_OF_ALIASES, "most_lists": NUMBER_OF_LISTS,
    "is_backup_mx": IS_BACKUP_MX, "alias_domains": ALIAS_DOMAINS,
}  # fmt: skip
"""What a domain's row shows of parameters whose sections can be closed."""


class Page(TypedDict):
    """Where the pages beside this one begin, empty where there is none, and how many rows all pages have."""

    previous: Annotated[str, Meta(description="For `before`.")]
    next: Annotated[str, Meta(description="For `after`.")]
    total: NotRequired[Annotated[int, Meta(description="Only with `count`.")]]
    is_total_exact: NotRequired[Annotated[bool, Meta(description=f"False: there are more than {MOST_COUNTED}.")]]


class DomainPage(Page):
    """A page of the overview of domains."""

    rows: list[DomainRow]


class UserPage(Page):
    """A page of the overview of users."""

    rows: list[UserRow]


class AliasPage(Page):
    """A page of the overview of mail aliases."""

    rows: list[AliasRow]


class ListPage(Page):
    """A page of the overview of mailing lists."""

    rows: list[ListRow]
    kinds: Annotated[list[ListKind], Meta(description="Those that there can be.")]


class AdminPage(Page):
    """A page of the overview of admins."""

    rows: list[AdminRow]


class Findings(TypedDict):
    """What was found; there may be more of a kind than are shown."""

    found: list[Found]
    is_complete: bool


@operation("GET /api/panel/domains", CHAPTER, allow=any_admin, fields=DOMAINS)
def overview_of_domains(work: Work, changes: Changes) -> DomainPage:
    """Get a page of the domains that one administers."""
    part = work.overviews.domains(_wanted(changes, BY_DOMAIN), work.grant.domains)
    waiting: dict[str, list[str]] = {domain.row["domain"].lower(): [] for domain in part.rows}
    for proof in work.ownership.awaited(waiting):
        waiting[proof.domain.lower()].append(proof.name)
    rows = [_open_part(work, domain, waiting[domain.row["domain"].lower()]) for domain in part.rows]
    return {"rows": rows, **_beside(part)}


@operation("GET /api/panel/users/<domain>", CHAPTER, allow=admin_of_its_domain, fields=USERS)
def overview_of_users(work: Work, domain: DomainName, changes: Changes) -> UserPage:
    """Get a page of the users of a domain."""
    work.domains.require(domain)
    part = work.overviews.users(domain, _wanted(changes, BY_USER))
    return {"rows": part.rows, **_beside(part)}


@operation("GET /api/panel/aliases/<domain>", CHAPTER, allow=admin_of_its_domain, fields=ACCOUNTS)
def overview_of_aliases(work: Work, domain: DomainName, changes: Changes) -> AliasPage:
    """Get a page of the mail aliases of a domain."""
    work.domains.require(domain)
    part = work.overviews.aliases(domain, _wanted(changes, BY_ACCOUNT))
    return {"rows": part.rows, **_beside(part)}


@operation("GET /api/panel/lists/<domain>", CHAPTER, allow=admin_of_its_domain, fields=ACCOUNTS)
def overview_of_lists(work: Work, domain: DomainName, changes: Changes) -> ListPage:
    """Get a page of the mailing lists of a domain, of both kinds."""
    work.domains.require(domain)
    part = work.overviews.lists(domain, _wanted(changes, BY_ACCOUNT))
    kinds: list[ListKind] = ["subscribable", "unsubscribable"] if work.settings.ldap else ["subscribable"]
    return {"rows": part.rows, "kinds": kinds, **_beside(part)}


@operation("GET /api/panel/admins", CHAPTER, allow=global_admin, fields=ACCOUNTS)
def overview_of_admins(work: Work, changes: Changes) -> AdminPage:
    """Get a page of everybody who administers something, users among them."""
    part = work.overviews.admins(_wanted(changes, BY_ACCOUNT))
    return {"rows": part.rows, **_beside(part)}


@operation("GET /api/panel/search", CHAPTER, allow=any_admin, fields=FINDING)
def search_accounts(work: Work, changes: Changes) -> Findings:
    """Find accounts and domains among those that one administers, by address, alias address or name."""
    text = changes.get(TEXT_TO_FIND) or refuse(Code.MISSING_PARAMETER, hint=TEXT_TO_FIND.name)
    found = work.overviews.find(text.lower(), work.grant.domains)
    shown, numbers = [], dict.fromkeys((each["kind"] for each in found), 0)
    for each in found:
        numbers[each["kind"]] += 1
        if numbers[each["kind"]] <= MOST_FOUND:
            shown.append(each)
    return {"found": shown, "is_complete": len(shown) == len(found)}


def _wanted(changes: Changes, sort: Field[Order]) -> Wanted:
    order = changes.get(sort) or Order.ADDRESS
    after, before = changes.get(AFTER), changes.get(BEFORE)
    bookmark = after or before
    if bookmark and bookmark.order != order:
        refuse(Code.INVALID_VALUE, hint=f"{'after' if after else 'before'}: a page in another order than this.")
    return Wanted(
        order=order,
        is_descending=bool(changes.get(DIRECTION)),
        size=changes.get(PAGE_SIZE) or USUAL_ON_PAGE,
        text=(changes.get(SEARCH) or "").lower(),
        letter=(changes.get(LETTER) or "").lower(),
        is_active=changes.get(ACCOUNT_STATUS),
        bookmark=bookmark,
        is_before=before is not None,
        is_counted=bool(changes.get(COUNT)),
    )


def _beside(part: Part[Any]) -> Page:
    page: Page = {"previous": str(part.previous or ""), "next": str(part.next or "")}
    if part.total is not None:
        page["total"] = min(part.total, MOST_COUNTED)
        page["is_total_exact"] = part.total <= MOST_COUNTED
    return page


def _open_part(work: Work, domain: Domain, waiting: list[str]) -> DomainRow:
    """Return a domain's row without what is in sections that are closed to the asker."""
    is_global = work.grant.admin.is_global
    hidden = {key for key, of in _IN_SECTIONS.items() if of.section in domain.closed and not is_global}
    names = [name for name in waiting if name == domain.row["domain"].lower() or "alias_domains" not in hidden]
    row = {**domain.row, "waiting": sorted(names)}
    return cast("DomainRow", {key: value for key, value in row.items() if key not in hidden})
