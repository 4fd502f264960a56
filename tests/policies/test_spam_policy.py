"""What Amavisd 2.13 was seen to do, as iRedMail configures it, follows from what the API says is in effect.

A message is `kind>recipient`, from ext@remote.test and with the subject "hello": clean, spam, with a virus, with a
forbidden attachment, or with a bad header. It is delivered (`deliv`), quarantined (`Q`), both, or lost.

In the tables an underscore is a blank and two apostrophes are the empty text; a column that is not named is NULL.

Left out is what the log of mail says (A20 to A23).
"""

from dataclasses import dataclass
from math import inf
from typing import Any

import pytest

from postreeve.patterns import form_of
from postreeve.storage.tables.amavisd import policy, users
from tests.policies.world import PEOPLE, SCOPES, World, given, lines, parts

pytestmark = pytest.mark.slow  # the observed tables are long

SCORES = {"spam": 1000.0}
CLEAN = -0.002
"""The score of any other message."""

WAYS_BY_THE_API = """
A01 |                                                  | clean spam virus banned bad_header | deliv deliv Q Q deliv
A02 | global none                                      | clean spam virus banned bad_header | deliv Q Q Q Q
A03 | global quarantine_spam=yes                       | spam                               | Q
A03 | global quarantine_spam=no                        | spam                               | deliv
A04 | u1 quarantine_virus=yes                          | virus                              | Q
A04 | u1 quarantine_virus=no                           | virus                              | deliv
A04 | local quarantine_banned=yes                      | banned                             | Q
A04 | local quarantine_banned=no                       | banned                             | deliv
A04 | global quarantine_bad_header=yes                 | bad_header                         | Q
A04 | global quarantine_bad_header=no                  | bad_header                         | deliv
A05 | global bypass_spam_checks=yes                    | spam virus                         | deliv Q
A05 | global bypass_virus_checks=yes                   | virus banned                       | deliv Q
A05 | global bypass_banned_checks=yes                  | banned virus                       | deliv Q
A05 | global none; global bypass_header_checks=yes     | bad_header spam                    | deliv Q
A14 | u1 quarantine_spam=yes; u1 blacklist ext         | clean                              | Q
A16 | global quarantine_spam=yes; u1 whitelist ext; global blacklist ext | spam>u1 spam>u2  | deliv Q
A17 | u1 whitelist ext                                 | virus banned                       | Q Q
A19 | u1 quarantine_spam=yes; u2 quarantine_spam=no    | spam>u1 spam>u2                    | Q deliv
"""

WAYS_BY_OTHERS = """
A03 | global none; u1 spam_lover=Y spam_quarantine_to=label         | spam       | deliv+Q
A03 | global none; u1 spam_lover=Y spam_quarantine_to=''            | spam       | deliv
A03 | global none; u1 spam_lover=N spam_quarantine_to=label         | spam       | Q
A03 | global none; u1 spam_lover=N spam_quarantine_to=''            | spam       | lost
A03 | global none; u1 spam_lover=Y                                  | spam       | deliv+Q
A03 | global none; u1 spam_lover=N                                  | spam       | Q
A03 | global none; u1                                               | spam       | Q
A03 | global none; u1 spam_quarantine_to=''                         | spam       | lost
A04 | u1 virus_lover=N virus_quarantine_to=label                    | virus      | Q
A04 | u1 virus_lover=N virus_quarantine_to=''                       | virus      | lost
A04 | u1 virus_lover=Y virus_quarantine_to=''                       | virus      | deliv
A04 | u1 virus_lover=Y virus_quarantine_to=label                    | virus      | deliv+Q
A04 | u1 banned_files_lover=N banned_quarantine_to=label            | banned     | Q
A04 | u1 banned_files_lover=N banned_quarantine_to=''               | banned     | lost
A04 | u1 banned_files_lover=Y banned_quarantine_to=''               | banned     | deliv
A04 | u1 banned_files_lover=Y banned_quarantine_to=label            | banned     | deliv+Q
A04 | u1 bad_header_lover=N bad_header_quarantine_to=label          | bad_header | Q
A04 | u1 bad_header_lover=N bad_header_quarantine_to=''             | bad_header | lost
A04 | u1 bad_header_lover=Y bad_header_quarantine_to=''             | bad_header | deliv
A04 | u1 bad_header_lover=Y bad_header_quarantine_to=label          | bad_header | deliv+Q
A05 | global none; u1 bypass_spam_checks=Y                          | spam       | deliv
A05 | global none; u1 bypass_virus_checks=Y                         | virus      | deliv
A05 | global none; u1 bypass_banned_checks=Y                        | banned     | deliv
A05 | global none; u1 bypass_header_checks=Y                        | bad_header | deliv
A24 | local spam_lover=N spam_quarantine_to=label; u1 spam_quarantine_to='' | spam | lost
"""

SUBJECTS_BY_THE_API = """
A01  |                                                              | spam     | [SPAM]_hello
A05  | global bypass_spam_checks=yes                                | spam     | hello
A06  | u1 prefix_spam_in_subject=no                                 | spam     | hello
A06  | u1 prefix_spam_in_subject=yes                                | spam     | [SPAM]_hello
A06  | prefix [X]_; u1 prefix_spam_in_subject=yes                   | spam     | [X]_hello
A10  | global prefix_spam_in_subject=no; u1 blacklist y             | spam     | hello
A12  | u1 prefix_spam_in_subject=no                                 | spam>u1 spam>u1+x | hello [SPAM]_hello
A13  | u1 whitelist ext                                             | spam     | hello
A13  | u1 blacklist ext                                             | clean    | [SPAM]_hello
A15  | u1 whitelist @remote.test                                    | spam     | hello
A15  | u1 whitelist @.remote.test                                   | spam     | hello
A15  | u1 whitelist @.test                                          | spam     | hello
A15  | u1 whitelist @.                                              | spam     | hello
A15  | u1 whitelist 203.0.113.7                                     | spam     | [SPAM]_hello
A15  | u1 whitelist ext@*                                           | spam     | [SPAM]_hello
A16  | u1 whitelist ext; global blacklist ext                       | spam     | hello
A18  | u1 whitelist @remote.test; u1 blacklist ext                  | clean    | [SPAM]_hello
"""

SUBJECTS_BY_OTHERS = """
A06 | u1 spam_subject_tag2=''                                       | spam     | hello
A06 | u1 spam_subject_tag2=[X]_                                     | spam     | [X]_hello
A06 | u1 spam_subject_tag2='' spam_subject_tag=[T]_                 | spam     | [T]_hello
A12 | @.local.test spam_subject_tag2=''                             | spam>s spam>u1+x | hello hello
A13 | u1 listed W ext                                               | spam     | hello
A13 | u1 listed Y ext                                               | spam     | hello
A13 | u1 listed B ext                                               | clean    | [SPAM]_hello
A13 | u1 listed N ext                                               | clean    | [SPAM]_hello
A13 | u1 listed _ ext; global listed W ext                          | spam clean | [SPAM]_hello hello
A15 | u1 listed W bare                                              | spam     | hello
"""

HEADERS_BY_THE_API = """
A07 |                                                               | clean    | none
A07 | u1 always_insert_x_spam_headers=yes                           | clean    | NO
A07 | u1 always_insert_x_spam_headers=no                            | clean    | none
A01 |                                                               | spam     | YES
A05 | global bypass_spam_checks=yes                                 | spam     | none
A25 | local always_insert_x_spam_headers=yes                        | clean    | NO
A26 | local always_insert_x_spam_headers=yes; u1 always_insert_x_spam_headers=no | clean | none
"""

HEADERS_BY_OTHERS = """
A07 | u1 spam_tag_level=-999                                        | clean    | NO
A07 | u1 spam_tag_level=2                                           | clean    | none
A07 | u1 spam_tag_level=0                                           | clean    | none
A07 | u1 spam_tag_level=999                                         | clean    | none
A25 | local spam_tag_level=-999; u1                                 | clean    | NO
A26 | local spam_tag_level=-999; u1 spam_tag_level=2                | clean    | none
"""

CONTENTS_BY_OTHERS = """
A08 | u1 listed +5.0 ext                                            | clean    | C hello
A08 | u1 listed 5.0 ext; u1 spam_tag2_level=4 spam_kill_level=4     | clean    | S [SPAM]_hello
A08 | u1 listed 5.0 ext; u1 spam_tag2_level=4                       | clean    | Y [SPAM]_hello
A08 | u1 listed 5.0 ext; u1 spam_kill_level=4                       | clean    | S hello
A08 | u1 listed 5.0 ext; u1 spam_tag2_level=2000 spam_kill_level=2000 | clean  | C hello
A13 | u1 listed 3.5 ext; u1 spam_tag2_level=3 spam_kill_level=3     | clean    | S [SPAM]_hello
A13 | u1 spam_tag2_level=-3 spam_kill_level=-3                      | clean    | S [SPAM]_hello
A13 | u1 listed -3.5 ext; u1 spam_tag2_level=-3 spam_kill_level=-3  | clean    | C hello
"""


def set_by_the_api(world: World, cell: str) -> None:
    for words in parts(cell):
        match words:
            case ["prefix", text]:
                world.site.change_settings(amavisd_spam_subject_prefix=text.replace("_", " "))
            case [scope, "none"]:
                world.root.ok("DELETE", f"spampolicy/{path(scope)}")
            case [scope, "whitelist" | "blacklist" as verdict, address]:
                address = PEOPLE.get(address, address)
                world.root.ok("POST", f"wblist/inbound/{verdict}/{SCOPES[scope]}", addresses=address)
            case [scope, *values]:
                world.root.ok("PUT", f"spampolicy/{path(scope)}", **given(values))


def path(scope: str) -> str:
    name = SCOPES[scope]
    return name if name == "global" else f"{'user' if '@' in name else 'domain'}/{name}"


def insert(world: World, cell: str) -> None:
    """Insert policies and entries of lists."""
    for words in parts(cell):
        match words:
            case [scope, "none"]:
                set_by_the_api(world, f"{scope} none")
            case [scope, "listed", letter, address]:
                sender = {"ext": PEOPLE["ext"], "bare": "ext"}[address]
                world.insert_entry("inbound", account_of(scope), sender, letter.replace("_", " "))
            case [scope, *columns]:
                insert_policy(world, account_of(scope), **given(columns))


def insert_policy(world: World, account: str, **columns: str) -> None:
    values = {
        name: float(text) if name.endswith("_level") else text.replace("_", " ").replace("''", "")
        for name, text in columns.items()
    }
    number = world.insert(policy, policy_name=account, **values)
    if world.site.rows("users", email=account):
        world.change(users, {"policy_id": number}, email=account)
    else:
        world.insert(users, email=account, priority=form_of(account).in_amavisd, policy_id=number)


def account_of(scope: str) -> str:
    name = SCOPES.get(scope, scope)
    return "@." if name == "global" else name if "@" in name else f"@{name}"


@dataclass(frozen=True)
class Outcome:
    """What Amavisd will do with a message, by what the API tells."""

    content: str
    """As its log has it: C clean, S spam, Y spam that goes no way of its own, or the kind of message."""
    way: str
    subject: str
    flag: str
    """What X-Spam-Flag says; `none` if there are no such headers."""


def outcome(world: World, text: str) -> Outcome:
    kind, _, recipient = text.partition(">")
    answer = world.effective(PEOPLE[recipient or "u1"], correspondent=PEOPLE["ext"])
    in_effect = answer["spam_policy"]
    score = _score(kind, in_effect, answer["verdicts"]["inbound"])
    is_over = {name: score >= level["value"] for name, level in in_effect["scores"].items()}
    content = _content(kind, in_effect, is_over)
    fate = in_effect["fates"].get({"S": "spam"}.get(content, content))
    prefix = in_effect["subject_prefix"]["value"] if is_over["mark"] else ""
    flag = "YES" if is_over["mark"] else "NO" if is_over["headers"] else "none"
    return Outcome(content, _way(fate) if fate else "deliv", f"{prefix}hello".replace(" ", "_"), flag)


def _score(kind: str, in_effect: dict[str, Any], verdict: dict[str, Any]) -> float:
    """Return the score; no mail is judged whose sender is whitelisted, nor where nobody looks for spam."""
    if not in_effect["fates"]["spam"]["is_checked"]["value"]:
        return -inf
    if entry := verdict["spam_check"]:
        return {"whitelist": -inf, "blacklist": inf}[entry["list"]]
    points: float = verdict["spam_points"]
    return SCORES.get(kind, CLEAN) + points


def _content(kind: str, in_effect: dict[str, Any], is_over: dict[str, bool]) -> str:
    if kind in {"virus", "banned", "bad_header"} and in_effect["fates"][kind]["is_checked"]["value"]:
        return kind
    return "S" if is_over["fate"] else "Y" if is_over["mark"] else "C"


def _way(fate: dict[str, Any]) -> str:
    ways = {"deliv": fate["is_delivered"]["value"], "Q": fate["is_quarantined"]["value"]}
    return "+".join(way for way, is_taken in ways.items() if is_taken) or "lost"


def outcomes(world: World, messages: str) -> list[Outcome]:
    return [outcome(world, text) for text in messages.split()]


@pytest.mark.parametrize(("policies", "messages", "expected"), lines(WAYS_BY_THE_API))
def test_mail_goes_where_the_api_sends_it(world: World, policies: str, messages: str, expected: str) -> None:
    set_by_the_api(world, policies)
    assert [outcome.way for outcome in outcomes(world, messages)] == expected.split()


@pytest.mark.parametrize(("policies", "messages", "expected"), lines(WAYS_BY_OTHERS))
def test_mail_goes_where_other_programs_send_it(world: World, policies: str, messages: str, expected: str) -> None:
    insert(world, policies)
    assert [outcome.way for outcome in outcomes(world, messages)] == expected.split()


@pytest.mark.parametrize(("policies", "messages", "expected"), lines(SUBJECTS_BY_THE_API))
def test_spam_is_marked_as_the_api_sets(world: World, policies: str, messages: str, expected: str) -> None:
    set_by_the_api(world, policies)
    assert [outcome.subject for outcome in outcomes(world, messages)] == expected.split()


@pytest.mark.parametrize(("policies", "messages", "expected"), lines(SUBJECTS_BY_OTHERS))
def test_spam_is_marked_as_other_programs_set(world: World, policies: str, messages: str, expected: str) -> None:
    insert(world, policies)
    assert [outcome.subject for outcome in outcomes(world, messages)] == expected.split()


@pytest.mark.parametrize(("policies", "messages", "expected"), lines(HEADERS_BY_THE_API))
def test_headers_are_inserted_as_the_api_sets(world: World, policies: str, messages: str, expected: str) -> None:
    set_by_the_api(world, policies)
    assert [outcome.flag for outcome in outcomes(world, messages)] == expected.split()


@pytest.mark.parametrize(("policies", "messages", "expected"), lines(HEADERS_BY_OTHERS))
def test_headers_are_inserted_as_other_programs_set(world: World, policies: str, messages: str, expected: str) -> None:
    insert(world, policies)
    assert [outcome.flag for outcome in outcomes(world, messages)] == expected.split()


@pytest.mark.parametrize(("policies", "messages", "expected"), lines(CONTENTS_BY_OTHERS))
def test_points_of_other_programs_count(world: World, policies: str, messages: str, expected: str) -> None:
    insert(world, policies)
    (found,) = outcomes(world, messages)
    assert f"{found.content} {found.subject}" == expected


def test_a09_each_domain_marks_spam_in_its_own_way(world: World) -> None:
    set_by_the_api(world, "prefix [G]_; global prefix_spam_in_subject=yes")
    set_by_the_api(world, "prefix [D]_; local prefix_spam_in_subject=yes; u1 spam_score=5")
    subjects = [outcome.subject for outcome in outcomes(world, "spam>u1 spam>u2 spam>v")]
    assert subjects == ["[D]_hello", "[D]_hello", "[G]_hello"]


def test_a11_the_number_of_an_account_decides_not_its_form(world: World) -> None:
    set_by_the_api(world, "prefix [U]_; u1 prefix_spam_in_subject=yes; prefix [G]_; global prefix_spam_in_subject=yes")
    assert outcome(world, "spam>u1").subject == "[U]_hello"
    world.change(users, {"priority": 0}, email="u1@local.test")
    world.change(users, {"priority": 10}, email="@.")
    assert outcome(world, "spam>u1").subject == "[G]_hello"
