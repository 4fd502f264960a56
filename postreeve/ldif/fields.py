"""The parameters of an export."""

from postreeve.fields import YES_NO, Field, FieldSet

WITH_ACCOUNTS = Field("with_accounts", YES_NO, "Export everything in the domain, too.")
EXPORT = FieldSet("export", WITH_ACCOUNTS)
