"""Passwords: compared with the real doveadm, with the examples of the reference, and with nonsense."""

import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postreeve import passwords
from postreeve.errors import Code, Refused
from postreeve.passwords import (
    Policy,
    accept_hash,
    check_policy,
    generated,
    hash_password,
    verify_password,
    waste_time,
)
from postreeve.passwords.md import md4
from postreeve.passwords.stored import read
from postreeve.settings import Scheme

PLAIN = "Secr3t!x"
USER = "ann@ex.com"
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
CHEAP: tuple[Scheme, ...] = ("SSHA512", "SSHA", "PBKDF2", "SHA512-CRYPT")

# The rows of the reference's table 5.2, one text each, all of the password PLAIN.
READ_BY_DOVECOT = (
    "{SSHA512}OsMqOD7fewaCobl6prlhsLc3/0uF7HjIRH5HVqdLSnBntLk8V+RCjOUGZQjiY1jDb7xTdVQd2FZQTF/3GlTkICBLMyQaqb+p",
    "{SSHA512}0RcSCV2DK02zD5byHCEj0ZDaDzXmJkfpTmTi2iGwNybdEiVNdgNCEegeQAsmip7+IMWa5y1E7tiLRBMJcdO5N9fKCyk=",
    "{ssha512}0RcSCV2DK02zD5byHCEj0ZDaDzXmJkfpTmTi2iGwNybdEiVNdgNCEegeQAsmip7+IMWa5y1E7tiLRBMJcdO5N9fKCyk=",
    "{SSHA}Dh3quVFlr0z8Jgw8rXMFuwFrBjJzYWx0c2FsdA==",
    "{SSHA.hex}0e1deab95165af4cfc260c3cad7305bb016b063273616c7473616c74",
    "{SSHA}PNwYM+k6FPM9gdFrau4Jvuh1OCZVE8M3",
    "{SHA512}zSFwmBkNspgydXWdLO/K9HqAQKnOd74JsIoWAX8ow++DGvlCzAriLs4/M1uL3fyx9x0lXJOGgurqU8p/FIFOwg==",
    "{SHA}Odi5xRPaD1T0szbtf0YXwkwa9Nk=",
    "{SHA}39d8b9c513da0f54f4b336ed7f4617c24c1af4d9",
    "{SHA}39D8B9C513DA0F54F4B336ED7F4617C24C1AF4D9",
    "{sha1.Hex}39d8b9c513da0f54f4b336ed7f4617c24c1af4d9",
    "{SHA1.BASE64}Odi5xRPaD1T0szbtf0YXwkwa9Nk=",
    "{CRYPT}$2y$05$FTcz5LSSDr1YvHLpOAYMWuIx.ZSt8.3Zp8qyJadNIqIM6cSdJqeLO",
    "{BLF-CRYPT}$2y$05$INxZFvJinYLxzdRrxsKelu0XCG7.2klcvxS2uJsX7FyWPCk87zPt2",
    "{CRYPT}$2b$10$JH3.HP1ikAESjm9ySlNEi.8Xl/VqDmhqDe.2m75Sn/e3ucX.WsH8W",
    "{MD5}$1$0/qpgzWa$xRzL233duiPLwduP/7.tM.",
    "{MD5-CRYPT}$1$SUPrhDhL$QoHKuHQbKa4IMS3SGxEfa0",
    "{CRYPT}$1$94FuPybu$P1qaf1eCV4xX09.Rn11xS1",
    "{MD5}15781275c9072afc18397a5194a94a5c",
    "{MD5}FXgSdckHKvwYOXpRlKlKXA==",
    "{MD5.HEX}2431246959657a4a636b7124664c6172396662344776344c77476a44634669785a31",
    (
        "{SHA512-CRYPT}$6$wE8kInNFJ2fIxXhN"
        "$B4Dr1O09LECFh9RNapV/FoxX7to99VeYCr/C7K7wG5BMS2mE/HWut/7vULqexfG5iLOGzjTb4aGOvWDMljGpD1"
    ),
    '{CRYPT}$6$sal"t#$0wr9S1zFpldbUUYOAfKEBY4hPC0.P6nCRaEUtAqNNrg209qmp4kdzG2pCI4cS0PqtAVg4.dVNQe3KalEqHJLn1',
    "{SHA256-CRYPT}$5$lcpmdwF9.vmIfFHF$woUML6s6T.fSn/P9kFoawi0LzRoYG38psrzN6f3HOoC",
    "{CRYPT}$5$x$8187xVrTu7E89jqnyDW2vCaVE968eEDCPrFp2ipZdD7",
    "{CRYPT}$y$j75$abcdefgh$T9SAbLVEnFHgE84ugbpyWvFmWuQ8.CgGSW4hlgEphP.",
    "{CRYPT}$gy$j9T$abcdefgh$N1RZDIYPSJKRD2IAmGY/ayFrGz/Qkhn1CfM94I8BlBD",
    "{CRYPT}$7$BU..../....abcdefgh$3SrAaoWxtQMSMgximO7Oqvhl.dTmPVQHKmH5zamM1c/",
    "{CRYPT}$sha1$400$abcdefgh$TubSHzpg5u7mFd7Pllfi0toUuRAR",
    "{CRYPT}$md5,rounds=500$abcdefgh$$UtYOf8HfA6qsqfJJyiyOS1",
    "{CRYPT}$3$$fb8469e6308256a9e91fc9f22950dce4",
    "{CRYPT}_J9..mJ21LArdXH5htBQ",
    "{CRYPT}abMJcoeMSOnek",
    "{DES-CRYPT}6EShcTD90jnE6",
    "{SSHA256}bFakdJbJpSEctLtH+w/W0B4ZLkYNdJNqKO5MXhElPoNbpPJf",
    "{SHA256}ZjHuoDkr3xZ4o0wrKH+eqjPYDIhoDgKQafwipdKma0M=",
    "{SMD5}mMlWkYkhqceXh29lVS+p0MPBO3s=",
    "{LDAP-MD5}FXgSdckHKvwYOXpRlKlKXA==",
    "{LDAP-MD5}15781275c9072afc18397a5194a94a5c",
    "{PLAIN-MD5}15781275c9072afc18397a5194a94a5c",
    "{PLAIN-MD5.b64}FXgSdckHKvwYOXpRlKlKXA==",
    "{PLAIN-MD4}87cbeb657a864fe06876ce6b3bc03c7d",
    "{PLAIN}Secr3t!x",
    "{PLAIN.B64}U2VjcjN0IXg=",
    "{cleartext}Secr3t!x",
    "{PLAIN-TRUNC}12-Secr3t!x",
    "{CRAM-MD5}da4be41848fb3c16ae29889d51c9b9e47bf3cb49085b9f716537a94bf946d673",
    "{HMAC-MD5.B64}2kvkGEj7PBauKYidUcm55Hvzy0kIW59xZTepS/lG1nM=",
    "{DIGEST-MD5}d666919ce47f5d2c5637bb3559cf4e58",
    "{PBKDF2}$1$l0.0BT0DIpXnenWQ$5000$96504d05217e2eb89c517fa2fc0eeaaf09191941",
    "{PBKDF2}$1$$1000$7fcd2a865ee2a650dd05176daa44d496bd8a67c5",
    "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$98K7kLH/yfnt1iDYe2bPlg$wXNFLYadPU+H174jlanjSl3J6SOOi2yn8oEKzCfWsP4",
    "{ARGON2I}$argon2id$v=19$m=64,t=1,p=2$c2FsdHNhbHQ$5LIdx9VigSa+GY+s+Y3yVg",
    "{SCRAM-SHA-1}4096,8V2tYk1EmTSsh9yyLiPDmQ==,kSOwa0Gt/zlUcJWM9XdhYj7MB8Q=,XTEHPwI4pP8Rm5cU7OylLV00wt8=",
    (
        "{SCRAM-SHA-256}4096,bokV4zr57alqmq4RaNPerQ==,APQen6y2E66f6c0jIjOBMkjXhPNL3MDYHvAshy8EtpI=,"
        "TRkBAERVekelOSpB++gXQMJMFUoKbZQ1VikCx5igF3Q="
    ),
    "{OTP}sha1 1024 d0b6cc59978a4455 0e991e9f08c3a546",
)
BARE = (
    "$1$94FuPybu$P1qaf1eCV4xX09.Rn11xS1",
    "$2y$05$FTcz5LSSDr1YvHLpOAYMWuIx.ZSt8.3Zp8qyJadNIqIM6cSdJqeLO",
    "$5$x$8187xVrTu7E89jqnyDW2vCaVE968eEDCPrFp2ipZdD7",
)
TOO_COSTLY = (
    "{CRYPT}$2b$31$" + "a" * 53,
    "{CRYPT}$6$rounds=999999999$abc$" + "a" * 86,
    "{CRYPT}$6$rounds=999999999$" + "a" * 86,  # the costs as a salt
    "{CRYPT}$5$rounds=99999999$" + "a" * 43,
    "{CRYPT}$sha1$99999999$abc$" + "a" * 28,
    "{CRYPT}$md5,rounds=99999999$abc$$" + "a" * 22,
    "{CRYPT}$y$jZT$abc$" + "a" * 43,
    "{CRYPT}$7$ZU..../....abc$" + "a" * 43,
    "{ARGON2ID}$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$5LIdx9VigSa+GY+s+Y3yVg",
    "{ARGON2ID}$argon2id$v=19$m=1048576,t=100,p=1$c2FsdHNhbHQ$5LIdx9VigSa+GY+s+Y3yVg",
    "{PBKDF2}$1$salt$99999999$" + "a" * 40,
    "{SCRAM-SHA-1}99999999,8V2tYk1EmTSsh9yyLiPDmQ==,kSOwa0Gt/zlUcJWM9XdhYj7MB8Q=,XTEHPwI4pP8Rm5cU7OylLV00wt8=",
    "{OTP}sha1 99999999 d0b6cc59978a4455 0e991e9f08c3a546",
)
MALFORMED = (
    "",
    "{",
    "{}",
    "{SSHA}",
    "{SSHA512",
    "SSHA512}x",
    "{NOSUCH}secret",
    "{BCRYPT.hex}24",
    "{NTLM}87cbeb657a864fe06876ce6b3bc03c7d",
    "{LANMAN}87cbeb657a864fe06876ce6b3bc03c7d",
    "{SKEY}x",
    "{RPA}87cbeb657a864fe06876ce6b3bc03c7d",
    "{\u017fHA}Odi5xRPaD1T0szbtf0YXwkwa9Nk=",  # a letter that is S in upper case
    "{SHA.xyz}Odi5xRPaD1T0szbtf0YXwkwa9Nk=",
    "{SHA.hex}Odi5xRPaD1T0szbtf0YXwkwa9Nk=",
    "{SHA.b64}39d8b9c513da0f54f4b336ed7f4617c24c1af4d9",
    "{SHA}Odi5xRPaD1T0szbtf0YXwkwa9Nk",
    "{SHA}39d8b9c513da0f54f4b336ed7f4617c24c1af4",
    "{SHA}39d8b9c513da0f54f4b336ed7f4617c24c1af4é9",
    "{SSHA}Odi5xRPaD1T0szbtf0YXwkwa9Nk=",  # no salt: Dovecot finds it too short
    "{SSHA512}not base64 at all",
    "{PLAIN-MD5}15781275c9072afc18397a5194a94a5",
    "{MD5-CRYPT}15781275c9072afc18397a5194a94a5c",
    "{MD5-CRYPT}$5$x$8187xVrTu7E89jqnyDW2vCaVE968eEDCPrFp2ipZdD7",
    "{CRYPT}*0",
    "{CRYPT}!",
    "{CRYPT}x",
    "{CRYPT}$2b$10$short",
    "{CRYPT}$9$abc$" + "a" * 43,
    "{CRYPT}" + PLAIN,
    "{PLAIN-TRUNC}Secr3t!x",
    "{PBKDF2}$2$salt$5000$" + "a" * 40,
    "{PBKDF2}$1$salt$0$" + "a" * 40,
    "{PBKDF2}$1$salt$5000$" + "a" * 64,
    "{ARGON2ID}$argon2d$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$5LIdx9VigSa+GY+s+Y3yVg",
    "{ARGON2ID}$argon2id$v=16$m=64,t=1,p=1$c2FsdHNhbHQ$Bt6bjEIt1E3aNMu0i9Iqbg",
    "{ARGON2ID}$argon2id$v=19$m=4,t=1,p=1$c2FsdHNhbHQ$5LIdx9VigSa+GY+s+Y3yVg",
    "{ARGON2ID}$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ12$5LIdx9VigSa+GY+s+Y3yVg",
    "{SCRAM-SHA-1}4096,8V2tYk1EmTSsh9yyLiPDmQ==,AAAA,XTEHPwI4pP8Rm5cU7OylLV00wt8=",
    "{SCRAM-SHA-1}4096,8V2tYk1EmTSsh9yyLiPDmQ==",
    "{CRAM-MD5}da4be41848fb3c16",
    "{OTP}sha1 1024 seed",
    "\ud800",
    "{PLAIN}\ud800",
    PLAIN,
)

EVERYTHING_IS_MISSING = "PW_SHORTER_THAN_MIN_LENGTH,PW_NO_LETTER,PW_NO_UPPERCASE,PW_NO_DIGIT_NUMBER,PW_NO_SPECIAL_CHAR"

Doveadm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def doveadm(tmp_path_factory: pytest.TempPathFactory) -> Doveadm:
    configuration = tmp_path_factory.mktemp("doveadm") / "dovecot.conf"
    configuration.write_text("log_path = /dev/stderr\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["doveadm", "-c", str(configuration), "pw", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    return run


def refused_with(call: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        call()
    return ",".join(code.name for code in caught.value.codes)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_new_hash_takes_the_right_password_and_no_other(scheme: Scheme) -> None:
    stored = hash_password(PLAIN, scheme)
    assert verify_password(PLAIN, stored)
    assert not verify_password(PLAIN.lower(), stored)
    assert not verify_password(PLAIN[:-1], stored)
    assert not verify_password("", stored)
    assert accept_hash(stored) == stored


@pytest.mark.parametrize("scheme", SCHEMES)
def test_dovecot_reads_our_hashes(scheme: Scheme, doveadm: Doveadm) -> None:
    for plain in (PLAIN, " blank ", "grün und süß", "{x}$1$'\"\\"):
        stored = hash_password(plain, scheme)
        assert doveadm("-t", stored, "-p", plain).returncode == 0
        assert doveadm("-t", stored, "-p", plain + "x").returncode != 0


def test_we_read_whatever_dovecot_writes(doveadm: Doveadm) -> None:
    unread = set()
    for scheme in doveadm("-l").stdout.split():
        for plain in (PLAIN, "süß{1}"):
            stored = doveadm("-s", scheme, "-p", plain, "-u", USER).stdout.strip()
            assert stored.startswith("{")
            if not verify_password(plain, stored, USER):
                unread.add(scheme)
                assert doveadm("-t", stored, "-p", plain, "-u", USER).returncode != 0
            assert not verify_password(plain[:-1], stored, USER)
            assert not verify_password("", stored, USER)
    assert unread == {"PLAIN-TRUNC"}  # doveadm forgets the length there, and can not read it back either


def test_we_read_the_suffixes_that_dovecot_writes(doveadm: Doveadm) -> None:
    for scheme in (
        "SSHA512.hex",
        "SHA1.b64",
        "PLAIN.base64",
        "CRYPT.hex",
        "CRAM-MD5.b64",
        "MD5.hex",
        "OTP.hex",
    ):
        stored = doveadm("-s", scheme, "-p", PLAIN).stdout.strip()
        assert verify_password(PLAIN, stored)
        assert not verify_password(PLAIN + "x", stored)


@pytest.mark.parametrize("stored", READ_BY_DOVECOT)
def test_the_texts_of_the_reference_are_read_as_dovecot_reads_them(stored: str, doveadm: Doveadm) -> None:
    assert doveadm("-t", stored, "-p", PLAIN, "-u", USER).returncode == 0
    assert verify_password(PLAIN, stored, USER)
    assert not verify_password(PLAIN + "x", stored, USER)
    assert not verify_password(PLAIN[:-1], stored, USER)
    assert not verify_password("", stored, USER)
    assert accept_hash(stored) == stored


@pytest.mark.parametrize("stored", BARE)
def test_without_a_prefix_a_text_is_a_crypt_format(stored: str) -> None:
    assert verify_password(PLAIN, stored)
    assert not verify_password(PLAIN + "x", stored)
    assert refused_with(lambda: accept_hash(stored)) == "INVALID_PASSWORD_SCHEME"


@pytest.mark.parametrize("stored", MALFORMED)
def test_a_malformed_text_takes_no_password_and_is_not_accepted(stored: str) -> None:
    assert not verify_password(PLAIN, stored, USER)
    assert not verify_password("", stored, USER)
    assert refused_with(lambda: accept_hash(stored)) == "INVALID_PASSWORD_SCHEME"


@pytest.mark.parametrize("stored", TOO_COSTLY)
def test_a_hash_that_would_keep_the_server_busy_is_not_accepted(stored: str) -> None:
    assert read(stored) is None
    assert refused_with(lambda: accept_hash(stored)) == "INVALID_PASSWORD_SCHEME"


def test_an_empty_password_is_never_right() -> None:
    assert not verify_password("", "{PLAIN}")
    assert not verify_password("", "{PLAIN.hex}")
    assert not verify_password("", "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=")
    assert not verify_password("", "")


def test_digest_md5_needs_the_user() -> None:
    stored = "{DIGEST-MD5}d666919ce47f5d2c5637bb3559cf4e58"
    assert verify_password(PLAIN, stored, USER)
    assert not verify_password(PLAIN, stored)
    assert not verify_password(PLAIN, stored, "ben@ex.com")


def test_bcrypt_never_takes_a_beginning_for_the_whole() -> None:
    longest = "x" * 72
    for stored in (hash_password(longest, "BCRYPT"), "{BLF-CRYPT}" + hash_password(longest, "BCRYPT")[7:]):
        assert verify_password(longest, stored)
        assert not verify_password(longest + "y", stored)
    assert refused_with(lambda: hash_password(longest + "y", "BCRYPT")) == "PW_GREATER_THAN_MAX_LENGTH"
    assert refused_with(lambda: hash_password("ü" * 37, "BCRYPT")) == "PW_GREATER_THAN_MAX_LENGTH"


def test_other_schemes_never_take_a_beginning_for_the_whole() -> None:
    assert not verify_password("Secr3t!xyz", "{CRYPT}abMJcoeMSOnek")
    assert not verify_password("Secr3t!xyz", "{PLAIN-TRUNC}8-Secr3t!x")
    assert verify_password("passwordXYZpasswordXYZ", "{CRYPT}abJnggxhB/yWI4nvCT3gPpTgq5JHYgkVHHA")
    assert not verify_password("passwordXYZpasswordXY", "{CRYPT}abJnggxhB/yWI4nvCT3gPpTgq5JHYgkVHHA")
    assert not verify_password("password", "{CRYPT}abJnggxhB/yWI4nvCT3gPpTgq5JHYgkVHHA")
    assert verify_password("x" * 511, hash_password("x" * 511, "SHA512-CRYPT"))
    assert not verify_password("x" * 512, hash_password("x" * 511, "SHA512-CRYPT"))
    assert refused_with(lambda: hash_password("x" * 512, "SHA512-CRYPT")) == "PW_GREATER_THAN_MAX_LENGTH"
    for scheme in ("SSHA512", "ARGON2ID"):
        assert not verify_password("x" * 5000, hash_password("x" * 4999, scheme))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_is_hashed_that_could_not_be_told_from_another_password(scheme: Scheme) -> None:
    assert refused_with(lambda: hash_password("", scheme)) == "PW_EMPTY"
    assert refused_with(lambda: hash_password("abc\0def", scheme)) == "PW_NON_ASCII"
    assert refused_with(lambda: hash_password("abc\ud800", scheme)) == "PW_NON_ASCII"


def test_nul_does_not_end_a_password() -> None:
    for stored in READ_BY_DOVECOT:
        assert not verify_password(PLAIN + "\0", stored, USER)
        assert not verify_password(PLAIN + "\0more", stored, USER)


def test_md4_is_that_of_its_rfc() -> None:
    assert md4(b"").hex() == "31d6cfe0d16ae931b73c59d7e0c089c0"
    assert md4(b"abc").hex() == "a448017aaf21d8525fc10ae87aa6729d"
    assert md4(b"1234567890" * 8).hex() == "e33b4ddc9c38f2199c3e7b164fcc0536"


@given(st.text(min_size=1, max_size=100), st.sampled_from(CHEAP))
@settings(max_examples=60, deadline=None, database=None)
def test_any_password_comes_back(plain: str, scheme: Scheme) -> None:
    if "\0" in plain:
        assert refused_with(lambda: hash_password(plain, scheme)) == "PW_NON_ASCII"
        return
    stored = hash_password(plain, scheme)
    assert verify_password(plain, stored)
    assert not verify_password(plain + "x", stored)
    assert not verify_password(plain[1:], stored)


PREFIXES = st.sampled_from([text[: text.index("}") + 1] for text in READ_BY_DOVECOT])
CUT_OFF = st.builds(lambda text, at: text[:at], st.sampled_from(READ_BY_DOVECOT), st.integers(-40, -1))
NONSENSE = st.text() | st.builds("{}{}".format, PREFIXES, st.text()) | CUT_OFF


@given(NONSENSE, st.text())
@settings(max_examples=400, deadline=None, database=None)
def test_nonsense_takes_no_password(stored: str, user: str) -> None:
    assert verify_password(PLAIN, stored, user) is False


@given(NONSENSE)
@settings(max_examples=400, deadline=None, database=None)
def test_accepting_either_returns_a_readable_hash_or_refuses(text: str) -> None:
    try:
        accepted = accept_hash(text)
    except Refused as refusal:
        assert refusal.codes == (Code.INVALID_PASSWORD_SCHEME,)  # noqa: PT017
    else:
        assert read(accepted) is not None


def test_bcrypt_under_the_name_of_the_panel_is_stored_as_crypt() -> None:
    written = hash_password(PLAIN, "BCRYPT").removeprefix("{CRYPT}")
    assert accept_hash("{BCRYPT}" + written) == "{CRYPT}" + written
    assert accept_hash("{bcrypt}" + written) == "{CRYPT}" + written


@pytest.mark.parametrize(
    "text",
    [
        "{PLAIN}" + "x" * 249,
        "{PLAIN}a\nb",
        "{PLAIN}a\0",
        "{PLAIN}a\t",
        " {PLAIN}x",
        "{PLAIN}\x7f",
        "{BCRYPT}x",
    ],
)
def test_hashes_with_control_characters_or_beyond_the_column_are_refused(text: str) -> None:
    assert refused_with(lambda: accept_hash(text)) == "INVALID_PASSWORD_SCHEME"


def test_a_hash_as_long_as_the_column_is_accepted() -> None:
    assert len(accept_hash("{PLAIN}" + "x" * 248)) == 255


@pytest.mark.parametrize(
    ("plain", "codes"),
    [
        ("", "PW_EMPTY"),
        ("Secr3t!xx", ""),
        ("Secr3t!", "PW_SHORTER_THAN_MIN_LENGTH"),
        ("Secr3t!xxxxxx", "PW_GREATER_THAN_MAX_LENGTH"),
        ("secr3t!xx", "PW_NO_UPPERCASE"),
        ("Secret!xx", "PW_NO_DIGIT_NUMBER"),
        ("Secr3txxx", "PW_NO_SPECIAL_CHAR"),
        ("12345678!", "PW_NO_LETTER,PW_NO_UPPERCASE"),
        ("Secr3t!xü", "PW_NON_ASCII"),
        ("Secr3t!x\t", "PW_NON_ASCII"),
        ("ÄÖÜ\u0663", f"PW_NON_ASCII,{EVERYTHING_IS_MISSING}"),  # the last one is an Arabic digit
        (" ", EVERYTHING_IS_MISSING),
    ],
)
def test_the_policy_names_everything_that_is_broken_in_its_order(plain: str, codes: str) -> None:
    policy = Policy(min_length=8, max_length=12)
    if codes:
        assert refused_with(lambda: check_policy(plain, policy)) == codes
    else:
        check_policy(plain, policy)


def test_the_policy_asks_only_for_what_is_switched_on() -> None:
    nothing = Policy(0, 0, has_letter=False, has_uppercase=False, has_number=False, has_special_char=False)
    check_policy("x", nothing)
    check_policy("x" * 5000, Policy(has_uppercase=False, has_number=False, has_special_char=False))
    only_stars = Policy(1, has_letter=False, has_uppercase=False, has_number=False, special_characters="*")
    assert refused_with(lambda: check_policy("!", only_stars)) == "PW_NO_SPECIAL_CHAR"
    check_policy("*", only_stars)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_hash_of_nobody_costs_as_much_as_a_new_one(scheme: Scheme) -> None:
    nobody, new = passwords._NOBODY[scheme], hash_password(PLAIN, scheme)
    assert type(read(nobody)) is type(read(new))
    assert len(nobody) == len(new)
    assert nobody[:20].rstrip(".A") == new[: len(nobody[:20].rstrip(".A"))]
    waste_time(PLAIN, scheme)


def test_slow_hashing_waits_for_a_free_core_and_quick_hashing_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "_slots", slots := threading.BoundedSemaphore(1))
    with ThreadPoolExecutor(2) as pool:
        with slots:
            making = pool.submit(hash_password, PLAIN, "PBKDF2")
            checking = pool.submit(verify_password, PLAIN, BARE[0])
            assert verify_password(PLAIN, hash_password(PLAIN, "SSHA512"))
            time.sleep(0.1)
            assert not making.done()
            assert not checking.done()
        assert checking.result(10)
        assert making.result(10)


def test_threads_do_not_disturb_each_other() -> None:
    crypts = [text for text in READ_BY_DOVECOT if "{CRYPT}" in text] * 3
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda stored: verify_password(PLAIN, stored), crypts))


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(min_length=40),
        Policy(max_length=8),
        Policy(max_length=4, min_length=4),
        Policy(special_characters="^"),
        Policy(special_characters="/~", max_length=9),
        Policy(has_special_char=False, special_characters=""),
    ],
    ids=str,
)
def test_a_generated_password_satisfies_the_policy(policy: Policy) -> None:
    made = {generated(policy) for _ in range(50)}
    assert len(made) == 50
    for plain in made:
        check_policy(plain, policy)
