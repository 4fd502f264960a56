"""What iRedAPD 6.1 was seen to answer about throttles follows from what the API says is in effect.

The answers are D, let through; Q, the quota is exceeded; Z, the message is too large; C, it has too many recipients.

Left out is what is not about the question which throttle applies: how rows of iRedAPD's are deleted (T31) and how many
of them it counts in (T35, T36), at which moment of a session it looks (T37), and null senders (T34).
"""

import re
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from postreeve.policies.answers import Limit, Limits
from postreeve.storage.tables.iredapd import throttle
from postreeve.work import DuplicateError
from tests.policies.world import SCOPES, Message, World, given, lines, parts

pytestmark = pytest.mark.slow  # the observed tables are long

LETTERS = {"msg_size": "Z", "max_rcpts": "C", "max_msgs": "Q", "max_quota": "Q"}
SECONDS = 60
"""The period of a throttle, where none is given."""

SET_BY_THE_API = """
T01  |                                                         | u1>x                          | D
T02  | u1 outbound max_msgs=2                                  | u1>x u1>x u1>x u1>x           | D D Q Q
T03  | u1 outbound max_msgs=2                                  | u1>x*3 u1>x*2                 | Q D
T04  | u1 outbound msg_size=1000                               | u1>x:1000 u1>x:1001 u1>x      | D Z D
T05  | u1 outbound max_quota=1000                              | u1>x:600 u1>x:600 u1>x:600    | D D Q
T06  | u1 outbound max_quota=1000                              | u1>x:5000 u1>x:1              | D Q
T07  | u1 outbound max_rcpts=2                                 | u1>x*2 u1>x*3                 | D C
T08  | u1 outbound period=0 msg_size=10 max_msgs=1             | u1>x:500 u1>x:500             | D D
T09  | u1 outbound max_msgs=-1; local outbound max_msgs=1      | u1>x u1>x u2>x u2>x           | D Q D Q
T10  | u1 outbound max_msgs=0; local outbound max_msgs=1       | u1>x u1>x u1>x                | D D D
T11  | u1 outbound max_msgs=0; local outbound msg_size=100     | u1>x:101                      | Z
T13  | global outbound max_msgs=1                              | u1>x u1>x u2>x                | D Q D
T14s | local outbound msg_size=10                              | s>x:11                        | D
T20  | u1 outbound msg_size=10                                 | ext>u1:11                     | D
T20  | u1 inbound msg_size=10                                  | ext>u1:11                     | Z
T20o | u1 outbound msg_size=10                                 | u1>x:11                       | Z
T20o | global outbound msg_size=10                             | u1>x:11                       | Z
T20o | global inbound msg_size=10                              | u1>x:11                       | D
T21  | u1 inbound max_msgs=1                                   | ext>u1 ext>u1                 | D Q
T22  | u1 inbound msg_size=10                                  | ext>u1:11*2                   | D
T22  | local inbound msg_size=10                               | ext>u1:11*2                   | D
T22  | global inbound msg_size=10                              | ext>u1:11*2                   | D
T23  | v inbound msg_size=10                                   | u1>v:11                       | D
T24  | u1 outbound msg_size=10                                 | u1>u2:11 u1>u2:11*2           | D Z
T25  | u1 outbound max_msgs=1                                  | a>x a>x                       | D Q
T25i | u1 inbound msg_size=10                                  | ext>a:11                      | Z
T26  | u1 inbound msg_size=10                                  | ext>u1+x:11                   | Z
T27  | u1 outbound msg_size=10                                 | u1>x:11                       | Z
T38  | u1 outbound max_msgs=1; u1 inbound max_msgs=1           | u1>x ext>u1 ext>u1            | D D Q
T40  | u1 outbound max_quota=0; global outbound max_quota=10   | u1>x:600 u1>x:600 u1>x:600    | D D D
T43  | local inbound max_msgs=2                                | ext>u1 ext>u1 ext>u2 ext>u2 ext>u1 | D D D D Q
T44  | global inbound max_msgs=1                               | ext>u1 ext>u1                 | D Q
"""

WRITTEN_BY_OTHERS = """
T08  | u1@local.test outbound priority=100 period=0 msg_size=10 max_msgs=1       | u1>x:500 u1>x:500      | D D
T12  | u1@local.test outbound priority=10 max_msgs=5; @. outbound priority=100 max_msgs=1 | u1>x u1>x     | D Q
T14  | @.local.test outbound priority=50 msg_size=10                             | u1>x:11 s>x:11         | Z Z
T15  | @.test outbound priority=40 msg_size=10                                   | u1>x:11                | Z
T15  | @test outbound priority=40 msg_size=10                                    | u1>x:11                | D
T16  | 203.0.113.7 external priority=80 max_msgs=1                               | ext>u1 ext>u1 z>u1     | D Q Q
T17  | @ip external max_msgs=1                                                   | ext>u1 ext>u1 ext>u1@8 | D Q D
T18  | 203.0.113.* external priority=70 max_msgs=1                               | ext>u1 ext>u1 ext>u1   | D D D
T18b | 203.0.113.* external priority=70 msg_size=10                              | ext>u1:11              | Z
T18c | 203.0.*.7 external priority=70 msg_size=10                                | ext>u1:11              | Z
T18d | 203.*.113.7 external priority=70 msg_size=10                              | ext>u1:11              | D
T19  | 203.0.113.0/24 external priority=70 msg_size=10                           | ext>u1:11              | D
T20  | ext@remote.test outbound priority=100 msg_size=10                         | ext>u1:11              | D
T20  | ext@remote.test external priority=100 msg_size=10                         | ext>u1:11              | Z
T20  | ext@remote.test inbound priority=100 msg_size=10                          | ext>u1:11              | D
T20  | u1@local.test external priority=100 msg_size=10                           | ext>u1:11              | D
T20o | u1@local.test external priority=100 msg_size=10                           | u1>x:11                | D
T20o | x@remote.test inbound priority=100 msg_size=10                            | u1>x:11                | D
T22  | 203.0.113.7 inbound priority=80 msg_size=10                               | ext>u1:11*2            | Z
T22  | @ip inbound msg_size=10                                                   | ext>u1:11*2            | Z
T22s | ext@remote.test external priority=100 msg_size=10                         | ext>u1:11*2            | Z
T22s | @. external msg_size=10                                                   | ext>u1:11*2            | Z
T39  | local.test outbound priority=60 msg_size=10                               | u1>x:11                | D
T41  | 2001:db8::7 external priority=80 msg_size=10                              | ext>u1:11@2001:db8::7  | Z
T45  | u1@local.test outbound priority=100 max_msgs=-5                           | u1>x u1>x              | D D
"""


@dataclass
class Counter:
    """What is counted since a moment."""

    since: int
    messages: int = 0
    size: int = 0


@dataclass
class Predictor:
    """Tells what iRedAPD will answer, by the limits that the API tells."""

    world: World
    now: int = 0
    counters: dict[tuple[str, str, str], Counter] = field(default_factory=dict)

    def answers(self, messages: str) -> str:
        return " ".join(self.answer(Message.parse(text)) for text in messages.split())

    def answer(self, message: Message) -> str:
        """Return a letter; a message that is refused is not counted."""
        counted: dict[int, Counter] = {}
        for kind, whom, limits in self.checks(message):
            for name, letter in LETTERS.items():
                if (limit := _limit(limits, name)) and limit["value"]:
                    counter = self._counter(kind, whom, limit, message)
                    if _measured(name, message, counter) > limit["value"]:
                        return letter
                    if letter == "Q":
                        counted[id(counter)] = counter
        for counter in counted.values():
            counter.messages += message.recipients
            counter.size += message.size
        return "D"

    def checks(self, message: Message) -> list[tuple[str, str, Limits]]:
        """Return the limits of each check, with its direction and who is counted.

        Of a message with several recipients iRedAPD knows none.
        """
        if message.has_logged_in:
            limits: Limits = self.world.effective(message.sender)["throttle"]["outbound"]
            if message.recipients == 1:
                verdicts = self.world.effective(message.sender, correspondent=message.recipient)["verdicts"]
                limits = verdicts["outbound"]["throttle"]
            return [("outbound", message.sender, limits)]
        verdict: dict[str, Any] = self.world.effective(
            message.recipient, correspondent=message.sender, client_address=message.client
        )["verdicts"]["inbound"]["throttle"]
        of_recipient = verdict["of_recipient"] if message.recipients == 1 else _of_clients(verdict["of_recipient"])
        return [("external", message.sender, verdict["of_sender"]), ("inbound", message.recipient, of_recipient)]

    def _counter(self, kind: str, whom: str, limit: Limit, message: Message) -> Counter:
        """Return the counter of a user or, for what is set for clients, of a client; one of wildcards is lost."""
        counted = message.client if _is_of_clients(limit["scope"]) else whom
        key = (kind, limit["scope"], counted)
        found = self.counters.get(key)
        if found is None or "*" in limit["scope"] or self.now > found.since + limit["period"]:
            found = self.counters[key] = Counter(self.now)
        return found


def _limit(limits: Limits, name: str) -> Limit | None:
    return cast("dict[str, Limit]", limits).get(name)


def _measured(name: str, message: Message, counter: Counter) -> int:
    match name:
        case "msg_size":
            return message.size
        case "max_rcpts":
            return message.recipients
        case "max_msgs":
            return counter.messages + message.recipients
    return counter.size + 1  # what has been counted has to be less than the limit


def _of_clients(limits: dict[str, Any]) -> Limits:
    """Return the limits as they would be, if only those of clients were there."""
    found = {name: _first_of_clients([limit, *limit["hides"]]) for name, limit in limits.items()}
    return {name: limit for name, limit in found.items() if limit}  # type: ignore[return-value]


def _first_of_clients(said: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    return next((limit for limit in said if _is_of_clients(limit["scope"])), None)


def _is_of_clients(scope: str) -> bool:
    return bool(re.fullmatch(r"@ip|[0-9.*]+|[0-9a-f:]+", scope))


def throttle_by_the_api(world: World, cell: str) -> None:
    for scope, direction, *limits in parts(cell):
        world.root.ok("POST", f"throttle/{SCOPES[scope]}/{direction}", **{"period": str(SECONDS), **given(limits)})


@pytest.mark.parametrize(("throttles", "messages", "answers"), lines(SET_BY_THE_API))
def test_what_the_api_sets_is_what_iredapd_does(world: World, throttles: str, messages: str, answers: str) -> None:
    throttle_by_the_api(world, throttles)
    assert Predictor(world).answers(messages) == answers


@pytest.mark.parametrize(("throttles", "messages", "answers"), lines(WRITTEN_BY_OTHERS))
def test_throttles_of_other_programs_are_understood(world: World, throttles: str, messages: str, answers: str) -> None:
    for account, kind, *values in parts(throttles):
        numbers = {name: int(value) for name, value in given(values).items()}
        world.insert(throttle, **{"account": account, "kind": kind, "period": SECONDS, **numbers})
    assert Predictor(world).answers(messages) == answers


def test_t28_after_its_period_a_count_begins_anew(world: World) -> None:
    throttle_by_the_api(world, "u1 outbound max_msgs=1")
    predictor = Predictor(world)
    assert predictor.answers("u1>x u1>x") == "D Q"
    predictor.now += SECONDS + 1
    assert predictor.answers("u1>x u1>x") == "D Q"


def test_t29_a_higher_limit_goes_on_counting(world: World) -> None:
    throttle_by_the_api(world, "u1 outbound max_msgs=1")
    predictor = Predictor(world)
    assert predictor.answers("u1>x u1>x") == "D Q"
    throttle_by_the_api(world, "u1 outbound max_msgs=3")
    assert predictor.answers("u1>x u1>x u1>x") == "D D Q"


def test_t30_a_shorter_period_holds_at_once(world: World) -> None:
    throttle_by_the_api(world, "u1 outbound max_msgs=1")
    predictor = Predictor(world)
    assert predictor.answers("u1>x u1>x") == "D Q"
    throttle_by_the_api(world, "u1 outbound period=1 max_msgs=1")
    predictor.now += 2
    assert predictor.answers("u1>x") == "D"


def test_t32_of_two_throttles_of_one_account_the_older_wins(world: World) -> None:
    """PostgreSQL alone lets there be a second one."""
    row = {"account": "u1@local.test", "kind": "outbound", "priority": 100, "period": SECONDS}
    world.insert(throttle, **row, max_msgs=1)
    is_refused = world.site.engine != "postgresql"
    with pytest.raises(DuplicateError) if is_refused else nullcontext():
        world.insert(throttle, **row, max_msgs=5)
    assert Predictor(world).answers("u1>x u1>x") == "D Q"


def test_t33_accounts_are_compared_as_the_database_does(world: World) -> None:
    throttle_by_the_api(world, "u1 outbound msg_size=10")
    assert world.effective("U1@LOCAL.test")["throttle"]["outbound"]["msg_size"]["value"] == 10
    world.reset()
    world.insert(throttle, account="U1@Local.Test", kind="outbound", priority=100, period=SECONDS, msg_size=10)
    assert Predictor(world).answers("u1>x:11") == ("Z" if world.site.engine == "mariadb" else "D")


def test_t42_what_is_never_reached_on_mariadb_is_refused_there(world: World) -> None:
    parameters = {"period": str(SECONDS), "max_quota": "5000000000"}
    if world.site.engine == "mariadb":
        assert world.root.refused("POST", "throttle/u1@local.test/outbound", **parameters) == "INVALID_NUMBER"
        return
    world.root.ok("POST", "throttle/u1@local.test/outbound", **parameters)
    sent = " ".join(["u1>x:3000000000"] * 4)
    assert Predictor(world).answers(sent) == "D D Q Q"
