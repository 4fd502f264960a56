"""The parameters of the quarantine."""

from postreeve.fields import ADDRESS, Field, FieldSet, Role, SetField, one_of
from postreeve.mail_log.fields import SEARCHED

FATE = Field(
    "fate", one_of(["quarantined", "released"]),
    "What became of the mail: it waits in the quarantine, unless this says `released`.",
)  # fmt: skip
ACTION = Field("action", one_of(["release"]), "What to do with the mail; nothing but `release` as yet.")
RECIPIENTS = SetField(
    "recipients", ADDRESS, "Recipients of the mail; all whose mail one may manage if none are given.",
    {"recipients": Role.ADD},
)  # fmt: skip
LIST = Field("list", one_of(["whitelist", "blacklist"]), "The list on which to put the mail's sender.")
SCOPE = Field(
    "scope", one_of(["recipient", "domain", "global"]),
    "Whose list: each recipient's unless this says the domains' or everybody's.",
)  # fmt: skip

SEARCH = FieldSet("quarantine", FATE, *SEARCHED)
_LISTED = ((SCOPE, LIST),)
RELEASE = FieldSet("quarantine", ACTION, RECIPIENTS, LIST, SCOPE, together=_LISTED)
REMOVAL = FieldSet("quarantine", LIST, SCOPE, together=_LISTED)
