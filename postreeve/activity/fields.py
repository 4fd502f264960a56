"""What may be asked of the activity log."""

import re
from datetime import datetime

from postreeve.errors import Code, refuse
from postreeve.fields import ADDRESS, DOMAIN, TEXT, Field, FieldSet, Kind, Role, SetField, text
from postreeve.listings import PAGE_SIZE

_DAY, _SECONDS = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"
_PLACE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?)/(\d{1,18})", re.ASCII)


def _moment(last_second: str) -> Kind[str]:
    """Return the kind of moments in UTC; a day alone is its beginning, or its end."""

    def parse(given: str) -> str:
        whole = f"{given} {last_second}" if re.fullmatch(r"\d{4}-\d\d-\d\d", given) else given
        return _checked(whole, "A day, or a moment in UTC, as YYYY-MM-DD HH:MM:SS.")

    return Kind(parse, {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?$"})


def _checked(moment: str, hint: str) -> str:
    try:
        return datetime.strptime(moment, _SECONDS).isoformat(" ")  # noqa: DTZ007 - all times of the log are UTC
    except ValueError:
        refuse(Code.INVALID_VALUE, hint=hint)


def _place(given: str) -> str:
    hint = "What the page before has answered as next."
    if not (found := _PLACE.fullmatch(given)):
        refuse(Code.INVALID_VALUE, hint=hint)
    _checked(found[1].partition(".")[0], hint)
    return given


ADMIN = Field("admin", ADDRESS, "Who did it.", title="Admin")
OF_DOMAIN = Field("domain", DOMAIN, "The domain that it concerned.", title="Domain")
ACCOUNT = Field("account", ADDRESS, "The account that it concerned.", title="Account")
EVENT = Field(
    "event", text(20, "^[a-z_]*$", "One word, such as create."), "What happened, such as `create`.", title="Event"
)
IP = Field(
    "ip",
    text(40, "^[0-9A-Fa-f:.]*$", "An address."),
    "The client's address; by it domain admins find nothing but their own lines.",
    title="Client",
)
SINCE = Field("from", _moment("00:00:00"), "The first day, or moment in UTC, that counts.", title="From")
UNTIL = Field("to", _moment("23:59:59"), "The last day, or moment in UTC, that counts.", title="To")
IN_TEXT = Field("search", TEXT, "A text that stands in the line's own.", title="Text")
AFTER = Field(
    "after", Kind(_place, {"type": "string", "pattern": f"^{_PLACE.pattern}$"}),
    "Where the page before has ended: its `next`.",
)  # fmt: skip
NUMBERS = SetField("ids", text(18, "^[0-9]+$", "The number of a line."), "Numbers of lines.", {"ids": Role.ADD})

SEARCH = FieldSet("log", ADMIN, OF_DOMAIN, ACCOUNT, EVENT, IP, SINCE, UNTIL, IN_TEXT, AFTER, PAGE_SIZE)
REMOVAL = FieldSet("log", NUMBERS, UNTIL)
