"""White and black lists through the API: what is discarded, what is kept, and how much at once."""

import pytest

from tests.site import ROOT, Client, Site
from tests.spam_policy.world import Request, answers_at_once, furnished, log_lines

BLACK, WHITE = "wblist/inbound/blacklist/ann@a.test", "wblist/inbound/whitelist/ann@a.test"
LISTS = [(direction, verdict) for direction in ("inbound", "outbound") for verdict in ("whitelist", "blacklist")]
FORMS = {
    "x@far.test": 10,
    "x+news@far.test": 10,
    "192.0.2.7": 9,
    "2001:db8::7": 9,
    "192.0.2.*": 8,
    "192.0.2.0/24": 7,
    "2001:db8::/32": 7,
    "@far.test": 5,
    "@sub.far.test": 5,
    "@.far.test": 3,
    "@.test": 2,
    "@.": 0,
}
"""What is stored, with its priority."""
INVALID = [
    "192.0.2.7/24", "2001:db8::7/64", "192.0.2.256", "192.0.02.7", "far.test", ".far.test", "user", "global", "*", "@",
    "@localhost", "x@localhost", "x@[192.0.2.7]", "x@192.0.2.7", "x@far.test>", "o'neil@far.test", "ü@far.test", "*@*",
    "x" * 300, "'; DROP TABLE wblist; --", "x y@far.test", "x@far.test\x00",
]  # fmt: skip
MANY = [f"u{number}@far.test" for number in range(100_000)]
MOST = 20_000


def lists_of(client: Client, scope: str) -> dict[tuple[str, str], list[str]]:
    """Return the lists of a scope that are not empty."""
    found = {of: client.data(f"wblist/{of[0]}/{of[1]}/{scope}") for of in LISTS}
    return {of: addresses for of, addresses in found.items() if addresses}


def test_a_scope_without_lists_has_empty_ones(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    for scope in ("global", "a.test", "ann@a.test", "all@a.test"):
        assert lists_of(root, scope) == {}
    assert site.dump() == before


def test_each_form_is_kept_with_its_priority(site: Site) -> None:
    root = furnished(site)
    for direction, verdict in LISTS:
        root.ok("POST", f"wblist/{direction}/{verdict}/a.test", addresses=" , ".join(FORMS))
        assert root.data(f"wblist/{direction}/{verdict}/a.test") == sorted(FORMS)
    assert {row["email"]: row["priority"] for row in site.rows("mailaddr")} == FORMS
    assert [(row["priority"], row["policy_id"]) for row in site.rows("users", email="@a.test")] == [(5, 0)]


def test_every_spelling_is_one_address(site: Site) -> None:
    root = furnished(site)
    spellings = "X@Far.TEST,x@far.test, x@far.test ,@GRÜN.test,@xn--grn-ioa.test,2001:DB8:0::7,2001:db8::7,192.0.2.0/24"
    root.ok("POST", BLACK, addresses=f"{spellings},192.0.2.0/255.255.255.0,,")
    root.ok("POST", BLACK, addresses=spellings.upper())
    assert root.data(BLACK) == ["192.0.2.0/24", "2001:db8::7", "@xn--grn-ioa.test", "x@far.test"]
    assert (len(site.rows("mailaddr")), len(site.rows("wblist"))) == (4, 4)
    root.ok("PUT", BLACK, addresses="X@FAR.test,@Grün.test")
    assert root.data(BLACK) == ["192.0.2.0/24", "2001:db8::7"]


def test_what_is_no_address_is_discarded_and_named(site: Site) -> None:
    root = furnished(site)
    answer = root.post(BLACK, addresses=",".join([*INVALID, "ok@far.test"]))
    assert answer == {"_success": True, "_discarded": [word[:255] for word in INVALID]}
    assert root.data(BLACK) == ["ok@far.test"]
    before = {table: site.rows(table) for table in ("users", "mailaddr", "wblist", "outbound_wblist")}
    assert root.post(BLACK, addresses="nonsense")["_discarded"] == ["nonsense"]
    assert root.put(BLACK, addresses="nonsense,192.0.2.7/24")["_discarded"] == ["nonsense", "192.0.2.7/24"]
    root.ok("POST", BLACK, addresses="")
    root.ok("PUT", BLACK, addresses="")
    root.ok("PUT", BLACK)
    assert {table: site.rows(table) for table in before} == before


def test_wherever_somebody_writes_from_is_known_of_senders_alone(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", "wblist/inbound/whitelist/a.test", addresses="x@*")
    answer = root.post("wblist/outbound/whitelist/a.test", addresses="x@*,y@*,x@far.test")
    assert answer == {"_success": True, "_discarded": ["x@*", "y@*"]}
    assert lists_of(root, "a.test") == {("inbound", "whitelist"): ["x@*"], ("outbound", "whitelist"): ["x@far.test"]}


def test_an_address_is_on_one_list_of_a_direction(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", WHITE, addresses="x@far.test,y@far.test")
    root.ok("POST", BLACK, addresses="x@far.test,z@far.test")
    assert lists_of(root, "ann@a.test") == {
        ("inbound", "whitelist"): ["y@far.test"],
        ("inbound", "blacklist"): ["x@far.test", "z@far.test"],
    }
    root.ok("POST", "wblist/outbound/whitelist/ann@a.test", addresses="x@far.test")
    root.ok("PUT", WHITE, addresses="x@far.test,z@far.test")
    assert root.data(BLACK) == ["x@far.test", "z@far.test"]
    root.ok("DELETE", BLACK)
    assert lists_of(root, "ann@a.test") == {
        ("inbound", "whitelist"): ["y@far.test"],
        ("outbound", "whitelist"): ["x@far.test"],
    }
    assert {row["wb"] for table in ("wblist", "outbound_wblist") for row in site.rows(table)} == {"W"}


def test_addresses_are_shared_and_those_of_others_stay(site: Site) -> None:
    root = furnished(site)
    for scope in ("global", "a.test", "ann@a.test"):
        root.ok("POST", f"wblist/inbound/blacklist/{scope}", addresses="x@far.test")
    assert len(site.rows("mailaddr")) == 1
    root.ok("DELETE", BLACK)
    root.ok("PUT", "wblist/inbound/blacklist/a.test", addresses="x@far.test")
    assert root.data("wblist/inbound/blacklist/global") == ["x@far.test"]
    assert len(site.rows("mailaddr")) == 1


def test_lists_may_be_lists_in_json_and_parameters_may_be_repeated(site: Site) -> None:
    root = furnished(site)
    assert root.raw("POST", BLACK, json={"addresses": ["x@far.test", "y@far.test"]}).json() == {"_success": True}
    assert root.raw(
        "POST", BLACK, data=[("addresses", "z@far.test"), ("addresses", "x@far.test,@far.test")]
    ).json() == {"_success": True}
    assert root.data(BLACK) == ["@far.test", "x@far.test", "y@far.test", "z@far.test"]
    before = site.dump()
    for wrong in ([["x@far.test"]], [{"x": 1}], {"x": 1}, ["@b.test", None]):
        assert root.raw("POST", BLACK, json={"addresses": wrong}).json()["_success"] is False, wrong
    assert site.dump() == before


@pytest.mark.slow  # as many as there may be
def test_a_hundred_thousand_addresses_at_once_are_refused_as_a_whole(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", BLACK, addresses="x@far.test")
    before = site.dump()
    for method in ("POST", "PUT"):
        response = root.raw(method, BLACK, data={"addresses": ",".join(["x@far.test", *MANY])})
        assert (response.status_code, response.json()["_msg"]) == (413, "REQUEST_TOO_LARGE")
    assert site.dump() == before


@pytest.mark.slow  # as many as there may be
def test_as_many_addresses_as_are_taken_at_once_are_all_kept_and_removed(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", WHITE, addresses=",".join(MANY[:100]))
    addresses = ",".join(MANY[:MOST])
    root.ok("POST", BLACK, addresses=addresses)
    assert root.data(BLACK) == sorted(MANY[:MOST])
    assert root.data(WHITE) == []
    root.ok("PUT", BLACK, addresses=addresses)
    assert (root.data(BLACK), site.rows("wblist")) == ([], [])


def test_many_writers_of_one_scope_leave_no_double(site: Site) -> None:
    root = furnished(site)
    wanted: list[Request] = [
        ("POST", f"wblist/inbound/{LISTS[number % 2][1]}/{scope}", {"addresses": ",".join(MANY[number : number + 8])})
        for number in range(8)
        for scope in ("global", "a.test", "ann@a.test")
    ]
    assert answers_at_once(site, wanted) == {"done": 24}
    expected = sorted(MANY[:15])
    assert sorted(row["email"] for row in site.rows("mailaddr")) == expected
    for scope in ("global", "a.test", "ann@a.test"):
        of_scope = lists_of(root, scope)
        assert sorted(address for addresses in of_scope.values() for address in addresses) == expected


def test_new_accounts_at_once_share_new_addresses(site: Site) -> None:
    root = furnished(site)
    accounts = [f"list{number}@a.test" for number in range(8)]
    for account in accounts:
        root.ok("POST", f"alias/{account}")
    wanted: list[Request] = [
        ("POST", f"wblist/outbound/blacklist/{account}", {"addresses": ",".join(MANY[:20])}) for account in accounts
    ]
    assert answers_at_once(site, wanted) == {"done": 8}
    assert (len(site.rows("mailaddr")), len(site.rows("outbound_wblist"))) == (20, 160)


def test_each_change_leaves_a_line_without_values(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", "wblist/inbound/whitelist/global", addresses="secret@far.test")
    root.ok("PUT", "wblist/outbound/blacklist/a.test", addresses="secret@far.test")
    root.ok("DELETE", BLACK)
    root.ok("PUT", BLACK)
    root.data(BLACK)
    assert log_lines(site, "wblist") == [
        (ROOT, "", "", "[API] Add addresses to a white or black list: inbound whitelist global (addresses)."),
        (
            ROOT, "a.test", "",
            "[API] Remove addresses from a white or black list: outbound blacklist a.test (addresses).",
        ),
        (
            ROOT, "a.test", "ann@a.test",
            "[API] Remove all addresses from a white or black list: inbound blacklist ann@a.test.",
        ),
    ]  # fmt: skip


def test_there_are_four_lists(site: Site) -> None:
    root = furnished(site)
    for path in ("wblist/inbound/greylist/a.test", "wblist/both/whitelist/a.test", "wblist/inbound/a.test"):
        response = root.raw("GET", path)
        assert (response.status_code, response.json()["_msg"]) == (404, "NO_SUCH_OPERATION")
    assert root.data("wblist/INBOUND/Whitelist/a.test") == []
