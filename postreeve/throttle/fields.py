"""The parameters of a throttle."""

from postreeve.fields import Field, FieldSet, whole_number
from postreeve.shapes import Column

_SECONDS = whole_number(0, 2**32 - 1)  # an unsigned int on MariaDB
_MOST = whole_number(-1, 2**63 - 1)
_INHERITED = "0 is unlimited, -1 leaves it to the next less specific scope."

PERIOD = Field("period", _SECONDS, "Period of time, in seconds; 0 removes the throttle.", sql=Column("period"))
MSG_SIZE = Field(
    "msg_size", _MOST, f"Largest single message, in bytes; {_INHERITED}", sql=Column("msg_size"),
    title="Largest message",
)  # fmt: skip
MAX_MSGS = Field(
    "max_msgs", _MOST, f"Most messages in the period, each recipient counted; {_INHERITED}", sql=Column("max_msgs"),
    title="Most messages",
)  # fmt: skip
MAX_QUOTA = Field(
    "max_quota", _MOST, f"Most bytes of all messages in the period; {_INHERITED}", sql=Column("max_quota"),
    title="Most data",
)  # fmt: skip
MAX_RCPTS = Field(
    "max_rcpts", _MOST, f"Most recipients of one message; {_INHERITED} When not given, it stays.",
    sql=Column("max_rcpts"), title="Most recipients of a message",
)  # fmt: skip
LIMITS = (MSG_SIZE, MAX_MSGS, MAX_QUOTA)
"""Without a value, these are set to -1: the operation sets the throttle as a whole."""

THROTTLE = FieldSet("throttle", PERIOD, *LIMITS, MAX_RCPTS)
