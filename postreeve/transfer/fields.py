"""The parameters of a table."""

from postreeve.fields import YES_NO, Field, FieldSet, Kind

CSV = Field(
    "csv", Kind(str, {"type": "string"}, is_verbatim=True),
    "The table in CSV: a first row with the names of parameters, `mail` for the address, then one account in each row."
    " An empty cell is a parameter that is not given. Between cells stand commas, semicolons or tabs.",
    title="Table",
)  # fmt: skip
DRY_RUN = Field("dry_run", YES_NO, "Only tell what would become of each row; nothing is changed.", title="Only look")
TABLE = FieldSet("table", CSV, DRY_RUN)
