"""The parameters of the verification of ownership."""

from postreeve.fields import DOMAIN, YES_NO, Field, FieldSet

ALIAS_DOMAIN = Field("aliasDomain", DOMAIN, "Which of the domain's alias domains; the domain itself if not given.")
WITHOUT_PROOF = Field(
    "without_proof", YES_NO, "Whether to believe it without a look at the DNS and the web server.", only_global=True
)
VERIFICATION = FieldSet("verification", ALIAS_DOMAIN, WITHOUT_PROOF)
