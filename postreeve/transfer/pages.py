"""Users and mail aliases from a table, and as one: what becomes of each row is shown before anything is written."""

from postreeve.errors import Code, refuse
from postreeve.transfer.fields import CSV, DRY_RUN
from postreeve.web.pages import N_, Ask, Download, Shown, View, page
from postreeve.work import LongText

KINDS = {"users": N_("Users"), "aliases": N_("Mail aliases")}
OUTCOMES = {
    "ready": ("info", N_("Will be added")), "created": ("good", N_("Added")), "exists": ("off", N_("Is there already")),
    "refused": ("bad", N_("Refused")),
}  # fmt: skip
EXAMPLES = {
    "users": "mail,name,password,quota\nann@example.com,Ann Example,A@StrongPassword2,1024",
    "aliases": 'mail,name,members\nteam@example.com,The team,"ann@example.com,bob@example.com"',
}


@page("GET /import/<kind>", title=N_("Import"))
def show_import(ask: Ask, kind: str) -> View:
    return _shown(ask, kind)


@page("POST /import/<kind>", title=N_("Import"), takes_file=True)
def import_table(ask: Ask, kind: str) -> View:
    """Show what would become of each row, and add them once that was seen."""
    table = ask.typed("file") or ask.typed(CSV.name)
    is_rehearsal = not ask.typed("sure")
    results = ask.run(
        f"POST /api/panel/import/{_known(kind)}", csv=table, **({DRY_RUN.name: "yes"} if is_rehearsal else {})
    )
    return _shown(ask, kind, table=table, results=results, is_rehearsal=is_rehearsal)


@page("GET /export/<kind>/<domain>", title=N_("Export"))
def export_table(ask: Ask, kind: str, domain: str) -> View:
    data = ask.answer(f"GET /api/panel/export/{_known(kind)}/<domain>", domain).data
    assert isinstance(data, LongText)
    return Download(f"{kind}-{domain}.csv", "text/csv", data.pieces)


def _known(kind: str) -> str:
    return kind if kind in KINDS else refuse(Code.NO_SUCH_OPERATION)


def _shown(ask: Ask, kind: str, **values: object) -> View:
    known = {"table": ask.typed(CSV.name), "results": None, "is_rehearsal": True, **values}
    about = {"kind": _known(kind), "name": KINDS[kind], "example": EXAMPLES[kind], "outcomes": OUTCOMES}
    return Shown("transfer/import.html", {**about, **known})
