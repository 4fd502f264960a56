"""Texts that strangers have written, as they can be shown to people."""

import re

_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
    r"|[\u202a-\u202e\u2066-\u2069]"  # these turn the reading direction of what follows, and hide what is there
)


def printable(text: str) -> str:
    """Return a text without what is no text: such signs are replaced, ends of lines are LF."""
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def plain(address: str) -> str:
    """Return an address without an extension, as Amavisd's database has it in `maddr.email_raw`."""
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def on_one_line(text: str) -> str:
    """Return a text without unprintable signs, with one blank for each piece of white space."""
    return " ".join(printable(text).split())
