"""Names of entries and conditions of searches, whatever stands in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postreeve.storage.directory import filters, names
from postreeve.storage.directory.names import Tree

HOSTILE = [
    'a,b+c"\\<>;#*()=', " around ", "  ", "#first", "in#side", "nul\0in", "line\nbreak\r", "back\\", "back\\ ", "ä ü",
    "a=b,ou=Users", "*)(objectClass=*", "tab\t", "\x7f", "'&/|!",
]  # fmt: skip
TREE = Tree("dc=ex,dc=test")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_value_comes_back_from_a_name(text: str) -> None:
    name = f"{names.rdn('mail', text)},ou=Users,dc=ex"
    assert names.parts(name) == [("mail", text), ("ou", "Users"), ("dc", "ex")]
    assert names.value(name) == text
    assert names.parent(name) == "ou=Users,dc=ex"


@given(st.text(min_size=1), st.text())
def test_any_text_comes_back_from_a_name(text: str, other: str) -> None:
    try:
        (text + other).encode()
    except UnicodeEncodeError:
        return
    name = f"{names.rdn('cn', text)},{names.rdn('cn', other)}"
    assert names.parts(name) == [("cn", text), ("cn", other)]
    assert names.value(name) == text


@pytest.mark.parametrize(
    "dn", ["mail=a.b-c_d@ex.test,ou=Users,dc=ex", "mail=a.b-c_d@ex.test+uid=a,dc=ex", "mail=a.b-c_d@ex.test"]
)
def test_the_value_of_a_plain_name(dn: str) -> None:
    assert names.value(dn) == "a.b-c_d@ex.test"


def test_two_spellings_of_one_name_have_the_same_key() -> None:
    assert names.key(r"mail=\23A&b@EX.test, OU=Users,dc=ex") == names.key(r"MAIL=\#a&b@ex.test,ou=users,dc=EX")
    assert names.key(r"mail=a\2Bb,dc=ex") == names.key(r"mail=a\+b,dc=ex")
    assert names.key("mail=a b,dc=ex") != names.key("mail=ab,dc=ex")


@pytest.mark.parametrize("text", ["", "dc", "dc=ex,", "=ex", "dc=a,,dc=b", "a@ex.test"])
def test_what_is_no_name(text: str) -> None:
    assert not names.is_name(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (TREE.domains, "o=domains,dc=ex,dc=test"),
        (TREE.admins, "o=domainAdmins,dc=ex,dc=test"),
        (TREE.reader, "cn=vmail,dc=ex,dc=test"),
        (TREE.writer, "cn=vmailadmin,dc=ex,dc=test"),
        (TREE.domain("a.test"), "domainName=a.test,o=domains,dc=ex,dc=test"),
        (TREE.user("ann@a.test"), "mail=ann@a.test,ou=Users,domainName=a.test,o=domains,dc=ex,dc=test"),
        (TREE.user("#a+b@a.test"), r"mail=\23a\2Bb@a.test,ou=Users,domainName=a.test,o=domains,dc=ex,dc=test"),
        (TREE.catch_all("a.test"), "mail=@a.test,ou=Users,domainName=a.test,o=domains,dc=ex,dc=test"),
        (TREE.alias("info@a.test"), "mail=info@a.test,ou=Aliases,domainName=a.test,o=domains,dc=ex,dc=test"),
        (TREE.list("all@a.test"), "mail=all@a.test,ou=Groups,domainName=a.test,o=domains,dc=ex,dc=test"),
        (
            TREE.external("all@a.test"),
            "memberOfGroup=all@a.test,ou=Externals,domainName=a.test,o=domains,dc=ex,dc=test",
        ),
        (TREE.admin("boss@b.test"), "mail=boss@b.test,o=domainAdmins,dc=ex,dc=test"),
    ],
)
def test_where_each_kind_of_entry_is(name: str, text: str) -> None:
    assert name == text


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (filters.is_("mailUser"), "(objectClass=mailUser)"),
        (filters.equal("mail", "*)(mail=a\\\0\n"), r"(mail=\2a\29\28mail=a\5c\00\0a)"),
        (filters.equal("cn", "ä"), r"(cn=\c3\a4)"),
        (filters.ending("mail", "@a*.test"), r"(mail=*@a\2a.test)"),
        (filters.starting("mail", "a("), r"(mail=a\28*)"),
        (filters.unless(filters.present("cn")), "(!(cn=*))"),
        (filters.both(filters.equal("a", 1), filters.among("b", ["x", "y"])), "(&(a=1)(|(b=x)(b=y)))"),
        (filters.among("b", []), "(|)"),
    ],
)
def test_conditions(condition: str, text: str) -> None:
    assert condition == text
