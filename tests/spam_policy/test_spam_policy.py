"""Spam policies through the API: what is refused, what is kept, and what columns say together."""

from collections.abc import Iterator

import pytest

from tests.servers import Server
from tests.site import PASSWORD, ROOT, Client, Row, Site, running
from tests.spam_policy.world import Request, answers_at_once, furnished, log_lines

ANN = "spampolicy/user/ann@a.test"
YES_OR_NO = (
    "bypass_spam_checks", "bypass_virus_checks", "bypass_banned_checks", "bypass_header_checks",
    "quarantine_spam", "quarantine_virus", "quarantine_banned", "quarantine_bad_header",
    "prefix_spam_in_subject", "always_insert_x_spam_headers",
)  # fmt: skip
PAIRS = {
    "quarantine_spam": ("spam_lover", "spam_quarantine_to", "spam-quarantine"),
    "quarantine_virus": ("virus_lover", "virus_quarantine_to", "virus-quarantine"),
    "quarantine_banned": ("banned_files_lover", "banned_quarantine_to", "banned-quarantine"),
    "quarantine_bad_header": ("bad_header_lover", "bad_header_quarantine_to", "bad-header-quarantine"),
}
NO_SCORES = (
    "", " ", "nan", "NaN", "inf", "-inf", "Infinity", "1e400", "1e3", "5,5", "5.5.5", ".5", "5.", "+5", "5_0", "0x5",
    "five", "yes", "NULL", "1001", "-1001", "1000.001", "9999", "5.12345", "1" * 5000, "\u0665", "5 5", "--5",
)  # fmt: skip
SCORES = {
    "4": 4,
    " 6.2 ": 6.2,
    "0": 0,
    "-1": -1,
    "0.001": 0.001,
    "999.999": 999.999,
    "1000": 1000,
    "-1000": -1000,
    "5.50": 5.5,
}
LONGEST_RULES = ",".join(["ALLOW_MS_WORD"] * 4) + ",DEFAULTS"
NO_RULES = (f"{LONGEST_RULES}X", "A, B", "A,,B", ",A", "A,", ",", "A B", "é", "'A'", "A;B", "A\nB", "A\x00")


def policy_of(site: Site, name: str) -> Row:
    """Return the columns of a policy that say something."""
    (row,) = site.rows("policy", policy_name=name)
    return {column: value for column, value in row.items() if value is not None and column not in {"id", "policy_name"}}


def test_a_scope_without_a_policy_says_nothing(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    for scope in ("domain/a.test", "user/ann@a.test", "user/all@a.test"):
        assert root.data(f"spampolicy/{scope}") == {}
    assert site.dump() == before
    root.ok("DELETE", "spampolicy/global")
    assert root.data("spampolicy/global") == {}


def test_what_is_no_score_is_refused_and_nothing_is_stored(site: Site) -> None:
    root = furnished(site)
    root.ok("PUT", ANN, spam_score="4")
    before = site.dump()
    for value in NO_SCORES:
        assert root.refused("PUT", ANN, spam_score=value) == "INVALID_NUMBER", value
    for text in ("NaN", "Infinity", "1e400", "null", "true", "[4, 5]", "[]", "{}", '"nan"'):
        body, headers = f'{{"spam_score": {text}}}', {"Content-Type": "application/json"}
        assert root.raw("PUT", ANN, data=body, headers=headers).json()["_success"] is False, text
    repeated = root.raw("PUT", ANN, data=[("spam_score", "4"), ("spam_score", "5")])
    assert repeated.json()["_msg"] == "CONFLICTING_PARAMETERS"
    assert site.dump() == before


def test_a_score_is_read_back_as_it_was_given(site: Site) -> None:
    root = furnished(site)
    for given, score in SCORES.items():
        root.ok("PUT", ANN, spam_score=given)
        assert root.data(ANN) == {"spam_score": score}


def test_a_score_may_be_a_number_in_json(site: Site) -> None:
    root = furnished(site)
    assert root.raw("PUT", ANN, json={"spam_score": 6.2, "quarantine_spam": True}).json() == {"_success": True}
    assert root.data(ANN) == {"spam_score": 6.2, "quarantine_spam": "yes"}


def test_yes_and_no_are_all_that_is_taken(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    for name in YES_OR_NO:
        for value in ("", "maybe", "true", "1", "0", "Y", "on", "yes,no", "enable", "null"):
            assert root.refused("PUT", ANN, **{name: value}) == "INVALID_VALUE", (name, value)
    assert site.dump() == before
    for name in YES_OR_NO:
        root.ok("PUT", ANN, **{name: " YES "})
    assert root.data(ANN) == dict.fromkeys(YES_OR_NO, "yes")


def test_one_wrong_value_refuses_all(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    for name in (*YES_OR_NO, "spam_score"):
        parameters = dict.fromkeys(YES_OR_NO, "yes") | {"spam_score": "5", name: "x"}
        assert root.refused("PUT", ANN, **parameters) in {"INVALID_VALUE", "INVALID_NUMBER"}
    assert site.dump() == before


def test_names_of_rules_are_kept_whole_or_refused(site: Site) -> None:
    root = furnished(site)
    assert len(LONGEST_RULES) == 64
    root.ok("PUT", ANN, banned_rulenames=LONGEST_RULES)
    before = site.dump()
    for value in NO_RULES:
        assert root.refused("PUT", ANN, banned_rulenames=value) == "INVALID_VALUE", value
    assert site.dump() == before
    assert root.data(ANN) == {"banned_rulenames": LONGEST_RULES}
    root.ok("PUT", ANN, banned_rulenames="")
    assert root.data(ANN) == {}
    assert policy_of(site, "ann@a.test") == {}


def test_mail_is_either_kept_back_or_delivered(site: Site) -> None:
    root = furnished(site)
    for scope, policy in (("global", "@."), ("domain/a.test", "@a.test"), ("user/ann@a.test", "ann@a.test")):
        for value in ("yes", "no"):
            root.ok("PUT", f"spampolicy/{scope}", **dict.fromkeys(PAIRS, value))
            found = policy_of(site, policy)
            for name, (lover, label, quarantine) in PAIRS.items():
                assert (found[lover], found[label]) == (("N", quarantine) if value == "yes" else ("Y", "")), name
                assert root.data(f"spampolicy/{scope}")[name] == value


def test_pairs_of_other_programs_are_read_as_amavisd_reads_them(site: Site) -> None:
    root = furnished(site)
    root.ok("PUT", ANN, bypass_spam_checks="yes")
    for pair, told in (
        ("spam_lover = 'N', spam_quarantine_to = 'spam-quarantine'", {"quarantine_spam": "yes"}),
        ("spam_lover = 'Y', spam_quarantine_to = ''", {"quarantine_spam": "no"}),
        ("spam_lover = 'Y', spam_quarantine_to = 'spam-quarantine'", {"quarantine_spam": "no"}),
        ("spam_lover = 'N', spam_quarantine_to = ''", {"quarantine_spam": "no"}),
        ("spam_lover = NULL, spam_quarantine_to = NULL", {}),
    ):
        site.execute("amavisd", f"UPDATE policy SET {pair} WHERE policy_name = 'ann@a.test'")
        assert root.data(ANN) == {"bypass_spam_checks": "yes", **told}, pair


def test_no_always_is_stronger_than_the_always_of_a_less_specific_scope(site: Site) -> None:
    root = furnished(site)
    root.ok("PUT", "spampolicy/global", always_insert_x_spam_headers="yes")
    root.ok("PUT", "spampolicy/domain/a.test", always_insert_x_spam_headers="no")
    assert policy_of(site, "@a.test") == {"spam_tag_level": 2}
    root.ok("PUT", ANN, always_insert_x_spam_headers="no", spam_score="5")
    assert policy_of(site, "ann@a.test") == {"spam_tag2_level": 5, "spam_kill_level": 5}


def test_the_word_before_the_subject_is_a_setting(site: Site) -> None:
    root = furnished(site)
    site.change_settings(amavisd_spam_subject_prefix="[Süß] ")
    root.ok("PUT", ANN, prefix_spam_in_subject="yes")
    assert policy_of(site, "ann@a.test") == {"spam_subject_tag2": "[Süß] "}
    root.ok("PUT", ANN, prefix_spam_in_subject="no")
    assert policy_of(site, "ann@a.test") == {"spam_subject_tag2": ""}
    assert root.data(ANN) == {"prefix_spam_in_subject": "no"}


def test_deleting_a_policy_leaves_lists_and_other_policies(site: Site) -> None:
    root = furnished(site)
    root.ok("POST", "wblist/inbound/blacklist/ann@a.test", addresses="x@far.test")
    for scope in ("domain/a.test", "user/ann@a.test", "user/all@a.test"):
        root.ok("PUT", f"spampolicy/{scope}", spam_score="5")
    for _ in range(2):
        for scope in ("user/ann@a.test", "user/all@a.test"):
            root.ok("DELETE", f"spampolicy/{scope}")
    assert [row["policy_name"] for row in site.rows("policy")] == ["@.", "@a.test"]
    found = {row["email"]: row["policy_id"] for row in site.rows("users")}
    assert found.keys() == {"@.", "@a.test", "ann@a.test"}
    assert found["ann@a.test"] == 0
    assert root.data("wblist/inbound/blacklist/ann@a.test") == ["x@far.test"]


def test_a_policy_does_not_disturb_lists_nor_a_list_a_policy(site: Site) -> None:
    root = furnished(site)
    root.ok("PUT", ANN, spam_score="5")
    before = site.rows("users")
    root.ok("POST", "wblist/outbound/whitelist/ann@a.test", addresses="x@far.test")
    root.ok("DELETE", "wblist/outbound/whitelist/ann@a.test")
    assert site.rows("users") == before
    assert root.data(ANN) == {"spam_score": 5}


def test_a_request_without_parameters_changes_nothing_and_is_not_logged(site: Site) -> None:
    root = furnished(site)
    before = site.dump()
    root.ok("PUT", ANN)
    assert root.put(ANN, unknown="1") == {"_success": True, "_ignored": ["unknown"]}
    assert site.dump() == before


def test_many_writers_leave_one_policy(site: Site) -> None:
    root = furnished(site)
    root.ok("DELETE", "spampolicy/global")
    scopes = ("global", "domain/a.test", "user/ann@a.test")
    wanted: list[Request] = [("PUT", f"spampolicy/{scope}", {name: "yes"}) for name in YES_OR_NO for scope in scopes]
    assert answers_at_once(site, wanted) == {"done": 30}
    assert sorted(row["policy_name"] for row in site.rows("policy")) == ["@.", "@a.test", "ann@a.test"]
    assert sorted(row["email"] for row in site.rows("users")) == ["@.", "@a.test", "ann@a.test"]
    for scope in scopes:
        assert root.data(f"spampolicy/{scope}") == dict.fromkeys(YES_OR_NO, "yes")
    assert len(log_lines(site, "spampolicy")) == 31


def test_many_who_set_and_delete_leave_one_policy_or_none(site: Site) -> None:
    root = furnished(site)
    wanted: list[Request] = [
        ("PUT", ANN, {"spam_score": "5"}) if number % 2 else ("DELETE", ANN, {}) for number in range(24)
    ]
    assert answers_at_once(site, wanted) == {"done": 24}
    found = {row["email"]: row["policy_id"] for row in site.rows("users")}
    policies = {row["policy_name"]: row["id"] for row in site.rows("policy")}
    assert root.data(ANN) in ({}, {"spam_score": 5})
    assert found.get("ann@a.test", 0) == policies.get("ann@a.test", 0)


def test_each_change_leaves_a_line_without_values(site: Site) -> None:
    root = furnished(site)
    root.ok("PUT", "spampolicy/global", spam_score="777")
    root.ok("PUT", "spampolicy/domain/a.test", quarantine_spam="no", bypass_spam_checks="yes")
    root.ok("DELETE", ANN)
    root.refused("PUT", ANN, spam_score="x")
    root.data(ANN)
    assert log_lines(site, "spampolicy") == [
        (ROOT, "", "", "[API] Set parts of the spam policy of everybody: global (spam_score)."),
        (
            ROOT, "a.test", "",
            "[API] Set parts of the spam policy of a domain: a.test (bypass_spam_checks, quarantine_spam).",
        ),
        (ROOT, "a.test", "ann@a.test", "[API] Delete the spam policy of a user: ann@a.test."),
    ]  # fmt: skip


# An older Amavisd


@pytest.fixture(scope="module")
def older(server: Server) -> Iterator[Site]:
    """An installation whose policies lack some columns."""
    with running(server) as site:
        for column in ("banned_rulenames", "spam_kill_level"):
            site.execute("amavisd", f"ALTER TABLE policy DROP COLUMN {column}")
        site.storage.databases["amavisd"].forget_schema()
        yield site


@pytest.fixture
def of_older(older: Site) -> Iterator[Client]:
    root = older.root()
    root.ok("POST", "domain/ex.com")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    yield root
    root.delete("domain/ex.com")


def test_a_parameter_that_lacks_a_column_is_named_and_the_rest_is_set(older: Site, of_older: Client) -> None:
    path = "spampolicy/user/ann@ex.com"
    answer = of_older.put(path, banned_rulenames="DEFAULT", spam_score="5", quarantine_spam="yes")
    assert (answer["_success"], sorted(answer["_ignored"])) == (True, ["banned_rulenames", "spam_score"])
    assert of_older.data(path) == {"quarantine_spam": "yes"}
    assert policy_of(older, "ann@ex.com") == {"spam_lover": "N", "spam_quarantine_to": "spam-quarantine"}


def test_parameters_that_all_lack_a_column_leave_no_policy(older: Site, of_older: Client) -> None:
    answer = of_older.put("spampolicy/user/ann@ex.com", spam_score="5")
    assert answer == {"_success": True, "_ignored": ["spam_score"]}
    assert (older.rows("policy", policy_name="ann@ex.com"), older.rows("users", email="ann@ex.com")) == ([], [])
