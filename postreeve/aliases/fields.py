"""The parameters of a mail alias."""

from postreeve.fields import ADDRESS, STATUS, TEXT, Field, FieldSet, Role, SetField, one_of
from postreeve.shapes import Attribute, Column, Rows

ACCESS_POLICIES = (
    "public",
    "domain",
    "subdomain",
    "membersonly",
    "moderatorsonly",
    "membersandmoderatorsonly",
)

NAME = Field("name", TEXT, "Display name.", sql=Column("name"), ldap=Attribute("cn"), also=("cn",))
ACCESS_POLICY = Field(
    "accessPolicy",
    one_of([*ACCESS_POLICIES, "allowedonly"], meaning={"allowedonly": "moderatorsonly"}),
    "Who may send to the alias.", sql=Column("accesspolicy"), ldap=Attribute("accessPolicy"),
)  # fmt: skip
ACCOUNT_STATUS = Field(
    "accountStatus", STATUS, "Switch the alias on or off: `active` or `disabled`.",
    sql=Column("active"), ldap=Attribute("accountStatus", "active", "disabled"),
)  # fmt: skip
MEMBERS = SetField(
    "members", ADDRESS, "Addresses that get the mail.",
    {"members": Role.RESET, "addMember": Role.ADD, "removeMember": Role.REMOVE},
    sql=Rows("forwardings", "address", "forwarding", {"is_list": 1}), ldap=Attribute("mailForwardingAddress"),
    extra="members",
)  # fmt: skip

ALIAS = FieldSet("alias", NAME, ACCESS_POLICY, ACCOUNT_STATUS, MEMBERS)
