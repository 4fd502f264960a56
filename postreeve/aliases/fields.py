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

POLICY_TITLES = {
    "public": "Everybody", "domain": "Everybody in the domain", "subdomain": "Everybody in the domain and below",
    "membersonly": "Members", "moderatorsonly": "Moderators", "membersandmoderatorsonly": "Members and moderators",
    "allowedonly": "Moderators (old word)",
}  # fmt: skip

NAME = Field(
    "name", TEXT, "Display name.", sql=Column("name"), ldap=Attribute("cn"), also=("cn",), title="Display name"
)
ACCESS_POLICY = Field(
    "accessPolicy",
    one_of([*ACCESS_POLICIES, "allowedonly"], meaning={"allowedonly": "moderatorsonly"}, titles=POLICY_TITLES),
    "Who may send to the alias.", sql=Column("accesspolicy"), ldap=Attribute("accessPolicy"),
    title="Who may send",
)  # fmt: skip
ACCOUNT_STATUS = Field(
    "accountStatus", STATUS, "Switch the alias on or off: `active` or `disabled`.",
    sql=Column("active"), ldap=Attribute("accountStatus", "active", "disabled"),
    title="Status",
)  # fmt: skip
MEMBERS = SetField(
    "members", ADDRESS, "Addresses that get the mail.",
    {"members": Role.RESET, "addMember": Role.ADD, "removeMember": Role.REMOVE},
    sql=Rows("forwardings", "address", "forwarding", {"is_list": 1}), ldap=Attribute("mailForwardingAddress"),
    extra="members",
    title="Members",
)  # fmt: skip

ALIAS = FieldSet("alias", NAME, ACCESS_POLICY, ACCOUNT_STATUS, MEMBERS)
