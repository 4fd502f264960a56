"""Reading and writing in a real directory."""

import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from ldap import OBJECT_CLASS_VIOLATION

from postreeve.errors import Refused
from postreeve.settings import Ldap
from postreeve.storage.directory import filters
from postreeve.storage.directory.connections import Directory
from postreeve.storage.directory.entries import Values, octets_of
from postreeve.storage.directory.names import CONTAINERS
from postreeve.storage.directory.session import PAGE, Session
from postreeve.work import ConflictError, DuplicateError, StoreUnavailableError
from tests.directory.test_names import HOSTILE

DOMAIN = "a.test"


@pytest.fixture
def directory(filled: Ldap) -> Iterator[Directory]:
    """A directory with a domain and its containers."""
    found = Directory(filled, 8)
    with Session(found) as session:
        add_domain(session, DOMAIN)
        session.commit()
    yield found
    found.close()


def add_domain(session: Session, name: str) -> None:
    session.add(session.tree.domain(name), {"objectClass": "mailDomain", "domainName": name, "enabledService": "mail"})
    for container in CONTAINERS:
        session.add(session.tree.container(container, name), {"objectClass": "organizationalUnit", "ou": container})


def alias(mail: str, **values: Values) -> dict[str, Values]:
    return {"objectClass": "mailAlias", "mail": mail, "enabledService": ("mail", "deliver"), **values}


def add_alias(directory: Directory, mail: str, **values: Values) -> str:
    with Session(directory) as session:
        session.add(session.tree.alias(mail), alias(mail, **values))
        session.commit()
    return directory.tree.alias(mail)


def texts(directory: Directory, dn: str, attribute: str) -> list[str]:
    with Session(directory) as session:
        entry = session.find(dn)
        assert entry
        return sorted(entry.texts(attribute))


# Reading


def test_an_entry_is_found_with_the_attributes_that_are_wanted(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test", cn="Ännchen", accountStatus="active")
    with Session(directory) as session:
        entry = session.find(dn)
        assert entry
        assert (entry.text("CN"), entry.has("enabledservice", "MAIL"), entry.text("description")) == (
            "Ännchen", True, "",
        )  # fmt: skip
        assert entry.shown()["enabledService"] == ["mail", "deliver"]
        wanted = session.find(dn, ["cn"])
        assert wanted
        assert wanted.shown() == {"cn": ["Ännchen"]}
        assert session.find(directory.tree.alias("none@a.test")) is None
        assert session.find(directory.tree.alias("none@nowhere.test")) is None


def test_several_entries_are_found_at_once(directory: Directory) -> None:
    there = [add_alias(directory, f"{name}@{DOMAIN}", cn=name.upper()) for name in ("one", "two", "three")]
    gone = directory.tree.alias(f"gone@{DOMAIN}")
    with Session(directory) as session:
        found = session.find_all([there[0], gone, there[1], gone, there[2], "cn=nothing"], ["cn"])
        assert sorted(entry.text("cn") for entry in found) == ["ONE", "THREE", "TWO"]
        assert not any("mail" in entry for entry in found)
        assert session.find_all([]) == []
        assert session.find(there[0])


def test_a_search_has_its_scope(directory: Directory) -> None:
    add_alias(directory, "info@a.test")
    with Session(directory) as session:
        tree = directory.tree
        is_alias = filters.is_("mailAlias")
        assert [entry.text("mail") for entry in session.search(tree.aliases(DOMAIN), is_alias)] == ["info@a.test"]
        assert session.count(tree.domain(DOMAIN), is_alias) == 0
        assert session.count(tree.domain(DOMAIN), is_alias, scope="sub") == 1
        assert session.count(tree.alias("info@a.test"), is_alias, scope="base") == 1
        assert session.count(tree.domain("nowhere.test"), is_alias, scope="sub") == 0
        assert session.count(tree.domain(DOMAIN), filters.NOTHING, scope="sub") == 0


def test_compare_tells_without_reading(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test", cn="Info")
    with Session(directory) as session:
        assert session.compare(dn, "cn", "INFO")
        assert not session.compare(dn, "cn", "other")
        assert not session.compare(dn, "description", "none")
        assert not session.compare(directory.tree.alias("none@a.test"), "cn", "Info")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_found_changed_and_deleted(directory: Directory, text: str) -> None:
    if not text.isascii():
        text = text.encode("ascii", "replace").decode()  # `mail` is ASCII
    dn = directory.tree.alias(f"{text}@a.test")
    with Session(directory) as session:
        session.add(dn, alias(f"{text}@a.test", description=text))
        session.commit()
        found = list(session.search(directory.tree.aliases(DOMAIN), filters.equal("description", text)))
        assert [entry.text("description") for entry in found] == [text]
        session.edit(found[0].dn).replace("cn", text)
        session.edit(dn).insert("shadowAddress", "second@a.test")
        session.commit()
        entry = session.find(dn)
        assert entry
        assert (entry.text("cn"), entry.text("shadowAddress")) == (text, "second@a.test")
        session.rename(dn, directory.tree.alias(f"new{text}@a.test"))
        session.commit()
        session.delete(directory.tree.alias(f"new{text}@a.test"))
        session.commit()
        assert session.count(directory.tree.aliases(DOMAIN), filters.is_("mailAlias")) == 0


def test_octets_that_are_no_text_are_kept(directory: Directory) -> None:
    picture = bytes(range(256))
    dn = directory.tree.user("ann@a.test")
    classes = ("inetOrgPerson", "mailUser")
    with Session(directory) as session:
        session.add(
            dn,
            {
                "objectClass": classes,
                "mail": "ann@a.test",
                "uid": "ann",
                "cn": "Ann",
                "sn": "Ann",
                "jpegPhoto": picture,
            },
        )
        session.commit()
        entry = session.find(dn)
        assert entry
        assert entry.octets("jpegPhoto") == [picture]
        assert entry.shown()["jpegPhoto"][0].startswith("AAECAwQF")
        session.edit(dn).replace("jpegPhoto", entry.texts("jpegPhoto")).replace("cn", "Anna")
        session.commit()
        again = session.find(dn)
        assert again
        assert (again.octets("jpegPhoto"), again.text("cn")) == ([picture], "Anna")


# Writing


def test_nothing_is_written_before_the_commit(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test", cn="before")
    with Session(directory) as session:
        session.edit(dn).replace("cn", "after")
        session.add(directory.tree.alias("new@a.test"), alias("new@a.test"))
        entry = session.find(dn)
        assert entry
        assert entry.text("cn") == "before"
        session.rollback()
        session.commit()
    with Session(directory) as session:
        session.delete(dn)
    assert texts(directory, dn, "cn") == ["before"]
    with Session(directory) as session:
        assert session.find(directory.tree.alias("new@a.test")) is None


def test_edits_of_one_entry_are_one_modification(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test", cn="one", mailForwardingAddress=["a@b.test", "c@b.test"])
    with Session(directory) as session:
        session.edit(dn).replace("cn", "two").insert("cn", "three").remove("cn", "TWO")
        session.edit(dn.upper()).insert("mailForwardingAddress", ["d@b.test", "A@B.test"])
        session.edit(dn).remove("mailForwardingAddress", ["c@b.test", "never@b.test", "d@b.test"])
        session.edit(dn).insert("mailForwardingAddress", "D@b.test").replace("description", "").replace(
            "accountSetting", None
        )
        session.commit()
        assert len(session.modifications(session.edit(dn))) == 0
    assert texts(directory, dn, "cn") == ["three"]
    assert texts(directory, dn, "mailForwardingAddress") == ["D@b.test", "a@b.test"]


def test_an_edit_may_be_repeated(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test", accountStatus="active")
    for _ in range(2):
        with Session(directory) as session:
            session.edit(dn).insert("shadowAddress", "x@a.test").remove("enabledService", "deliver")
            session.edit(dn).remove("accountStatus", "disabled").replace("cn", "Name").remove(
                "listModerator", "y@a.test"
            )
            session.commit()
    assert texts(directory, dn, "shadowAddress") == ["x@a.test"]
    assert texts(directory, dn, "enabledService") == ["mail"]
    assert texts(directory, dn, "accountStatus") == ["active"]


def test_values_that_are_the_same_to_the_server_are_one(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test", mailForwardingAddress=["a@b.test", "A@b.test"])
    assert texts(directory, dn, "mailForwardingAddress") == ["A@b.test"]
    with Session(directory) as session:
        session.edit(dn).replace("mailForwardingAddress", ["x@b.test", "X@B.TEST", ""])
        session.commit()
    assert texts(directory, dn, "mailForwardingAddress") == ["X@B.TEST"]


def test_what_the_server_does_not_know_is_left_out(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test", ofTheFuture="x")
    with Session(directory) as session:
        session.edit(dn).replace("ofTheFuture", "y").insert("ofTheFuture", "z")
        session.commit()
        assert session.schema.has("mailUser", "recoveryEmail")
        assert session.schema.has("MAILUSER", "MAIL")
        assert session.schema.has("inetOrgPerson", "sn")
        assert not session.schema.has("mailAlias", "mailQuota")
        assert not session.schema.has("mailOfTheFuture")
    assert texts(directory, dn, "ofTheFuture") == []


def test_an_entry_moves_with_its_new_name(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test", cn="Info")
    with Session(directory) as session:
        add_domain(session, "b.test")
        session.commit()
        session.edit(dn).replace("cn", "Moved")
        session.rename(dn, directory.tree.alias("other@b.test"))
        session.commit()
        assert session.find(dn) is None
    assert texts(directory, directory.tree.alias("other@b.test"), "mail") == ["other@b.test"]
    assert texts(directory, directory.tree.alias("other@b.test"), "cn") == ["Moved"]


def test_a_domain_goes_with_everything_below_it(directory: Directory) -> None:
    add_alias(directory, "info@a.test")
    with Session(directory) as session:
        session.delete_tree(directory.tree.domain(DOMAIN))
        session.commit()
        assert session.find(directory.tree.domain(DOMAIN)) is None
        assert session.count(directory.tree.domains, filters.ANYTHING, scope="sub") == 1
        session.delete_tree(directory.tree.domain(DOMAIN))
        session.commit()


# Being refused


def test_what_is_there_already_is_a_duplicate(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test")
    other = add_alias(directory, "other@a.test")
    with Session(directory) as session:
        session.add(dn.upper(), alias("info@a.test"))
        with pytest.raises(DuplicateError):
            session.commit()
        session.rename(other, dn)
        with pytest.raises(DuplicateError):
            session.commit()


def test_what_has_gone_or_has_others_below_is_a_conflict(directory: Directory) -> None:
    with Session(directory) as session:
        gone = directory.tree.alias("gone@a.test")
        for change in (
            lambda: session.edit(gone).replace("cn", "x"),
            lambda: session.delete(gone),
            lambda: session.rename(gone, directory.tree.alias("new@a.test")),
            lambda: session.delete(directory.tree.domain(DOMAIN)),
        ):
            change()
            with pytest.raises(ConflictError):
                session.commit()


@pytest.mark.parametrize(
    ("attribute", "value"), [("mailForwardingAddress", "ä@b.test"), ("accountStatus", ["active", "disabled"])]
)
def test_a_value_that_the_server_does_not_take_is_refused(directory: Directory, attribute: str, value: Values) -> None:
    dn = add_alias(directory, "info@a.test", cn="before")
    with Session(directory) as session:
        session.edit(dn).replace("cn", "after").replace(attribute, value)
        with pytest.raises(Refused) as refused:
            session.commit()
        assert (str(refused.value), refused.value.hint) == ("INVALID_VALUE", attribute)
        session.commit()
    assert texts(directory, dn, "cn") == ["before"]


def test_a_mistake_of_ours_stays_one(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test")
    with Session(directory) as session:
        session.edit(dn).replace("mailQuota", 5)
        with pytest.raises(OBJECT_CLASS_VIOLATION):
            session.commit()


def test_a_work_that_is_refused_changes_nothing(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test", cn="before")
    with Session(directory) as session:
        session.add(directory.tree.alias("new@a.test"), alias("new@a.test"))
        session.edit(dn).replace("cn", "after")
        session.rename(dn, directory.tree.alias("renamed@a.test"))
        session.delete(directory.tree.externals(DOMAIN))
        session.delete(directory.tree.alias("none@a.test"))
        with pytest.raises(ConflictError):
            session.commit()
        assert session.find(directory.tree.alias("new@a.test")) is None
        assert session.find(directory.tree.externals(DOMAIN))
    assert texts(directory, dn, "cn") == ["before"]
    assert texts(directory, dn, "mail") == ["info@a.test"]


# Writers at the same time


class Once:
    """A lock that only counts."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def take(self, *wanted: str) -> None:
        self.taken += wanted

    def wait(self, name: str) -> None:
        self.taken.append(f"after {name}")


def test_the_slower_of_two_writers_starts_again(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test", cn="before")
    locks = Once()
    with Session(directory, locks) as one, Session(directory) as other:
        for session in (one, other):
            entry = session.lock(dn, ["cn"])
            assert entry
            assert entry.text("cn") == "before"
        other.edit(dn).replace("cn", "of the other")
        other.commit()
        one.edit(dn).replace("cn", "of one")
        one.add(directory.tree.alias("second@a.test"), alias("second@a.test"))
        with pytest.raises(ConflictError):
            one.commit()
        assert one.find(directory.tree.alias("second@a.test")) is None
        assert one.lock(dn)
        one.edit(dn).replace("cn", "of one")
        one.commit()
    assert locks.taken == ["info@a.test", "info@a.test"]
    assert texts(directory, dn, "cn") == ["of one"]


def test_fifty_writers_lose_no_change(directory: Directory) -> None:
    dn = add_alias(directory, "info@a.test", description="0")

    def count_one_more() -> None:
        while True:
            with Session(directory) as session:
                entry = session.lock(dn)
                assert entry
                session.edit(dn).replace("description", entry.number("description") + 1)
                try:
                    session.commit()
                except ConflictError:
                    continue
                return

    writers = [threading.Thread(target=count_one_more) for _ in range(50)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert texts(directory, dn, "description") == ["50"]


# Many entries


def add_many(driver: Any, directory: Directory, many: int) -> None:
    """Add aliases without waiting for each."""
    octets = {name: octets_of(values) for name, values in alias("").items()}
    sent: deque[int] = deque()
    for number in range(many):
        mail = f"a{number}@a.test"
        sent.append(driver.add_ext(directory.tree.alias(mail), list({**octets, "mail": [mail.encode()]}.items())))
        if len(sent) == 100:
            driver.result3(sent.popleft())
    for number in sent:
        driver.result3(number)


def test_ten_thousand_entries_are_read_page_by_page(filled: Ldap) -> None:
    directory = Directory(filled, 1)
    many = 10_000
    with Session(directory) as session:
        add_domain(session, DOMAIN)
        session.commit()
        session.ask(lambda driver: add_many(driver, directory, many))
        read = session.search(directory.tree.aliases(DOMAIN), filters.is_("mailAlias"), ["mail"])
        first = next(read)
        # Another listing may be read meanwhile, and entries may be looked up.
        assert session.count(directory.tree.domain(DOMAIN), filters.ANYTHING, scope="sub") == many + 5
        assert session.find(first.dn)
        session.rest()
        mails = {first.text("mail"), *(entry.text("mail") for entry in read)}
        assert mails == {f"a{number}@a.test" for number in range(many)}
        assert many > PAGE
        session.delete_tree(directory.tree.domain(DOMAIN))
        session.commit()
        assert session.count(directory.tree.domains, filters.ANYTHING) == 0
    directory.close()


def test_connections_are_bounded(filled: Ldap) -> None:
    directory = Directory(msgspec.structs.replace(filled, timeout=1), 1)
    sessions = [Session(directory) for _ in range(directory.most_connections)]
    for session in sessions:
        assert session.find(directory.tree.domains)
    with Session(directory) as waiting:
        with pytest.raises(StoreUnavailableError, match="busy"):
            waiting.find(directory.tree.domains)
        sessions[0].rest()
        assert waiting.find(directory.tree.domains)
    for session in sessions:
        session.close()
    directory.close()
