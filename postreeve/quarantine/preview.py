"""A mail as text: headers, what stands in it, and which parts are not shown.

Strangers write these mails, so everything is bounded and nothing is believed: not what a header calls itself, nor which
charset a text claims to have. Of HTML only the words are left.
"""

import binascii
import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from html import unescape
from itertools import islice
from typing import TypeVar

from postreeve.mail_log.texts import on_one_line, printable
from postreeve.quarantine.store import Attachment, Header

T = TypeVar("T")

LONGEST_TEXT = 65_536
LONGEST_HEADER = 2000
MOST_HEADERS = 200
MOST_ATTACHMENTS = 100
DEEPEST = 20
MOST_DIVISIONS = 1000
"""Each costs the standard library's parser something, and each within another costs it more."""
LONGEST_CONTENT_HEADER = 2000
MOST_PARAMETERS = 64
"""Of one header: the standard library goes through all of it for each of them."""
CHARSET = "utf-8"
LONGEST_CHARSET = 40

_HIDDEN_HEADERS = frozenset({"x-envelope-to", "x-envelope-to-blocked"})
"""Amavisd writes all recipients there, whoever they are."""
_UNFIT_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
"""No mail is written in these; reading one of them takes far too long, and others fail whatever is said."""
_DIVISION = re.compile(rb"^--", re.MULTILINE)
_CONTAINER = re.compile(rb"\b(?:multipart|message)/", re.IGNORECASE)
_FOLD = rb"(?:\r\n?|\n)[ \t]"
_INTRICATE_HEADER = re.compile(
    rb"(?:\A|[\r\n])content-[^:\r\n]*:(?:(?:[^\r\n]|%b){%d}|(?:(?:[^;\r\n]|%b)*;){%d})"
    % (_FOLD, LONGEST_CONTENT_HEADER, _FOLD, MOST_PARAMETERS),
    re.IGNORECASE,
)
_ENDLESS_NUMBER = re.compile(r"&#[0-9]{9,};?")
"""No character has such a number, and Python refuses to read the longest."""
_TAG = re.compile(r"/?([a-z][a-z0-9]*)", re.IGNORECASE)
_WITHOUT_WORDS = frozenset({"script", "style", "head", "title"})
_BLOCKS = frozenset({
    "address", "article", "blockquote", "br", "dd", "div", "dt", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip


@dataclass(frozen=True)
class Preview:
    """What can be shown of a mail."""

    headers: list[Header]
    text: str
    attachments: list[Attachment]
    is_cut: bool


def preview(octets: bytes, *, is_cut: bool) -> Preview:
    """Return what can be shown of a mail, of which there may be more than is given here."""
    mail = _parsed(octets)
    headers = list(_headers(mail))
    leaves = [part for part in mail.walk() if not part.is_multipart()]
    shown = [part for part in leaves if _is_text(part, "text/plain")]
    words = "\n\n".join(map(_text, shown)) or "\n\n".join(
        _words(_text(part)) for part in leaves if _is_text(part, "text/html")
    )
    text = printable(words[: LONGEST_TEXT + 1]).strip("\n")
    attachments = [_attachment(part) for part in leaves if not _is_text(part, "text/plain", "text/html")]
    return Preview(
        headers[:MOST_HEADERS], text[:LONGEST_TEXT], attachments[:MOST_ATTACHMENTS],
        is_cut or len(words) > LONGEST_TEXT or len(headers) > MOST_HEADERS or len(attachments) > MOST_ATTACHMENTS,
    )  # fmt: skip


def _parsed(octets: bytes) -> Message:
    """Return a mail in its parts; one that is too intricate, or broken, is read as headers and one text."""
    is_simple = (
        _INTRICATE_HEADER.search(octets) is None
        and sum(1 for _ in islice(_CONTAINER.finditer(octets), DEEPEST + 1)) <= DEEPEST
        and sum(1 for _ in islice(_DIVISION.finditer(octets), MOST_DIVISIONS + 1)) <= MOST_DIVISIONS
    )
    if is_simple and (mail := _read(lambda: message_from_bytes(octets), None)) is not None:
        return mail
    mail = BytesHeaderParser().parsebytes(octets.replace(b"\r\n", b"\n"))
    for name in ("Content-Type", "Content-Transfer-Encoding", "Content-Disposition"):
        del mail[name]
    return mail


def _headers(mail: Message) -> Iterator[Header]:
    named = (item for item in mail.raw_items() if item[0].lower() not in _HIDDEN_HEADERS)
    for name, value in islice(named, MOST_HEADERS + 1):
        yield {"name": on_one_line(name)[:LONGEST_HEADER], "value": _header_text(str(value))}


def _header_text(value: str) -> str:
    """Return a header's value decoded: words in some charset, or octets that are hopefully UTF-8."""
    octets = value[:LONGEST_HEADER].encode("utf-8", "surrogateescape")
    text = octets.decode("utf-8", "replace")
    if text.isascii():
        try:
            pieces = decode_header(text)
        except (HeaderParseError, binascii.Error):
            pieces = [(text, None)]
        text = "".join(
            piece if isinstance(piece, str) else _decoded(piece, charset or CHARSET) for piece, charset in pieces
        )
    return on_one_line(text)[:LONGEST_HEADER]


def _is_text(part: Message, *types: str) -> bool:
    """Tell whether a part is a text of one of these types, and no file."""
    is_file = _read(part.get_content_disposition, None) == "attachment" or bool(_file_name(part))
    return part.get_content_type() in types and not is_file


def _file_name(part: Message) -> str:
    name = _read(part.get_filename, None)
    return _header_text(name) if isinstance(name, str) else ""


def _attachment(part: Message) -> Attachment:
    return {
        "name": _file_name(part)[:255],
        "type": on_one_line(part.get_content_type())[:255],
        "size": len(_octets(part)),
    }


def _text(part: Message) -> str:
    charset = _read(part.get_content_charset, None)
    return _decoded(_octets(part), charset if isinstance(charset, str) else CHARSET)


def _octets(part: Message) -> bytes:
    payload = _read(lambda: part.get_payload(decode=True), None)
    return payload if isinstance(payload, bytes) else b""


def _read(read: Callable[[], T], otherwise: T) -> T:
    """Return what the standard library makes of a part; hostile ones make it fail in many ways."""
    try:
        return read()
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError):
        return otherwise


def _decoded(octets: bytes, charset: str) -> str:
    try:
        is_fit = len(charset) <= LONGEST_CHARSET and codecs.lookup(charset).name not in _UNFIT_CHARSETS
        return octets.decode(charset if is_fit else CHARSET, "replace")
    except (LookupError, ValueError):
        return octets.decode(CHARSET, "replace")


def _words(html: str) -> str:
    """Return the words of HTML, read once from its beginning to its end: it may be anything."""
    html = "".join(_after_comments(html.split("<!--")))
    first, *pieces = html.split("<")
    text, silent = [_closed_up(first)], ""
    for piece in pieces:
        tag, _, words = piece.partition(">")
        found = _TAG.match(tag)
        name = found[1].lower() if found else ""
        if silent:
            silent = "" if tag.startswith("/") and name == silent else silent
        elif name in _WITHOUT_WORDS and not tag.startswith("/"):
            silent = name
        elif not name and not tag.startswith(("/", "!", "?")):  # less than
            words = f"<{piece}"
        if not silent:
            text += ["\n" if name in _BLOCKS else "", " " if name in {"td", "th"} else "", _closed_up(words)]
    plain = unescape(_ENDLESS_NUMBER.sub("\ufffd", "".join(text)))
    lines = (" ".join(line.split()) for line in plain.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _after_comments(pieces: Sequence[str]) -> Iterator[str]:
    yield pieces[0]
    for piece in pieces[1:]:
        yield piece.partition("-->")[2]


def _closed_up(words: str) -> str:
    """Return words with one blank for each piece of white space."""
    return re.sub(r"\s+", " ", words)
