"""The kinds of accounts that tables hold."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from postreeve import profiles
from postreeve.aliases.fields import ALIAS
from postreeve.fields import AnyField, FieldSet
from postreeve.profiles import Texts
from postreeve.users import profile as user_profile
from postreeve.users.fields import NEW_PASSWORD, PASSWORD_HASH, USER
from postreeve.work import Profile


@dataclass(frozen=True)
class AccountKind:
    """Accounts of one kind, with the operations that a table of them is made of."""

    create: str
    listing: str
    fields: FieldSet
    texts: Callable[[Profile], Texts]
    """What a profile says about the fields."""
    secrets: Collection[AnyField] = ()
    """What is never written."""

    @property
    def columns(self) -> Mapping[str, str]:
        """What a column may be called, by its spelling in small letters."""
        return {name.lower(): name for of in self.fields for name in of.names} | {MAIL: MAIL}

    def written(self, *, for_global_admin: bool) -> list[AnyField]:
        """Return the fields that a written table has: what whoever gets it may set."""
        return [of for of in self.fields if of not in self.secrets and (for_global_admin or not of.only_global)]


MAIL = "mail"
"""The column with the address."""
USERS = AccountKind(
    "POST /api/user/<mail>", "GET /api/users/<domain>", USER, user_profile.texts, (NEW_PASSWORD, PASSWORD_HASH)
)
ALIASES = AccountKind(
    "POST /api/alias/<mail>",
    "GET /api/aliases/<domain>",
    ALIAS,
    lambda profile: profiles.texts(ALIAS, profile, {}),
)
