"""What iRedAPD 6.1 was seen to answer about greylisting follows from what the API says is in effect.

The answers are K, to come back later, and D, let through. A setting that other programs wrote stands as account and
priority, sender and priority.

Left out is what is not about rows: what iRedAPD remembers of those who came before (the second half of G02, G20), SPF
records that it looks up itself (G17), who has logged in (the first half of G11), and null senders (G12).
"""

import pytest

from postreeve.storage.tables.iredapd import greylisting, greylisting_whitelist_domain_spf, greylisting_whitelists
from tests.policies.world import PEOPLE, SCOPES, Message, World, lines, parts

pytestmark = pytest.mark.slow  # the observed tables are long

SET_BY_THE_API = """
G01   | global none                                        | ext>u1                     | D
G02   |                                                    | ext>u1 z>u2 ext>u1@8       | K K K
G03   | global disable                                     | ext>u1                     | D
G04   | local disable                                      | ext>u1 ext>v               | D K
G06   | global disable; local disable; u1 enable           | ext>u1 ext>u2              | K D
G10   | global none; local enable                          | ext>a ext>s                | K D
G11   |                                                    | ext>u1@127.0.0.1 ext>u1@::1 | D D
G13   | global spares 203.0.113.7                          | ext>u1 ext>u1@8            | D K
G13   | global spares 203.0.113.0/24                       | ext>u1                     | D
G13   | global spares @remote.test                         | ext>u1                     | D
G13   | global spares @.remote.test                        | ext>u1                     | D
G13   | global spares @.test                               | ext>u1                     | D
G13   | global spares @.                                   | ext>u1                     | D
G13   | global spares ext@remote.test                      | ext>u1 z>u1                | D K
G13v6 | global spares 2001:db8::7                          | ext>u1@2001:db8::7         | D
G13v6 | global spares 2001:db8::/32                        | ext>u1@2001:db8::7         | D
G14   | local spares @.                                    | ext>u1 ext>a               | D D
G14   | u1 spares @.                                       | ext>u1                     | D
G14   | other spares @.                                    | ext>u1                     | K
G15   | dns remote.test                                    | ext>u1                     | K
G18   | global whitelist ext                               | ext>u1                     | K
G19   | global blacklist ext                               | ext>u1                     | K
G21   | global spares 203.0.113.7; u1 enable               | ext>u1                     | D
G22   | global spares 203.0.113.0/255.255.255.0            | ext>u1                     | D
G22   | global spares 202.0.0.0/7                          | ext>u1                     | K
G22   | global spares 0.0.0.0/0                            | ext>u1                     | K
G22   | global spares 203.0.0.0/8                          | ext>u1                     | D
G24   | global none; local enable                          | ext>u1 ext>v               | K D
"""

WRITTEN_BY_OTHERS = """
G05   | global none; @. 60 @. 0 enable; @local.test 0 @. 0 disable | ext>u1             | K
G07   | @. 0 203.0.113.7 80 disable                        | ext>u1                     | D
G07   | @. 0 203.0.113.0/24 70 disable                     | ext>u1                     | D
G07   | @. 0 203.0.113.0/24 0 disable                      | ext>u1                     | K
G07   | @. 0 203.0.113.* 70 disable                        | ext>u1                     | K
G07   | @. 0 ext@remote.test 100 disable                   | ext>u1                     | D
G07   | @. 0 @remote.test 60 disable                       | ext>u1                     | D
G07   | @. 0 @.remote.test 50 disable                      | ext>u1                     | D
G07   | @. 0 @.test 40 disable                             | ext>u1                     | D
G07   | @. 0 2001:db8::7 80 disable                        | ext>u1@2001:db8::7         | D
G07   | @. 0 2001:db8::/32 70 disable                      | ext>u1@2001:db8::7         | K
G07   | @. 0 remote.test 60 disable                        | ext>u1                     | K
G07   | @. 0 ext@* 90 disable                              | ext>u1                     | K
G07   | @. 0 * 10 disable                                  | ext>u1                     | D
G08   | @. 0 203.0.113.7 80 disable; @local.test 60 @. 0 enable | ext>u1                | K
G09   | global none; @.local.test 50 @. 0 enable           | ext>u1 ext>s ext>v         | K K D
G13   | @. spares 203.0.113.7/24                           | ext>u1                     | K
G13   | @. spares 203.0.113.*                              | ext>u1                     | K
G13   | @. spares @test                                    | ext>u1                     | K
G13   | @. spares EXT@Remote.Test                          | ext>u1                     | D
G13   | @. spares remote.test                              | ext>u1                     | K
G13   | @. spares ext@*                                    | ext>u1                     | K
G13v6 | @. spares 2001:0db8:0000::/32                      | ext>u1@2001:db8::7         | D
G13v6 | @. spares 2001:db8::7/128                          | ext>u1@2001:db8::7         | K
G13v6 | @. spares 2001:DB8::7                              | ext>u1@2001:db8::7         | D
G14   | @.local.test spares @.                             | ext>u1                     | D
G14   | local.test spares @.                               | ext>u1                     | K
G16   | @. named 203.0.113.7                               | ext>u1                     | D
G16   | @. named 203.0.113.0/24                            | ext>u1                     | D
G16   | @. named @remote.test                              | ext>u1                     | D
G22   | @. spares 203.0.113.0/255.255.255.0                | ext>u1                     | D
"""


def set_by_the_api(world: World, cell: str) -> None:
    for words in parts(cell):
        match words:
            case [scope, "none"]:
                world.root.ok("DELETE", f"greylisting/{SCOPES[scope]}")
            case [scope, "spares", sender]:
                world.root.ok("POST", f"greylisting/{SCOPES[scope]}/whitelists", addSenders=sender)
            case ["dns", domain]:
                world.root.ok("POST", "greylisting/whitelist_spf_domains", addDomains=domain)
            case [scope, "whitelist" | "blacklist" as verdict, person]:
                world.root.ok("POST", f"wblist/inbound/{verdict}/{SCOPES[scope]}", addresses=PEOPLE[person])
            case [scope, status]:
                world.root.ok("POST", f"greylisting/{SCOPES[scope]}", status=status)


def insert(world: World, cell: str) -> None:
    for words in parts(cell):
        match words:
            case [scope, "none"]:
                set_by_the_api(world, f"{scope} none")
            case [account, "spares", sender]:
                world.insert(greylisting_whitelists, account=account, sender=sender)
            case [account, "named", sender]:
                world.insert(greylisting_whitelist_domain_spf, account=account, sender=sender)
            case [account, priority, sender, sender_priority, status]:
                world.insert(
                    greylisting, account=account, priority=int(priority), sender=sender,
                    sender_priority=int(sender_priority), active=int(status == "enable"),
                )  # fmt: skip


def answers(world: World, messages: str) -> str:
    return " ".join(_answer(world, Message.parse(text)) for text in messages.split())


def _answer(world: World, message: Message) -> str:
    verdicts = world.effective(message.recipient, correspondent=message.sender, client_address=message.client)
    return {"enable": "K", "disable": "D"}[verdicts["verdicts"]["inbound"]["greylisting"]["status"]]


@pytest.mark.parametrize(("policies", "messages", "expected"), lines(SET_BY_THE_API))
def test_what_the_api_sets_is_what_iredapd_does(world: World, policies: str, messages: str, expected: str) -> None:
    set_by_the_api(world, policies)
    assert answers(world, messages) == expected


@pytest.mark.parametrize(("policies", "messages", "expected"), lines(WRITTEN_BY_OTHERS))
def test_rows_of_other_programs_are_understood(world: World, policies: str, messages: str, expected: str) -> None:
    insert(world, policies)
    assert answers(world, messages) == expected


def test_g23_accounts_are_compared_as_the_database_does(world: World) -> None:
    insert(world, "U1@Local.Test 100 @. 0 disable")
    assert answers(world, "ext>u1") == ("D" if world.site.engine == "mariadb" else "K")
