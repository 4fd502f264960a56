"""The answer to the question which policies apply: where each value comes from, for which address, and to whom."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from postreeve.storage.tables.iredapd import greylisting, greylisting_whitelist_domain_spf
from tests.policies.world import CLIENT, PEOPLE, World
from tests.site import PASSWORD

U1 = "u1@local.test"
EXT = PEOPLE["ext"]
SECTIONS = ("spam_policy", "throttle", "greylisting", "wblist")


def spam_policy(world: World, scope: str, **values: str) -> None:
    world.root.ok("PUT", f"spampolicy/{scope}", **values)


def throttle(world: World, scope: str, direction: str, **values: str) -> None:
    world.root.ok("POST", f"throttle/{scope}/{direction}", period="60", **values)


def listed(world: World, scope: str, direction: str, verdict: str, *addresses: str) -> None:
    world.root.ok("POST", f"wblist/{direction}/{verdict}/{scope}", addresses=",".join(addresses))


def verdicts(world: World, address: str = U1, correspondent: str = EXT) -> dict[str, Any]:
    found: dict[str, Any] = world.effective(address, correspondent=correspondent, client_address=CLIENT)["verdicts"]
    return found


# From which scope, and what is hidden


def test_a_value_of_the_spam_policy_tells_its_scope_and_what_it_hides(world: World) -> None:
    spam_policy(world, "global", spam_score="7")
    spam_policy(world, "domain/local.test", spam_score="5.5", banned_rulenames="DEFAULT")
    spam_policy(world, f"user/{U1}", spam_score="3", quarantine_virus="no")
    values = world.effective(U1)["spam_policy"]["values"]
    assert values["spam_score"] == {
        "value": 3.0,
        "scope": U1,
        "hides": [{"value": 5.5, "scope": "local.test"}, {"value": 7.0, "scope": "global"}],
    }
    assert values["banned_rulenames"] == {"value": "DEFAULT", "scope": "local.test", "hides": []}
    assert values["quarantine_virus"] == {"value": "no", "scope": U1, "hides": [{"value": "yes", "scope": "global"}]}
    assert values["bypass_spam_checks"] == {"value": "no", "scope": "global", "hides": []}
    assert values["always_insert_x_spam_headers"] == {"value": "no", "scope": "default", "hides": []}


def test_scores_and_the_subjects_prefix_tell_their_scopes(world: World) -> None:
    spam_policy(world, "domain/local.test", spam_score="5", prefix_spam_in_subject="no")
    spam_policy(world, f"user/{U1}", spam_score="3")
    found = world.effective(U1)["spam_policy"]
    of_user = {"value": 3.0, "scope": U1, "hides": [{"value": 5.0, "scope": "local.test"}]}
    assert found["scores"] == {
        "headers": {"value": 2.0, "scope": "default", "hides": []},
        "mark": of_user,
        "fate": of_user,
    }
    assert found["subject_prefix"] == {"value": "", "scope": "local.test", "hides": []}


def test_what_is_not_looked_for_is_delivered_by_the_scope_that_says_so(world: World) -> None:
    spam_policy(world, f"user/{U1}", bypass_virus_checks="yes")
    assert world.effective(U1)["spam_policy"]["fates"]["virus"] == {
        "is_checked": {"value": False, "scope": U1, "hides": [{"value": True, "scope": "global"}]},
        "is_delivered": {"value": True, "scope": U1, "hides": [{"value": False, "scope": "global"}]},
        "is_quarantined": {"value": False, "scope": U1, "hides": [{"value": True, "scope": "global"}]},
    }


def test_what_nobody_says_is_in_the_daemons_configuration(world: World) -> None:
    world.root.ok("DELETE", "spampolicy/global")
    world.root.ok("DELETE", "greylisting/global")
    found = world.effective(U1)
    policy = found["spam_policy"]
    said = [*policy["values"].values(), *policy["scores"].values(), policy["subject_prefix"]]
    said += [fact for fate in policy["fates"].values() for fact in fate.values()]
    assert {(answer["scope"], *answer["hides"]) for answer in said} == {("default",)}
    assert {name: score["value"] for name, score in policy["scores"].items()} == {
        "headers": 2.0, "mark": 6.2, "fate": 6.9,
    }  # fmt: skip
    assert policy["subject_prefix"]["value"] == "[SPAM] "
    assert found["throttle"] == {"inbound": {}, "outbound": {}}
    assert found["greylisting"] == {
        "status": "disable", "scope": "default", "hides": [], "senders": [], "whitelisted": [],
    }  # fmt: skip
    assert found["wblist"] == {"inbound": [], "outbound": []}


def test_a_limit_tells_its_scope_and_what_it_hides(world: World) -> None:
    throttle(world, U1, "outbound", max_msgs="5", msg_size="-1")
    throttle(world, "local.test", "outbound", max_msgs="50", msg_size="9")
    throttle(world, "global", "outbound", max_msgs="0")
    throttle(world, "global", "inbound", max_quota="7")
    assert world.effective(U1)["throttle"] == {
        "inbound": {"max_quota": {"value": 7, "period": 60, "scope": "global", "hides": []}},
        "outbound": {
            "msg_size": {"value": 9, "period": 60, "scope": "local.test", "hides": []},
            "max_msgs": {
                "value": 5,
                "period": 60,
                "scope": U1,
                "hides": [
                    {"value": 50, "period": 60, "scope": "local.test"},
                    {"value": 0, "period": 60, "scope": "global"},
                ],
            },
        },
    }


def test_greylisting_tells_its_scope_and_what_it_hides(world: World) -> None:
    world.root.ok("POST", "greylisting/local.test", status="disable")
    world.root.ok("POST", "greylisting/global/whitelists", senders="@far.test")
    world.root.ok("POST", f"greylisting/{U1}/whitelists", senders="192.0.2.0/24")
    world.insert(greylisting_whitelist_domain_spf, account="@.", sender="192.0.2.9", comment="AUTO-UPDATE: far.test")
    world.insert(greylisting, account=U1, priority=100, sender="@else.test", sender_priority=60, active=1)
    assert world.effective(U1)["greylisting"] == {
        "status": "disable",
        "scope": "local.test",
        "hides": [{"sender": "@.", "status": "enable", "scope": "global"}],
        "senders": [{"sender": "@else.test", "status": "enable", "scope": U1}],
        "whitelisted": [
            {"sender": "192.0.2.0/24", "scope": U1, "comment": ""},
            {"sender": "192.0.2.9", "scope": "global", "comment": "AUTO-UPDATE: far.test"},
            {"sender": "@far.test", "scope": "global", "comment": ""},
        ],
    }


def test_lists_stand_in_the_order_in_which_they_are_asked(world: World) -> None:
    listed(world, U1, "inbound", "blacklist", EXT, "192.0.2.0/24")
    listed(world, "local.test", "inbound", "whitelist", EXT, "@.")
    listed(world, "global", "inbound", "blacklist", "@far.test")
    listed(world, U1, "outbound", "whitelist", "@far.test")
    listed(world, "global", "outbound", "blacklist", "@far.test")
    assert world.effective(U1)["wblist"] == {
        "inbound": [
            {"list": "blacklist", "address": EXT, "scope": U1, "hides": [
                {"list": "whitelist", "address": EXT, "scope": "local.test"},
            ]},
            {"list": "blacklist", "address": "192.0.2.0/24", "scope": U1, "hides": []},
            {"list": "whitelist", "address": "@.", "scope": "local.test", "hides": [
                {"list": "blacklist", "address": "@far.test", "scope": "global"},
            ]},
        ],
        "outbound": [
            {"list": "whitelist", "address": "@far.test", "scope": U1, "hides": [
                {"list": "blacklist", "address": "@far.test", "scope": "global"},
            ]},
        ],
    }  # fmt: skip


# About one correspondent


def test_without_a_correspondent_there_are_no_verdicts(world: World) -> None:
    assert world.effective(U1).keys() == {"account", "address", *SECTIONS}


def test_a_verdict_about_greylisting_names_what_decides(world: World) -> None:
    everybody = {"sender": "@.", "status": "enable", "scope": "global"}
    assert verdicts(world)["inbound"]["greylisting"] == {
        "status": "enable", "whitelisted": None, "setting": everybody,
    }  # fmt: skip
    world.root.ok("POST", "greylisting/local.test/whitelists", senders="@remote.test")
    assert verdicts(world)["inbound"]["greylisting"] == {
        "status": "disable",
        "whitelisted": {"sender": "@remote.test", "scope": "local.test", "comment": ""},
        "setting": everybody,
    }


def test_a_verdict_about_lists_names_the_entry_that_decides_in_each_daemon(world: World) -> None:
    listed(world, U1, "inbound", "blacklist", "203.0.113.7")
    listed(world, "global", "inbound", "whitelist", EXT)
    listed(world, "global", "outbound", "blacklist", "@remote.test")
    found = verdicts(world)
    everybodys = {"list": "whitelist", "address": EXT, "scope": "global"}
    assert found["inbound"]["wblist"] == {
        "list": "blacklist", "address": "203.0.113.7", "scope": U1, "hides": [everybodys],
    }  # fmt: skip
    assert found["inbound"]["spam_check"] == {**everybodys, "hides": []}
    assert found["outbound"]["wblist"] == {
        "list": "blacklist", "address": "@remote.test", "scope": "global", "hides": [],
    }  # fmt: skip


def test_a_verdict_about_limits_tells_those_of_the_sender_and_of_the_recipient(world: World) -> None:
    throttle(world, U1, "inbound", msg_size="10")
    throttle(world, "global", "outbound", max_msgs="20")
    found = verdicts(world)
    assert found["inbound"]["throttle"] == {
        "of_sender": {},
        "of_recipient": {"msg_size": {"value": 10, "period": 60, "scope": U1, "hides": []}},
    }
    assert found["outbound"]["throttle"] == {
        "max_msgs": {"value": 20, "period": 60, "scope": "global", "hides": []},
    }


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"client_address": CLIENT}, "MISSING_PARAMETER"),
        ({"client_address": "mx.remote.test", "correspondent": EXT}, "INVALID_VALUE"),
        ({"correspondent": "remote.test"}, "INVALID_MAIL"),
    ],
)
def test_what_is_no_correspondent_is_refused(world: World, parameters: dict[str, str], code: str) -> None:
    assert world.root.get(f"policy/effective/{U1}", **parameters)["_msg"] == code


# Addresses


@pytest.mark.parametrize(
    ("asked", "account", "address"),
    [
        ("U1@LOCAL.Test", U1, U1),
        ("u1+x@local.test", U1, "u1+x@local.test"),
        ("u1@alias.test", U1, "u1@alias.test"),
        ("sales@local.test", U1, "sales@local.test"),
        ("Sales+x@Alias.test", U1, "sales+x@alias.test"),
        ("team@local.test", "team@local.test", "team@local.test"),
        ("team@alias.test", "team@local.test", "team@alias.test"),
    ],
)
def test_an_address_leads_to_its_account(world: World, asked: str, account: str, address: str) -> None:
    found = world.effective(asked)
    assert (found["account"], found["address"]) == (account, address)


@pytest.mark.parametrize("address", ["no@local.test", "no@alias.test", "far@away.test", "u1@nowhere.test"])
def test_an_address_of_nobody_is_refused(world: World, address: str) -> None:
    assert world.root.get(f"policy/effective/{address}")["_msg"] == "NO_SUCH_ACCOUNT"


@pytest.mark.parametrize("address", ["local.test", "@local.test", "u1@", "@."])
def test_what_is_no_address_is_refused(world: World, address: str) -> None:
    assert world.root.get(f"policy/effective/{address}")["_msg"] == "INVALID_MAIL"


@pytest.mark.parametrize(
    ("address", "in_amavisd", "in_iredapd"),
    [
        (U1, U1, U1),
        ("u1+x@local.test", "local.test", U1),
        ("u1@alias.test", "global", U1),
        ("sales@local.test", "local.test", "local.test"),
    ],
)
def test_the_daemons_look_up_what_stands_in_the_envelope(
    world: World, address: str, in_amavisd: str, in_iredapd: str
) -> None:
    """Amavisd knows neither extensions nor alias domains; neither daemon knows alias addresses."""
    for scope, score in (("global", "7"), ("domain/local.test", "5"), (f"user/{U1}", "3")):
        spam_policy(world, scope, spam_score=score)
    for scope in ("global", "local.test", U1):
        throttle(world, scope, "inbound", max_msgs="1")
    found = world.effective(address)
    assert found["spam_policy"]["values"]["spam_score"]["scope"] == in_amavisd
    assert found["throttle"]["inbound"]["max_msgs"]["scope"] == in_iredapd


@pytest.mark.parametrize("address", [U1, "u1+x@local.test", "u1@alias.test", "sales@local.test"])
def test_whoever_the_mail_is_for_the_account_logs_in(world: World, address: str) -> None:
    throttle(world, U1, "outbound", max_msgs="1")
    listed(world, U1, "outbound", "blacklist", "@far.test")
    found = world.effective(address)
    assert found["throttle"]["outbound"]["max_msgs"]["scope"] == U1
    assert [entry["scope"] for entry in found["wblist"]["outbound"]] == [U1]


# Who may ask


def test_a_domain_admin_asks_about_the_own_domain_alone(world: World) -> None:
    assert world.admin.data(f"policy/effective/{U1}") == world.effective(U1)
    for address in (PEOPLE["v"], "no@other.test", PEOPLE["s"]):
        assert world.admin.get(f"policy/effective/{address}")["_msg"] == "PERMISSION_DENIED"


def test_an_alias_address_in_the_own_domain_of_an_account_in_another_is_not_told(world: World) -> None:
    world.site.change_settings(user_alias_cross_all_domains=True)
    world.root.ok("PUT", f"user/{PEOPLE['v']}", aliases="abroad@local.test")
    assert world.effective("abroad@local.test")["account"] == PEOPLE["v"]
    refused = world.admin.get("policy/effective/abroad@local.test")
    assert refused == {"_success": False, "_msg": "PERMISSION_DENIED", "_hint": "abroad@local.test"}
    world.root.ok("PUT", f"user/{PEOPLE['v']}", aliases="")


def test_who_has_no_rights_asks_nothing(world: World) -> None:
    nobody = world.site.client()
    assert nobody.post("login", username=PEOPLE["u2"], password=PASSWORD)["_msg"] == "INVALID_CREDENTIALS"
    assert nobody.get(f"policy/effective/{PEOPLE['u2']}")["_msg"] == "LOGIN_REQUIRED"


CLOSABLE = {"spampolicy": "spam_policy", "throttle": "throttle", "greylisting": "greylisting", "wblist": "wblist"}


@contextmanager
def closed(world: World, *sections: str) -> Iterator[None]:
    """Close sections of the users' profiles to the admins of `local.test`, until the end of the block."""
    world.root.ok("PUT", "domain/local.test", disableUserProfile=",".join(sections))
    try:
        yield
    finally:
        world.root.ok("PUT", "domain/local.test", enableUserProfile=",".join(sections))


@pytest.mark.parametrize("section", CLOSABLE)
def test_a_closed_section_is_missing_from_a_domain_admins_answer(world: World, section: str) -> None:
    parameters = {"correspondent": EXT}
    with closed(world, section):
        found = world.admin.data(f"policy/effective/{U1}", **parameters)
        assert set(SECTIONS) - found.keys() == {CLOSABLE[section]}
        in_verdicts = found["verdicts"]["inbound"].keys() | found["verdicts"]["outbound"].keys()
        missing = {"wblist": {"wblist", "spam_check", "spam_points"}, "spampolicy": set[str]()}.get(section, {section})
        assert {"greylisting", "throttle", "wblist", "spam_check", "spam_points"} - in_verdicts == missing
        assert world.root.data(f"policy/effective/{U1}", **parameters).keys() == {*SECTIONS, "account", "address",
                                                                                   "verdicts"}  # fmt: skip


def test_with_all_sections_closed_only_the_account_is_told(world: World) -> None:
    with closed(world, *CLOSABLE):
        assert world.admin.data(f"policy/effective/{U1}") == {"account": U1, "address": U1}
