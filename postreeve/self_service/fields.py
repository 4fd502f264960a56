"""The parameters of people's own accounts."""

from postreeve.admins.fields import ADMIN_LANGUAGE, ADMIN_TIME_ZONE
from postreeve.admins.fields import NAME as ADMIN_NAME
from postreeve.fields import PRESENT_PASSWORD, Field, FieldSet
from postreeve.shapes import Several
from postreeve.users.fields import NEW_PASSWORD, USER

OLD_PASSWORD = Field(
    "oldPassword", PRESENT_PASSWORD, "The present password, in plain text.", title="Present password",
    preference="password", sql=Several(()), ldap=Several(()),
)  # fmt: skip

OWN_PROFILE = FieldSet("own", *(of for of in USER if of.preference and of is not NEW_PASSWORD))
"""What users may change of their own accounts, as far as their domain lets them."""
OWN_ADMIN_PROFILE = FieldSet("panel", ADMIN_NAME, ADMIN_LANGUAGE, ADMIN_TIME_ZONE)
"""What admins may change of their own accounts; those of users are stored alike."""
OWN_PASSWORD = FieldSet("password", OLD_PASSWORD, NEW_PASSWORD)
