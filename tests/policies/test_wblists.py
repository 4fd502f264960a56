"""What iRedAPD 6.1 was seen to answer about white and black lists follows from what the API says is in effect.

The answers are X, refused; OK, let through; D, no entry decides.

Left out is what is not about rows or not about an account of ours: mail that another plug-in refuses first (the second
half of W15), null senders (W19), numbers of rows that iRedAPD mixes up (W21), mail through the server to somewhere else
(the first half of W23), and reverse names.
"""

import pytest

from postreeve.storage.tables.amavisd import users, wblist
from tests.policies.world import CLIENT, PEOPLE, SCOPES, Message, World, lines, parts

pytestmark = pytest.mark.slow  # the observed tables are long

FORMS_OF_THE_API = """
W01 | ext              | X
W01 | @remote.test     | X
W01 | @.remote.test    | X
W01 | @.test           | X
W01 | @.               | X
W01 | 203.0.113.7      | X
W01 | 203.0.113.0/24   | X
W01 | 203.0.113.7/32   | X
W01 | 203.0.113.*      | X
W01 | 203.0.*.7        | X
W01 | 203.*.*.*        | D
W01 | ext@*            | X
W01 | ext+tag          | D
W24 | 203.0.113.0/255.255.255.0 | X
W24 | 202.0.0.0/7      | D
W24 | 0.0.0.0/0        | D
W24 | 203.0.0.0/8      | X
"""

SET_BY_THE_API = """
W01 | global inbound blacklist 2001:db8::7                                    | ext>u1@2001:db8::7 | X
W01 | global inbound blacklist 2001:db8::/32                                  | ext>u1@2001:db8::7 | D
W02 | global inbound blacklist ext                                            | ext+tag>u1         | X
W03 | u1 inbound blacklist @.                                                 | ext>u1 ext>s ext>a ext>u1+x | X D X X
W03 | local inbound blacklist @.                                              | ext>u1 ext>s ext>a ext>u1+x | X D X X
W03 | global inbound blacklist @.                                             | ext>u1 ext>s ext>a ext>u1+x | X X X X
W04 | u1 inbound whitelist ext; global inbound blacklist @.                   | ext>u1 ext>u2      | OK X
W05 | u1 inbound blacklist @.; global inbound whitelist ext                   | ext>u1             | X
W06 | u1 inbound blacklist @.; u1 inbound whitelist ext                       | ext>u1 z>u1        | OK X
W08 | global inbound whitelist @.; global inbound blacklist 203.0.113.0/24    | ext>u1             | OK
W08 | global inbound whitelist @.; global inbound blacklist 203.0.113.7       | ext>u1             | X
W08 | global inbound whitelist ext; global inbound blacklist 203.0.113.7      | ext>u1             | OK
W11 | u1 outbound blacklist x                                                 | u1>x               | X
W11 | u1 outbound whitelist x                                                 | u1>x               | D
W11 | u1 outbound blacklist @remote.test                                      | u1>x               | X
W11 | u1 outbound whitelist @remote.test                                      | u1>x               | D
W11 | u1 outbound blacklist @.remote.test                                     | u1>x               | X
W11 | u1 outbound whitelist @.remote.test                                     | u1>x               | D
W11 | u1 outbound blacklist @.                                                | u1>x               | X
W11 | u1 outbound whitelist @.                                                | u1>x               | D
W12 | local outbound blacklist x                                              | u1>x               | X
W12 | global outbound blacklist x                                             | u1>x               | X
W13 | global outbound blacklist @.; u1 outbound whitelist @remote.test        | u1>x u1>y u2>x     | D X X
W14 | u1 outbound blacklist u2                                                | u1>u2              | X
W15 | u2 inbound blacklist u1                                                 | u1>u2              | X
W16 | v inbound blacklist u1                                                  | u1>v               | X
W17 | global inbound blacklist u1                                             | u1>x               | D
W18 | global inbound blacklist 203.0.113.7                                    | u1>u2 u1>x         | X D
W19 | global inbound blacklist @.; global outbound blacklist @.               | u1>u1              | D
W19 | global inbound blacklist ext                                            | ext>u1@127.0.0.1   | X
W20 | u1 outbound whitelist u2; u2 inbound blacklist u1                       | u1>u2              | X
W23 | u1 outbound blacklist x                                                 | a>x                | X
"""

WRITTEN_BY_OTHERS = """
W01 | @. inbound B @test               | ext>u1                      | D
W01 | @. inbound B 203.0.113.7/24      | ext>u1                      | D
W01 | @. inbound B 2001:db8::7/128     | ext>u1@2001:db8::7          | D
W01 | @. inbound B remote.test         | ext>u1                      | D
W01 | @. inbound B EXT@remote.test     | ext>u1                      | D
W03 | @.local.test inbound B @.        | ext>u1 ext>s ext>a ext>u1+x | X X X X
W03 | @.test inbound B @.              | ext>u1 ext>s ext>a ext>u1+x | X X X X
W03 | local.test inbound B @.          | ext>u1 ext>s ext>a ext>u1+x | D D D D
W09 | @. inbound W ext                 | ext>u1                      | OK
W09 | @. inbound B ext                 | ext>u1                      | X
W09 | @. inbound w ext                 | ext>u1                      | D
W09 | @. inbound b ext                 | ext>u1                      | D
W09 | @. inbound Y ext                 | ext>u1                      | D
W09 | @. inbound N ext                 | ext>u1                      | D
W09 | @. inbound _ ext                 | ext>u1                      | D
W09 | @. inbound 5.0 ext               | ext>u1                      | D
W09 | @. inbound -5 ext                | ext>u1                      | D
W11 | u1@local.test outbound B x@*     | u1>x                        | D
W11 | u1@local.test outbound W x@*     | u1>x                        | D
W12 | @.local.test outbound B x        | u1>x                        | X
W22 | 203.0.113.0/24 outbound B x      | u1>x                        | D
W22 | 203.0.113.7 outbound B x         | u1>x u1>x@8                 | X D
W24 | @. inbound B 203.0.113.0/255.255.255.0 | ext>u1                | X
W25 | @. inbound B 2001:DB8::7         | ext>u1@2001:db8::7          | D
W26 | u1@Local.Test inbound B ext      | ext>u1                      | D
"""


def set_by_the_api(world: World, cell: str) -> None:
    for scope, direction, verdict, address in parts(cell):
        world.root.ok("POST", f"wblist/{direction}/{verdict}/{SCOPES[scope]}", addresses=PEOPLE.get(address, address))


def insert(world: World, cell: str) -> None:
    """Insert entries; an underscore is a blank."""
    for account, direction, letter, address in parts(cell):
        world.insert_entry(direction, account, PEOPLE.get(address, address), letter.replace("_", " "))


def answers(world: World, messages: str) -> str:
    return " ".join(_answer(world, Message.parse(text)) for text in messages.split())


def _answer(world: World, message: Message) -> str:
    """Return iRedAPD's answer: the outbound list of who has logged in can only refuse, then the recipient's decides."""
    if message.has_logged_in:
        verdicts = world.effective(
            message.sender, correspondent=message.recipient, client_address=message.client
        )["verdicts"]  # fmt: skip
        if _said(verdicts["outbound"]["wblist"]) == "X":
            return "X"
        if not message.is_for_us:
            return "D"
    verdicts = world.effective(
        message.recipient, correspondent=message.sender, client_address=message.client
    )["verdicts"]  # fmt: skip
    return _said(verdicts["inbound"]["wblist"])


def _said(entry: dict[str, str] | None) -> str:
    return {"whitelist": "OK", "blacklist": "X"}[entry["list"]] if entry else "D"


@pytest.mark.parametrize(("sender", "expected"), lines(FORMS_OF_THE_API))
def test_a_form_of_sender_is_found_on_either_list(world: World, sender: str, expected: str) -> None:
    set_by_the_api(world, f"global inbound blacklist {sender}")
    assert answers(world, "ext>u1") == expected
    set_by_the_api(world, f"global inbound whitelist {sender}")
    assert answers(world, "ext>u1") == expected.replace("X", "OK")


@pytest.mark.parametrize(("entries", "messages", "expected"), lines(SET_BY_THE_API))
def test_what_the_api_sets_is_what_iredapd_does(world: World, entries: str, messages: str, expected: str) -> None:
    set_by_the_api(world, entries)
    assert answers(world, messages) == expected


@pytest.mark.parametrize(("entries", "messages", "expected"), lines(WRITTEN_BY_OTHERS))
def test_entries_of_other_programs_are_understood(world: World, entries: str, messages: str, expected: str) -> None:
    insert(world, entries)
    assert answers(world, messages) == expected


def test_w07_the_number_of_an_account_decides_not_its_form(world: World) -> None:
    insert(world, "u1@local.test inbound W ext; @. inbound B @.")
    assert answers(world, "ext>u1") == "OK"
    world.change(users, {"priority": 0}, email="u1@local.test")
    world.change(users, {"priority": 10}, email="@.")
    assert answers(world, "ext>u1") == "X"


def test_w10_an_entry_of_nobody_decides_nothing(world: World) -> None:
    insert(world, "@. inbound B ext")
    (entry,) = world.site.rows("wblist")
    world.change(wblist, {"rid": entry["rid"] + 1000}, rid=entry["rid"])
    assert answers(world, "ext>u1") == "D"


def test_g19_who_is_blacklisted_is_sent_away_first(world: World) -> None:
    set_by_the_api(world, "global inbound blacklist ext")
    verdicts = world.effective("u1@local.test", correspondent=PEOPLE["ext"], client_address=CLIENT)["verdicts"]
    assert verdicts["inbound"]["greylisting"]["status"] == "enable"
    assert verdicts["inbound"]["wblist"]["list"] == "blacklist"
