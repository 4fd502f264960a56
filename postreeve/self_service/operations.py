"""What people can do with their own accounts."""

from typing import TypedDict

from postreeve import credentials
from postreeve.domains.fields import USER_PREFERENCES
from postreeve.errors import Code, refuse
from postreeve.fields import Changes
from postreeve.operations import operation
from postreeve.permissions import any_admin, owner
from postreeve.self_service.fields import OLD_PASSWORD, OWN_ADMIN_PROFILE, OWN_PASSWORD, OWN_PROFILE
from postreeve.sessions.rules import keep_own_session, tried
from postreeve.spam_policy import operations as spam_policies
from postreeve.spam_policy.fields import SPAM_POLICY
from postreeve.spam_policy.store import SpamPolicy
from postreeve.users import operations as users
from postreeve.users.fields import NEW_PASSWORD
from postreeve.values import Address, Scope
from postreeve.wblist import operations as wblists
from postreeve.wblist.fields import FORMER_ENTRIES, NEW_ENTRIES
from postreeve.work import Profile, Work

CHAPTER = "Self-service"
PANEL = "Panel"
WBLIST = "/api/self-service/wblist/<direction>/<list>"


class OwnAccount(TypedDict):
    """What a user's own account holds, and what its owner may see and change."""

    mail: str
    preferences: list[str]
    quota: int
    stored_bytes: int
    stored_messages: int
    last_login: str


# Mail users


@operation("GET /api/self-service", CHAPTER, allow=owner, is_own=True)
def get_own_account(work: Work, mail: Address) -> OwnAccount:
    """Get what one's own mailbox holds, its quota in MB, and which preferences are open."""
    quota = work.users.require(mail).quota
    profile = _user(work, mail)
    closed = work.domains.closed_sections("preference", (mail.domain,))
    return OwnAccount(
        mail=mail,
        preferences=[preference for preference in (*USER_PREFERENCES, "password") if preference not in closed],
        quota=quota,
        stored_bytes=profile["stored_bytes"],
        stored_messages=profile["stored_messages"],
        last_login=profile["last_login"],
    )


@operation("GET /api/self-service/profile", CHAPTER, allow=owner, is_own=True, shows=OWN_PROFILE)
def get_own_profile(work: Work, mail: Address) -> Profile:
    """Get what one may change of one's own profile."""
    return _user(work, mail)


@operation("PUT /api/self-service/profile", CHAPTER, allow=owner, is_own=True, fields=OWN_PROFILE, event="update")
def update_own_profile(work: Work, mail: Address, changes: Changes) -> None:
    """Update one's own profile."""
    users.update_user(work, mail, changes)


@operation(
    "PUT /api/self-service/password", CHAPTER,
    allow=owner, is_own=True, fields=OWN_PASSWORD, event="update", preference="password",
)  # fmt: skip
def update_own_password(work: Work, mail: Address, changes: Changes) -> None:
    """Change one's own password; all other sessions end."""
    _change_password_of_user(work, mail, changes)


@operation(f"GET {WBLIST}", CHAPTER, allow=owner, is_own=True, preference="wblist")
def get_own_list(work: Work, mail: Address, direction: str, verdict: str) -> list[str]:
    """Get one's own white or black list in one direction."""
    return wblists.get_list(work, direction, verdict, Scope.of(mail))


@operation(
    f"POST {WBLIST}", CHAPTER,
    allow=owner, is_own=True, fields=NEW_ENTRIES, event=wblists.EVENT, claims=("mail",), preference="wblist",
)  # fmt: skip
def add_to_own_list(work: Work, mail: Address, direction: str, verdict: str, changes: Changes) -> None:
    """Add addresses to one's own white or black list; from the other of the two they are removed."""
    wblists.add_to_list(work, direction, verdict, Scope.of(mail), changes)


@operation(
    f"PUT {WBLIST}", CHAPTER,
    allow=owner, is_own=True, fields=FORMER_ENTRIES, event=wblists.EVENT, claims=("mail",), preference="wblist",
)  # fmt: skip
def remove_from_own_list(work: Work, mail: Address, direction: str, verdict: str, changes: Changes) -> None:
    """Remove addresses from one's own white or black list."""
    wblists.remove_from_list(work, direction, verdict, Scope.of(mail), changes)


@operation(
    f"DELETE {WBLIST}", CHAPTER,
    allow=owner, is_own=True, event=wblists.EVENT, claims=("mail",), preference="wblist",
)  # fmt: skip
def clear_own_list(work: Work, mail: Address, direction: str, verdict: str) -> None:
    """Remove all addresses from one's own white or black list."""
    wblists.clear_list(work, direction, verdict, Scope.of(mail))


@operation("GET /api/self-service/spampolicy", CHAPTER, allow=owner, is_own=True, preference="spampolicy")
def get_own_spam_policy(work: Work, mail: Address) -> SpamPolicy:
    """Get one's own spam policy; what it leaves to the domain's is missing."""
    return spam_policies.get_user_spam_policy(work, mail)


@operation(
    "PUT /api/self-service/spampolicy", CHAPTER,
    allow=owner, is_own=True, fields=SPAM_POLICY, event=spam_policies.EVENT, claims=("mail",), preference="spampolicy",
)  # fmt: skip
def set_own_spam_policy(work: Work, mail: Address, changes: Changes) -> None:
    """Set parts of one's own spam policy."""
    spam_policies.set_user_spam_policy(work, mail, changes)


@operation(
    "DELETE /api/self-service/spampolicy", CHAPTER,
    allow=owner, is_own=True, event=spam_policies.EVENT, claims=("mail",), preference="spampolicy",
)  # fmt: skip
def delete_own_spam_policy(work: Work, mail: Address) -> None:
    """Delete one's own spam policy; the domain's remains."""
    spam_policies.delete_user_spam_policy(work, mail)


# Admins, standalone ones and users


@operation("GET /api/panel/profile", PANEL, allow=any_admin, is_own=True, shows=OWN_ADMIN_PROFILE)
def get_own_admin_profile(work: Work, account: Address) -> Profile:
    """Get what an admin may change of the own profile."""
    if work.grant.admin.is_user:
        return _user(work, account)
    return next(work.admins.profiles([account]), None) or refuse(Code.NO_SUCH_ACCOUNT, hint=account)


@operation("PUT /api/panel/profile", PANEL, allow=any_admin, is_own=True, fields=OWN_ADMIN_PROFILE, event="update")
def update_own_admin_profile(work: Work, account: Address, changes: Changes) -> None:
    """Update an admin's own profile."""
    store = work.users if work.grant.admin.is_user else work.admins
    store.lock(account)
    if changes:
        store.update(account, None, changes)


@operation("PUT /api/panel/password", PANEL, allow=any_admin, is_own=True, fields=OWN_PASSWORD, event="update")
def update_own_admin_password(work: Work, account: Address, changes: Changes) -> None:
    """Change an admin's own password; all other sessions end."""
    if work.grant.admin.is_user:
        _change_password_of_user(work, account, changes)
        return
    _try(work, account, changes)
    password = _new_hash(work, account, changes)
    work.admins.lock(account)
    keep_own_session(work, account)
    work.admins.update(account, password, changes)


def _change_password_of_user(work: Work, mail: Address, changes: Changes) -> None:
    _try(work, mail, changes)
    password = _new_hash(work, mail, changes)
    work.users.lock(mail)
    keep_own_session(work, mail)
    work.users.update(mail, password, changes)


def _try(work: Work, account: Address, changes: Changes) -> None:
    """Refuse whoever does not know the present password, and has only found a session."""
    holder = work.users.find(account) if work.grant.actor and work.grant.actor.is_user else work.admins.find(account)
    tried(work, account, changes.get(OLD_PASSWORD) or "", holder, Code.INCORRECT_OLDPW)


def _new_hash(work: Work, account: Address, changes: Changes) -> str:
    plain = changes.get(NEW_PASSWORD) or refuse(Code.PW_EMPTY)
    return credentials.required(credentials.new_hash(work.settings, work.domains.find(account.domain), plain))


def _user(work: Work, mail: Address) -> Profile:
    return next(work.users.profiles([mail]), None) or refuse(Code.NO_SUCH_ACCOUNT, hint=mail)
