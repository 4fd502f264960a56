"""The parameters that all listings share."""

from postreeve.fields import YES_NO, Field, FieldSet, whole_number

NAME_ONLY = Field("name_only", YES_NO, "Answer the names alone.")
EMAIL_ONLY = Field("email_only", YES_NO, "Answer the addresses alone.")
DISABLED_ONLY = Field("disabled_only", YES_NO, "Answer only what is disabled.")
MOST_ON_PAGE, USUAL_ON_PAGE = 500, 50
PAGE_SIZE = Field("page_size", whole_number(1, MOST_ON_PAGE), f"Most to answer at once; {USUAL_ON_PAGE} if not given.")

DOMAIN_LISTING = FieldSet("listing", NAME_ONLY, DISABLED_ONLY)
EMAIL_LISTING = FieldSet("listing", EMAIL_ONLY)
ACCOUNT_LISTING = FieldSet("listing", EMAIL_ONLY, DISABLED_ONLY)
