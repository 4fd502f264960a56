"""The parameter of white and black lists."""

from postreeve.fields import FieldSet, Kind, Role, SetField
from postreeve.patterns import Pattern
from postreeve.shapes import Several

ENTRY = Kind(Pattern.parse, {"type": "string"})
_SENTENCE = (
    "IP addresses, networks, e-mail addresses, domains as `@ex.com`, domains with all below them as `@.ex.com`, "
    "or everybody as `@.`."
)

NEW_ADDRESSES = SetField("addresses", ENTRY, _SENTENCE, {"addresses": Role.ADD}, discards_invalid=True, sql=Several(()))
FORMER_ADDRESSES = SetField(
    "addresses", ENTRY, _SENTENCE, {"addresses": Role.REMOVE}, discards_invalid=True, sql=Several(())
)

NEW_ENTRIES = FieldSet("wblist", NEW_ADDRESSES)
FORMER_ENTRIES = FieldSet("wblist", FORMER_ADDRESSES)
