"""Records as text: what LDIF says, and what another reader makes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from postreeve.ldif.records import LINE, Record
from tests.ldif.reader import read

DN = "mail=ann@ex.com,ou=Users,domainName=ex.com,o=domains,dc=ex,dc=com"
octets = some.binary(max_size=300)
names = some.sampled_from(["cn", "mail", "jpegPhoto", "userCertificate;binary", "accountSetting"])


def test_an_entry_is_its_name_and_its_attributes() -> None:
    record = Record("cn=a", {"objectClass": [b"top", b"person"], "cn": [b"a"]})
    assert str(record) == "dn: cn=a\nobjectClass: top\nobjectClass: person\ncn: a\n\n"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (b"Ann", "cn: Ann"),
        (b"#1: <a>", "cn: #1: <a>"),
        (b"", "cn:"),
        ("Ännchen".encode(), "cn:: w4RubmNoZW4="),
        (b" Ann", "cn:: IEFubg=="),
        (b"Ann ", "cn:: QW5uIA=="),
        (b":Ann", "cn:: OkFubg=="),
        (b"<Ann", "cn:: PEFubg=="),
        (b"Ann\n", "cn:: QW5uCg=="),
        (b"A\ndn: cn=b", "cn:: QQpkbjogY249Yg=="),
        (b"A\x00n", "cn:: QQBu"),
        (b"\x1b[2J", "cn:: G1sySg=="),
        (b"\xff\xfe", "cn:: //4="),
    ],
)
def test_what_is_no_plain_text_is_base64(value: bytes, line: str) -> None:
    assert str(Record("cn=a", {"cn": [value]})).splitlines()[1] == line


def test_a_name_that_is_no_plain_text_is_base64() -> None:
    assert str(Record("cn=Ä", {})) == "dn:: Y249w4Q=\n\n"


def test_a_long_line_goes_on_after_a_blank() -> None:
    lines = str(Record("cn=a", {"cn": [b"x" * 200]})).splitlines()
    assert [len(line) for line in lines[1:]] == [LINE, LINE, 54, 0]
    assert [line[:1] for line in lines[2:4]] == [" ", " "]


@given(some.lists(some.tuples(names, some.lists(octets, min_size=1, max_size=3)), max_size=4))
def test_another_reader_finds_the_same(attributes: list[tuple[str, list[bytes]]]) -> None:
    record = Record(DN, dict(attributes))
    text = str(record) + str(record)
    assert text.isascii()
    assert all(len(line) <= LINE for line in text.splitlines())
    assert read(text) == [(DN, record.attributes)] * 2


def test_a_record_knows_what_it_is() -> None:
    record = Record("mail=@ex.com", {"MAIL": [b"@ex.com"], "objectclass": [b"mailUser"]})
    assert record.is_catch_all
    assert record.is_a("MailUser")
    assert not record.is_a("mailAlias")
    assert not Record("mail=a@ex.com", {"mail": [b"a@ex.com"]}).is_catch_all
