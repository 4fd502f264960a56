"""Mails as text: what is read of good ones, and what strangers may try with the others."""

import time

import msgspec
import pytest
from hypothesis import example, given, settings, strategies

from postreeve.quarantine.preview import LONGEST_TEXT, MOST_HEADERS, Preview, preview

LARGEST = 256 * 1024
"""As much as is ever read of one mail."""


def seen(octets: bytes) -> Preview:
    return preview(octets, is_cut=False)


def of_type(kind: str, body: bytes, *headers: str) -> bytes:
    """Return a mail of one part."""
    return "\n".join([f"Content-Type: {kind}", *headers, "", ""]).encode() + body


@pytest.mark.parametrize(
    ("mail", "text"),
    [
        (b"Subject: x\n\nGood day.\n", "Good day."),
        (b"Subject: x\r\n\r\nGood\r\nday.\r\n", "Good\nday."),
        (b"\n\nno headers", "no headers"),
        (b"", ""),
        (of_type("text/plain; charset=iso-8859-1", b"Gr\xfc\xdfe"), "Grüße"),
        (of_type("text/plain", "Grüße".encode()), "Grüße"),
        (of_type("text/plain; charset=gb2312", "中文".encode("gb2312")), "中文"),
        (of_type("text/plain; charset=iso-2022-jp", "日本".encode("iso2022_jp")), "日本"),
        (of_type("text/plain; charset=no-such", b"a\xff"), "a\ufffd"),
        (of_type('text/plain; charset="\\0"', b"a"), "a"),
        (of_type("text/plain; charset=zlib_codec", b"a"), "a"),
        (of_type("text/plain; charset=utf-8", b"R3L8w58=", "Content-Transfer-Encoding: base64"), "Gr\ufffdß"),
        (of_type("text/plain; charset=utf-8", b"Gr=C3=BC=C3=9Fe=\n!", "Content-Transfer-Encoding: quoted-printable"),
         "Grüße!"),
        (of_type("text/plain", b"\x1b[31mred\x00\x07 \xe2\x80\xaecod.exe"), "\ufffd[31mred\ufffd\ufffd \ufffdcod.exe"),
        (of_type("multipart/alternative; boundary=b",
                 b"--b\n\nplain\n--b\nContent-Type: text/html\n\n<b>html</b>\n--b--\n"), "plain"),
        (of_type("multipart/mixed; boundary=b", b"--b\n\none\n--b\n\ntwo\n--b--\nafter"), "one\n\ntwo"),
        (of_type("multipart/mixed; boundary=b", b"--b\nContent-Type: message/rfc822\n\nSubject: y\n\ninner\n--b--\n"),
         "inner"),
        (of_type("multipart/mixed", b"no boundary at all"), ""),
        *((of_type(f"multipart/mixed; {parameter}", b"--x\n\nin it\n--x--"), "--x\n\nin it\n--x--") for parameter in (
            f"boundary*{'9' * 5000}=x", "boundary*=u\0tf''x",
            "boundary*=idna''x%ff.y", "boundary*=punycode''x%ff.y", "boundary*=undefined''x",
        )),
        (of_type(f"multipart/mixed; boundary=b; x={'y' * 2000}", b"--b\n\nas it is"), "--b\n\nas it is"),
        (of_type(f"multipart/mixed; boundary=b{'; x=y' * 64}", b"--b\n\nas it is"), "--b\n\nas it is"),
        (of_type("multipart/mixed; boundary=b;\r\n " + "y\r\n\t" * 1000, b"--b\n\nas it is"), "--b\n\nas it is"),
        (of_type(f"multipart/mixed; boundary=b; x={'y' * 1900}", b"--b\n\ntaken apart\n--b--"), "taken apart"),
    ],
)  # fmt: skip
def test_the_text_of_a_mail_is_shown(mail: bytes, text: str) -> None:
    assert seen(mail).text == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br>Three</p>", "One\n\nTwo\nThree"),
        ("<html><head><title>T</title><style>p{}</style></head><body>Words</body></html>", "Words"),
        ("<SCRIPT>alert(1)</SCRIPT >a<script src=x>b</script>c", "ac"),
        ("<style>never closed", ""),
        ("a<!-- <b>hidden</b> -->b<!-- never closed", "ab"),
        ("<a href='https://far.test'>link</a> &lt;script&gt; &amp;&#8364;&#x110000;", "link <script> &€\ufffd"),
        (f"<p>&#{'9' * 5000};&#000000000065;&#65;", "\ufffd\ufffdA"),
        ("1 < 2 and <b>3 > 2</b>", "1 < 2 and 3 > 2"),
        ("<td>a</td><td>b</td>  \n\n c", "a b c"),
        ("<", "<"),
        ("a<b", "a"),
    ],
)
def test_of_html_the_words_are_left(html: str, text: str) -> None:
    assert seen(of_type("text/html", html.encode())).text == text


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?utf-8?b?R3LDvMOfZQ==?= =?iso-8859-1?q?_und_K=FCsse?=", "Grüße und Küsse"),
        (b"=?utf-8?b?!!!?=", ""),
        (b"=?punycode?q?a-b?=", "a-b"),
        (b"=?x\x00y?q?a?=", "a"),
        ("Grüße".encode(), "Grüße"),
        (b"a\n b\n\tc", "a b c"),
        (b"=?utf-8?q?=0D=0AX=2DNew=3A_1?=", "X-New: 1"),
        (b"=?utf-8?q?=E2=80=AEcod.exe?=", "\ufffdcod.exe"),
        (b"x" * 5000, "x" * 2000),
    ],
)
def test_headers_are_decoded(header: bytes, value: str) -> None:
    assert seen(b"Subject: " + header + b"\n\n").headers == [{"name": "Subject", "value": value}]


def test_nobody_sees_to_whom_else_a_mail_has_gone() -> None:
    mail = b"X-Envelope-From: <x@far.test>\nX-Envelope-To: <a@b.test>\nx-envelope-to-blocked: <a@b.test>\n\nx"
    assert [header["name"] for header in seen(mail).headers] == ["X-Envelope-From"]


def test_attachments_are_named_and_never_shown() -> None:
    mail = of_type(
        "multipart/mixed; boundary=b",
        b"--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename*=utf-8''%E2%82%AC.txt\n\nnot shown\n"
        b'--b\nContent-Type: text/html; name="=?utf-8?q?=C3=BC.html?="\n\nnot shown\n'
        b"--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n",
    )  # fmt: skip
    found = seen(mail)
    assert (found.text, found.is_cut) == ("", False)
    assert found.attachments == [
        {"name": "€.txt", "type": "text/plain", "size": 9},
        {"name": "ü.html", "type": "text/html", "size": 9},
        {"name": "", "type": "image/png", "size": 8},
    ]


@pytest.mark.parametrize(
    "mail",
    [
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(9000)),
        b"".join(b"Content-Type: message/rfc822\n\n" for _ in range(9000)),
        of_type("multipart/mixed; boundary=b", b"--b\n\n" * 80_000),
        of_type("multipart/mixed; boundary=b", b"--b\nContent-Type: text/plain; name=x\n\n\n" * 11_000),
        b"a:\n" * 87_000,
        b"Subject: " + b"(" * LARGEST,
        b"Subject: " + b"=?utf-8?q?a?= " * 18_000,
        b"Content-Type: text/plain" + b"; a*0*=utf-8''b" * 15_000 + b"\n\nx",
        of_type('text/plain; "' + ";" * 100_000, b"x"),
        of_type('text/plain; "' + ";\n " * 80_000, b"x"),
        of_type("text/plain", b"x", 'content-disposition: attachment; "' + ";" * 100_000),
        of_type("multipart/mixed; boundary=b", b'--b\nContent-Type: text/plain; "' + b";" * 100_000 + b"\n\nx\n--b--"),
        of_type("multipart/mixed; boundary=b", b'--b\r\nContent-Type: x; "' + b";\r\n\t" * 60_000 + b"\r\n\r\nx"),
        of_type("multipart/mixed; boundary=b",
                (b'--b\nContent-Type: text/plain; "' + b";" * 62 + b"x" * 1900 + b"\n\nx\n") * 130),
        of_type("text/plain", (b"\ncontent-:" + b"x" * 1980) * 130),
        b"content-x:" + b"\n " * 120_000,
        of_type("text/plain; charset=punycode", b"a-" + b"b" * LARGEST),
        of_type("text/plain; charset=idna", b"xn--" + b"b" * LARGEST),
        of_type("text/html", b"<" * LARGEST),
        of_type("text/html", b"<!--" * (LARGEST // 4)),
        of_type("text/html", b"<script>" * (LARGEST // 8)),
        of_type("text/html", b"&" * LARGEST),
        of_type("text/html", b"\n " * (LARGEST // 2)),
        of_type("text/html", b"<p>" * (LARGEST // 3)),
        of_type("text/plain", b"=" * LARGEST, "Content-Transfer-Encoding: quoted-printable"),
        of_type("text/plain", b"begin 666 x\n" + b"M" * LARGEST, "Content-Transfer-Encoding: x-uuencode"),
        b"\x00" * LARGEST,
        b"\xff" * LARGEST,
    ],
    ids=lambda mail: repr(mail[:40]),
)  # fmt: skip
def test_no_mail_keeps_the_server_busy(mail: bytes) -> None:
    started = time.process_time()
    found = seen(mail[:LARGEST])
    assert time.process_time() - started < 2
    assert len(found.text) <= LONGEST_TEXT
    assert len(found.headers) <= MOST_HEADERS
    msgspec.json.encode(found)


def test_a_mail_with_too_many_parts_is_shown_as_it_is() -> None:
    mail = of_type("multipart/mixed; boundary=b", b"--b\n\nx\n" * 2000)
    found = seen(mail)
    assert found.text.startswith("--b\n\nx\n")
    assert found.attachments == []


_LINES = strategies.sampled_from([
    b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: text/html; charset=utf-16", b"--b", b"--b--", b"",
    b"Content-Disposition: attachment; filename*0*=x''%ff; filename*1=\"", b"Content-Transfer-Encoding: base64",
    b"Content-Type: text/plain; charset*=utf-8''%ff; name=\xff", b"Content-Type: message/delivery-status", b"!!!!",
    b"Content-Type: message/partial", b'Content-Type: ;;;="', b"Content-Transfer-Encoding: x-uuencode", b"begin 6 x",
    b"Content-Type: multipart/mixed; boundary*=idna''x%ff..",
])  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(strategies.binary(max_size=2000) | strategies.lists(_LINES | strategies.binary(max_size=20)).map(b"\n".join))
@example(b"Content-Type: text/plain; charset*0*=x\xff''a\n\nb")
def test_whatever_comes_can_be_shown(mail: bytes) -> None:
    msgspec.json.encode(seen(mail))
