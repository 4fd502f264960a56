"""Throttles through the API: what is refused, what is kept, and what engines hold."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from postreeve.work import DuplicateError
from tests.servers import Server
from tests.site import PASSWORD, ROOT, Client, Site, running
from tests.spam_policy.world import Request, answers_at_once, furnished, log_lines

NO_NUMBERS = (
    "", " ", "-2", "-9223372036854775808", "1.5", "1.0", "1e3", "+5", "0x10", "5 5", "1,000", "abc", "nan", "inf",
    "NULL", "9223372036854775808", "99999999999999999999999", "1" * 5000, "\u0663", "5_000", "--1", "true",
)  # fmt: skip
NO_PERIODS = (*NO_NUMBERS, "-1", "4294967296", "9223372036854775807")
LARGEST = 2**63 - 1
MOST = {
    "sqlite": {"msg_size": LARGEST, "max_msgs": LARGEST, "max_quota": LARGEST, "max_rcpts": LARGEST},
    "postgresql": {"msg_size": LARGEST, "max_msgs": LARGEST, "max_quota": LARGEST, "max_rcpts": LARGEST},
    "mariadb": {"msg_size": LARGEST, "max_msgs": 16_777_215, "max_quota": 4_294_967_295, "max_rcpts": LARGEST},
}
"""The highest limits: on MariaDB those that iRedAPD's counters reach."""
LIMITS = ("msg_size", "max_msgs", "max_quota", "max_rcpts")


def test_a_scope_without_a_throttle_has_an_empty_one(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    for scope in ("global", "a.test", "ann@a.test", "all@a.test"):
        for direction in ("inbound", "outbound"):
            assert root.data(f"throttle/{scope}/{direction}") == {}
    assert site.dump() == before


def test_a_throttle_is_told_as_numbers_with_its_account_and_kind(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", "throttle/ann@a.test/outbound", period="60", max_msgs="0", max_quota="5", max_rcpts="7")
    assert root.data("throttle/ann@a.test/outbound") == {
        "account": "ann@a.test", "kind": "outbound", "priority": 100,
        "period": 60, "msg_size": -1, "max_msgs": 0, "max_quota": 5, "max_rcpts": 7,
    }  # fmt: skip
    assert root.data("throttle/ann@a.test/inbound") == {}


def test_what_is_no_limit_is_refused_and_nothing_is_stored(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", "throttle/ann@a.test/outbound", period="60", max_msgs="5")
    before = site.dump()
    for name in LIMITS:
        for value in NO_NUMBERS:
            code = root.refused("POST", "throttle/ann@a.test/outbound", period="60", **{name: value})
            assert code == "INVALID_NUMBER", (name, value)
    for value in NO_PERIODS:
        code = root.refused("POST", "throttle/ann@a.test/outbound", period=value, max_msgs="5")
        assert code == "INVALID_NUMBER", value
    assert site.dump() == before


def test_one_wrong_limit_refuses_all(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    for name in LIMITS:
        parameters = dict.fromkeys(LIMITS, "5") | {"period": "60", name: "x"}
        assert root.refused("POST", "throttle/a.test/inbound", **parameters) == "INVALID_NUMBER"
    repeated = root.raw(
        "POST", "throttle/a.test/inbound", data=[("period", "60"), ("max_msgs", "1"), ("max_msgs", "2")]
    )
    assert repeated.json()["_msg"] == "CONFLICTING_PARAMETERS"
    assert site.dump() == before


def test_limits_are_kept_up_to_what_can_be_counted_and_never_cut(site: Site) -> None:
    root = furnished(site)
    for name, most in MOST[site.storage.databases["iredapd"].store.engine].items():
        path = "throttle/ann@a.test/inbound"
        root.ok("POST", path, period="4294967295", **{name: str(most)})
        assert root.data(path)[name] == most
        assert root.data(path)["period"] == 4294967295
        before = site.dump()
        assert root.refused("POST", path, period="60", **{name: str(most + 1)}) == "INVALID_NUMBER"
        assert site.dump() == before


def test_a_number_may_be_a_number_in_json(site: Site) -> None:
    root = furnished(site)
    path = "throttle/a.test/outbound"
    assert root.raw("POST", path, json={"period": 60, "max_msgs": 5, "max_quota": "6"}).json() == {"_success": True}
    assert (root.data(path)["max_msgs"], root.data(path)["max_quota"]) == (5, 6)
    unfit: tuple[object, ...] = (1.5, True, None, [1, 2], {})
    for wrong in unfit:
        answer = root.raw("POST", path, json={"period": 60, "max_msgs": wrong}).json()
        assert answer["_success"] is False, wrong
    assert root.data(path)["max_msgs"] == 5


def test_without_a_period_there_is_no_throttle_to_set(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    assert root.refused("POST", "throttle/a.test/inbound") == "MISSING_PARAMETER"
    assert root.refused("POST", "throttle/a.test/inbound", max_msgs="5") == "MISSING_PARAMETER"
    assert site.dump() == before


def test_there_are_two_directions(site: Site) -> None:
    root = furnished(site)
    for direction in ("external", "sideways", "in", "inbound,outbound"):
        response = root.raw("GET", f"throttle/a.test/{direction}")
        assert (response.status_code, response.json()["_msg"]) == (404, "NO_SUCH_OPERATION")
    root.ok("POST", "throttle/a.test/INBOUND", period="60", max_msgs="5")
    assert [row["kind"] for row in site.rows("throttle")] == ["inbound"]


def test_the_address_is_stored_in_lower_case(site: Site) -> None:
    root = furnished(site)
    for number, scope in enumerate(("Ann@A.Test", "ann%40a.test", "ANN@A.TEST"), 1):
        root.ok("POST", f"throttle/{scope}/inbound", period="60", max_msgs=str(number))
    root.ok("POST", "throttle/A.TEST/inbound", period="60", max_msgs="4")
    root.ok("POST", "throttle/GLOBAL/inbound", period="60", max_msgs="5")
    found = {(row["account"], row["priority"], row["max_msgs"]) for row in site.rows("throttle")}
    assert found == {("ann@a.test", 100, 3), ("@a.test", 60, 4), ("@.", 0, 5)}


def test_what_was_counted_goes_on_counting_until_the_throttle_goes(site: Site) -> None:
    root = furnished(site)
    path = "throttle/ann@a.test/outbound"
    root.ok("POST", path, period="60", max_msgs="5")
    number = site.rows("throttle")[0]["id"]
    counted = f"INSERT INTO throttle_tracking (tid, account, period, cur_msgs) VALUES ({number}, 'ann@a.test', 60, 4)"
    site.execute("iredapd", counted)
    root.ok("POST", path, period="3600", max_msgs="50", msg_size="7")
    assert [(row["tid"], row["cur_msgs"]) for row in site.rows("throttle_tracking")] == [(number, 4)]
    root.ok("POST", path, period="0")
    assert (site.rows("throttle"), site.rows("throttle_tracking")) == ([], [])
    root.ok("POST", path, period="0")
    assert root.data(path) == {}


def test_doubles_of_other_programs_become_one(site: Site) -> None:
    """PostgreSQL alone lets them be; iRedAPD asks the older one first."""
    root = furnished(site)
    columns = "INSERT INTO throttle (account, kind, priority, period, max_msgs) VALUES"
    site.execute("iredapd", f"{columns} ('ann@a.test', 'inbound', 100, 60, 1)")
    with nullcontext() if site.engine == "postgresql" else pytest.raises(DuplicateError):
        site.execute("iredapd", f"{columns} ('ann@a.test', 'inbound', 100, 60, 2)")
    for row in site.rows("throttle"):
        site.execute("iredapd", f"INSERT INTO throttle_tracking (tid, account) VALUES ({row['id']}, 'ann@a.test')")
    older = min(row["id"] for row in site.rows("throttle"))
    assert root.data("throttle/ann@a.test/inbound")["max_msgs"] == 1
    root.ok("POST", "throttle/ann@a.test/inbound", period="60", max_msgs="3")
    assert [(row["id"], row["max_msgs"]) for row in site.rows("throttle")] == [(older, 3)]
    assert [row["tid"] for row in site.rows("throttle_tracking")] == [older]


def test_many_writers_leave_one_throttle(site: Site) -> None:
    furnished(site)
    scopes = ("global", "a.test", "ann@a.test")
    wanted: list[Request] = [
        ("POST", f"throttle/{scope}/inbound", {"period": "60", "max_msgs": str(number)})
        for number in range(10)
        for scope in scopes
    ]
    assert answers_at_once(site, wanted) == {"done": 30}
    assert sorted(row["account"] for row in site.rows("throttle")) == ["@.", "@a.test", "ann@a.test"]
    assert len(log_lines(site, "throttle")) == 30


def test_many_who_set_and_remove_leave_one_throttle_or_none(site: Site) -> None:
    furnished(site)
    wanted: list[Request] = [
        ("POST", "throttle/global/inbound", {"period": str(number % 2 * 60), "max_msgs": "5"}) for number in range(24)
    ]
    assert answers_at_once(site, wanted) == {"done": 24}
    assert len(site.rows("throttle")) <= 1


def test_each_change_leaves_a_line_without_values(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", "throttle/global/inbound", period="60", max_msgs="12345")
    root.ok("POST", "throttle/ann@a.test/outbound", period="0")
    root.refused("POST", "throttle/ann@a.test/outbound", period="x")
    root.data("throttle/ann@a.test/outbound")
    assert log_lines(site, "throttle") == [
        (ROOT, "", "", "[API] Set a throttle: inbound global (period, max_msgs)."),
        (ROOT, "a.test", "ann@a.test", "[API] Set a throttle: outbound ann@a.test (period)."),
    ]


# An older iRedMail


@pytest.fixture(scope="module")
def older(server: Server) -> Iterator[Site]:
    """An installation whose throttles know no number of recipients."""
    with running(server) as site:
        site.execute("iredapd", "ALTER TABLE throttle DROP COLUMN max_rcpts")
        site.storage.databases["iredapd"].forget_schema()
        yield site


@pytest.fixture
def of_older(older: Site) -> Iterator[Client]:
    root = older.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    yield root
    root.delete("domain/ex.com")


def test_a_limit_without_a_column_is_named_and_the_rest_is_set(of_older: Client) -> None:
    path = "throttle/ann@ex.com/inbound"
    answer = of_older.post(path, period="60", max_msgs="5", max_rcpts="7")
    assert answer == {"_success": True, "_ignored": ["max_rcpts"]}
    found = of_older.data(path)
    assert (found["max_msgs"], "max_rcpts" in found) == (5, False)


def test_a_limit_without_a_column_alone_sets_nothing(older: Site, of_older: Client) -> None:
    answer = of_older.post("throttle/ann@ex.com/inbound", period="60", max_rcpts="7")
    assert answer == {"_success": True, "_ignored": ["max_rcpts"]}
    assert older.rows("throttle") == []
