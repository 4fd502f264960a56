"""How the engines find mails: along the time, or by what is rare about them."""

from typing import Any

import pytest

from postreeve.quarantine import sql as quarantine
from postreeve.storage import mails
from postreeve.storage.sql import Session, Statement
from postreeve.storage.tables.amavisd import maddr, msgrcpt, msgs
from tests.mail_log.test_mail_log import NOW, furnished
from tests.mails import log_mail
from tests.site import Site

pytestmark = [pytest.mark.sql, pytest.mark.slow]  # thousands of rows, for plans that mean something

MANY = 4000


@pytest.fixture
def crowd(site: Site) -> Site:
    """A log of many mails, and what the engine counts of them."""
    furnished(site)
    log_mail(site, "x@far.test", "ann@a.test")
    [mail], [share] = site.rows("msgs"), site.rows("msgrcpt")
    numbers = range(1, MANY)
    with Session(site.storage.databases["amavisd"]) as session:
        session.insert_many(maddr, [
            {"email": f"u{number}@d{number}.test", "domain": mails.octets_of(session, [f"d{number}.test"])[0]}
            for number in numbers
        ])  # fmt: skip
        session.insert_many(msgs, [
            {
                **mail, "mail_id": f"{number:012}", "time_num": NOW - number, "sid": number,
                **({} if number % 50 else {"content": "SYVBMHUO"[number // 50 % 8], "quar_type": "Q"}),
            }
            for number in numbers
        ])  # fmt: skip
        session.insert_many(msgrcpt, [{**share, "mail_id": f"{number:012}", "rid": number} for number in numbers])
        session.commit()
    for table in (msgs, msgrcpt, maddr):
        site.analyze("amavisd", table.name)
    return site


def test_the_log_is_read_along_the_time(crowd: Site) -> None:
    plan = _plan(crowd, mails.BACK, since=0, at=NOW - 9, partition=0, mail_id=_octets(crowd, "0"), most=50)
    assert "msgs_idx_time_num" in plan
    match crowd.engine:
        case "sqlite":
            assert "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY" in plan  # those of one second
        case "postgresql":
            assert "Presorted Key: time_num" in plan
        case "mariadb":
            assert "filesort" not in plan


@pytest.mark.parametrize(
    ("statement", "index", "names"),
    [
        (mails.OF_ADDRESSES["received"], "maddr_idx_email_raw", ("addresses", "most")),
        (mails.OF_ADDRESSES["sent"], "maddr_idx_email_raw", ("addresses", "most")),
        (mails.OF_DOMAINS["received"], "maddr_idx_domain", ("domains", "most")),
        (mails.OF_DOMAINS["sent"], "maddr_idx_domain", ("domains", "most")),
        (mails.OF_KINDS, "msgs_idx_content", ("letters", "most")),
        (mails.IN_QUARANTINE, "msgs_idx_quar_type", ("most",)),
        (quarantine.FIND, "msgs_idx_mail_id", ("mail_id",)),
    ],
)
def test_what_is_rare_is_found_by_an_index(
    crowd: Site, statement: Statement, index: str, names: tuple[str, ...]
) -> None:
    with Session(crowd.storage.databases["amavisd"]) as session:
        values: dict[str, Any] = {
            "addresses": ["u7@d7.test", "u8@d8.test"], "domains": mails.octets_of(session, ["d7.test", "d8.test"]),
            "letters": ["V"], "most": 100, "mail_id": _octets(crowd, "000000000007"),
        }  # fmt: skip
    assert index in _plan(crowd, statement, **{name: values[name] for name in names})


def _octets(site: Site, text: str) -> str | bytes:
    return site.storage.databases["amavisd"].engine.octets(text)


def _plan(site: Site, statement: Statement, **values: Any) -> str:
    """Return what the engine says of the way in which it answers a statement."""
    database = site.storage.databases["amavisd"]
    lists = {} if database.engine.takes_arrays else {n: len(v) for n, v in values.items() if isinstance(v, list)}
    compiled = database.compiled(statement, lists)
    for name, names in compiled.expansions.items():
        values |= zip(names, values.pop(name), strict=True)
    explaining = "EXPLAIN QUERY PLAN" if site.engine == "sqlite" else "EXPLAIN"
    with Session(database) as session:
        session._guarded("execute", f"{explaining} {compiled.text}", {**compiled.constants, **values})
        return "\n".join(str(row) for row in session._fetched())
