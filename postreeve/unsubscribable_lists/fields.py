"""The parameters of an unsubscribable mailing list."""

from postreeve.aliases.fields import ACCESS_POLICIES
from postreeve.fields import ADDRESS, TEXT, YES_NO, Field, FieldSet, Role, SetField, one_of
from postreeve.shapes import Attribute, Several

NAME = Field("name", TEXT, "Display name.", ldap=Attribute("cn"), also=("cn",))
ACCESS_POLICY = Field(
    "accessPolicy",
    one_of([*ACCESS_POLICIES, "allowedonly"], meaning={"allowedonly": "moderatorsonly"}),
    "Who may send to the list.", ldap=Attribute("accessPolicy"),
)  # fmt: skip
MEMBERS = SetField(
    "members", ADDRESS, "Addresses that get the mail.",
    {"members": Role.RESET, "addMember": Role.ADD, "removeMember": Role.REMOVE},
    ldap=Several(("member",)), extra="members",
)  # fmt: skip
MAILLIST = FieldSet("maillist", NAME, ACCESS_POLICY, MEMBERS)

ARCHIVE = Field("archive", YES_NO, "Without effect: only subscribable lists have an archive.")
MAILLIST_REMOVAL = FieldSet("removal", ARCHIVE)
