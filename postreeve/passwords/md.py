"""MD4, and MD5 in the middle of its work: what old schemes need and hashlib does not offer."""

import math
import struct

_WORD = 0xFFFFFFFF
_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_MD5_SINES = [int(abs(math.sin(step + 1)) * 2**32) for step in range(64)]
_MD5_SHIFTS = ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))
_MD4_CONSTANTS = (0, 0x5A827999, 0x6ED9EBA1)
_MD4_SHIFTS = ((3, 7, 11, 19), (3, 5, 9, 13), (3, 9, 11, 15))
_MD4_ORDER = (
    range(16),
    (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
    (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
)


def md4(message: bytes) -> bytes:
    """Return the MD4 digest (RFC 1320)."""
    padding = b"\x80" + bytes((55 - len(message)) % 64)
    padded = message + padding + struct.pack("<Q", len(message) * 8 & 0xFFFFFFFFFFFFFFFF)
    state: tuple[int, ...] = _START
    for start in range(0, len(padded), 64):
        state = _md4_block(state, padded[start : start + 64])
    return struct.pack("<4I", *state)


def md5_state(block: bytes) -> bytes:
    """Return the state of MD5 (RFC 1321) after its first block of 64 bytes."""
    words = struct.unpack("<16I", block)
    a, b, c, d = _START
    for step in range(64):
        match step // 16:
            case 0:
                mixed, word = b & c | ~b & d, words[step]
            case 1:
                mixed, word = b & d | c & ~d, words[(5 * step + 1) % 16]
            case 2:
                mixed, word = b ^ c ^ d, words[(3 * step + 5) % 16]
            case _:
                mixed, word = c ^ (b | ~d), words[7 * step % 16]
        total = a + mixed + word + _MD5_SINES[step]
        a, b, c, d = d, b + _rotated(total, _MD5_SHIFTS[step // 16][step % 4]) & _WORD, b, c
    return _sum(_START, (a, b, c, d))


def _md4_block(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    words = struct.unpack("<16I", block)
    a, b, c, d = state
    for step in range(48):
        part = step // 16
        mixed = (b & c | ~b & d, b & c | b & d | c & d, b ^ c ^ d)[part]
        total = a + mixed + words[_MD4_ORDER[part][step % 16]] + _MD4_CONSTANTS[part]
        a, b, c, d = d, _rotated(total, _MD4_SHIFTS[part][step % 4]), b, c
    return struct.unpack("<4I", _sum(state, (a, b, c, d)))


def _rotated(number: int, by: int) -> int:
    number &= _WORD
    return (number << by | number >> (32 - by)) & _WORD


def _sum(one: tuple[int, ...], other: tuple[int, ...]) -> bytes:
    return struct.pack("<4I", *((left + right) & _WORD for left, right in zip(one, other, strict=True)))
