"""Policies of accounts, set through the API, and how they lie in the databases."""

from collections.abc import Iterable

from tests.site import PASSWORD, Client, Row, Site

Facts = list[tuple[str, ...]]
"""What the databases of policies say, each time in words; what is there twice is said twice."""
WHITELISTED = ("w@far.test", "@.far.test")


def create_domains(root: Client, *domains: str) -> None:
    for domain in domains:
        root.ok("POST", f"domain/{domain}")


def create_user(root: Client, mail: str) -> None:
    root.ok("POST", f"user/{mail}", password=PASSWORD)


def give(root: Client, scope: str, number: int = 5) -> None:
    """Give an account or a domain policies of all kinds; the number tells whose they are."""
    kind = "user" if "@" in scope else "domain"
    root.ok("PUT", f"spampolicy/{kind}/{scope}", spam_score=str(number), bypass_virus_checks="yes")
    root.ok("POST", f"wblist/inbound/whitelist/{scope}", addresses=",".join(WHITELISTED))
    root.ok("POST", f"wblist/outbound/blacklist/{scope}", addresses=f"b{number}@far.test")
    give_to_iredapd(root, scope, number)


def give_to_iredapd(root: Client, scope: str, number: int) -> None:
    for direction in ("inbound", "outbound"):
        root.ok("POST", f"throttle/{scope}/{direction}", period="60", max_msgs=str(number))
    root.ok("POST", f"greylisting/{scope}", status="disable")
    root.ok("POST", f"greylisting/{scope}/whitelists", senders=f"g{number}@far.test")


def facts(site: Site, *stores: str) -> Facts:
    """Return what is said of accounts, but for what a new installation says of everybody; of both stores or one."""
    found = {"amavisd": _facts_of_amavisd, "iredapd": _facts_of_iredapd}
    return sorted(fact for name in stores or found for fact in found[name](site) if "@." not in fact[:2])


def told_of(name: str, said: Facts) -> Facts:
    """Return the facts about an account, or about a domain and everything in it."""
    return [fact for fact in said if fact[1] in {name, f"@{name}"} or fact[1].endswith(f"@{name}")]


def renamed(said: Facts, old: str, new: str) -> Facts:
    """Return the same facts under another name."""
    return sorted(tuple(new if word == old else word for word in fact) for fact in said)


def _facts_of_amavisd(site: Site) -> Iterable[tuple[str, ...]]:
    policies = {row["id"]: row for row in site.rows("policy")}
    accounts = {row["id"]: row["email"] for row in site.rows("users")}
    others = {row["id"]: row["email"] for row in site.rows("mailaddr")}
    for row in policies.values():
        yield "policy", row["policy_name"], _number(row, "spam_tag2_level"), str(row["bypass_virus_checks"])
    for row in site.rows("users"):
        yield "account", row["email"], str(row["policy_id"] and policies[row["policy_id"]]["policy_name"])
    for row in site.rows("wblist"):
        yield "inbound", accounts[row["rid"]], others[row["sid"]], row["wb"]
    for row in site.rows("outbound_wblist"):
        yield "outbound", accounts[row["sid"]], others[row["rid"]], row["wb"]


def _facts_of_iredapd(site: Site) -> Iterable[tuple[str, ...]]:
    throttles = {row["id"]: row["account"] for row in site.rows("throttle")}
    for row in site.rows("throttle"):
        yield "throttle", row["account"], row["kind"], _number(row, "max_msgs")
    for row in site.rows("throttle_tracking"):
        yield "counted", throttles[row["tid"]], row["account"]
    for row in site.rows("greylisting"):
        yield "greylisting", row["account"], row["sender"], str(row["active"])
    for row in site.rows("greylisting_whitelists"):
        yield "not greylisted", row["account"], row["sender"]


def _number(row: Row, column: str) -> str:
    return "" if row[column] is None else str(int(row[column]))
