"""Every kind of account at the command line: the same operations as the API's."""

from pathlib import Path

import pytest

from postreeve.commands import accounts
from tests.commands.typing_in import Shell
from tests.site import PASSWORD, ROOT, Site

CREATED = {
    "domain": ("b.test", "domain/b.test", "domain", ()),
    "user": ("ann@ex.com", "user/ann@ex.com", "mail", ("ex.com",)),
    "alias": ("team@ex.com", "alias/team@ex.com", "mail", ("ex.com",)),
    "admin": ("jane@far.test", "admin/jane@far.test", "mail", ()),
    "list": ("news@ex.com", "ml/news@ex.com", "mail", ("ex.com",)),
    "maillist": ("all@ex.com", "maillist/all@ex.com", "mail", ("ex.com",)),
}
ONLY_IN_A_DIRECTORY = "maillist"


@pytest.mark.parametrize("kind", [kind for kind in CREATED if kind != ONLY_IN_A_DIRECTORY])
def test_an_account_is_created_shown_listed_updated_and_deleted(site: Site, at: Shell, kind: str) -> None:
    lives(site, at, kind)


@pytest.mark.ldap
def test_so_is_one_that_is_only_in_a_directory(site: Site, at: Shell) -> None:
    lives(site, at, ONLY_IN_A_DIRECTORY)


def lives(site: Site, at: Shell, kind: str) -> None:
    """Create an account, show, list and update it, and delete it again."""
    name, path, _, within = CREATED[kind]
    words = accounts.KINDS[kind].words.capitalize()
    secret = ("--password-file=-",) if kind in {"user", "admin"} else ()
    assert (
        at.ok(kind, "create", name, "--name=The first", *secret, typed=f"{PASSWORD}\n") == f"{words} {name} created.\n"
    )
    api = site.root()
    assert at.data(kind, "show", name) == api.data(path)
    assert "name\tThe first\n" in at.ok(kind, "show", name)
    assert at.ok(kind, "update", name, "--name=The second") == f"{words} {name} updated.\n"
    assert "name\tThe second\n" in at.ok(kind, "show", name)
    listed = [line.split("\t")[:2] for line in at.ok(kind, "list", *within).splitlines()]
    assert [name, "The second"] in listed
    assert at.ok(kind, "delete", name) == f"{words} {name} deleted.\n"
    assert at.refusal(kind, "show", name).startswith("postreeve: There is no such ")
    assert name not in at.ok(kind, "list", *within)


@pytest.mark.sql
def test_what_is_only_in_a_directory_is_not_there_with_sql(at: Shell) -> None:
    for words in (("create", "all@ex.com"), ("list", "ex.com")):
        told = at.refusal("maillist", *words)
        assert told.startswith("postreeve: This is not available on this server. ")
        assert told.endswith("(NOT_AVAILABLE)")


def test_users_and_aliases_are_renamed(site: Site, at: Shell) -> None:
    at.ok("user", "create", "ann@ex.com", "--password-file=-", typed=PASSWORD)
    at.ok("alias", "create", "team@ex.com", "--members", "ann@ex.com,x@far.test", "--members", "y@far.test")
    assert at.ok("user", "rename", "ann@ex.com", "anna@ex.com") == "User ann@ex.com is anna@ex.com now.\n"
    assert at.ok("alias", "rename", "team@ex.com", "crew@ex.com") == "Mail alias team@ex.com is crew@ex.com now.\n"
    assert site.root().data("alias/crew@ex.com")["members"] == ["anna@ex.com", "x@far.test", "y@far.test"]


def test_a_mailbox_is_kept_as_long_as_one_says(site: Site, at: Shell) -> None:
    at.ok("user", "create", "ann@ex.com", "--password-file=-", typed=PASSWORD)
    at.ok("user", "delete", "ann@ex.com", "--keep-mailbox-days=30")
    assert [str(row["delete_date"]) != "None" for row in site.rows("deleted_mailboxes")] == [True]
    told = at.refusal("user", "delete", "ann@ex.com", "--keep-mailbox-days=many")
    assert told.endswith("(INVALID_NUMBER)")


def test_a_domain_gets_and_loses_admins(site: Site, at: Shell) -> None:
    at.ok("user", "create", "ann@ex.com", "--password-file=-", typed=PASSWORD)
    at.ok("domain", "admins", "ex.com", "--add-admin=ann@ex.com")
    assert "admins\tann@ex.com\n" in at.ok("domain", "show", "ex.com")
    at.ok("domain", "admins", "ex.com", "--remove-admin=ann@ex.com")
    assert site.root().data("user/ann@ex.com")["managed_domains"] == []


def test_switches_have_a_negative_form(site: Site, at: Shell) -> None:
    at.ok("user", "create", "ann@ex.com", "--password-file=-", "--global-admin", typed=PASSWORD)
    assert "is-global-admin\tyes\n" in at.ok("user", "show", "ann@ex.com", f"--as={ROOT}")
    changed = ("--no-global-admin", "--account-status=DISABLED", "--aliases=a@ex.com")
    at.ok("user", "update", "ann@ex.com", f"--as={ROOT}", *changed)
    told = at.ok("user", "show", "ann@ex.com")
    for line in ("is-global-admin\tno\n", "account-status\tdisabled\n", "aliases\ta@ex.com\n"):
        assert line in told
    at.ok("user", "update", "ann@ex.com", "--aliases=")
    assert site.root().data("user/ann@ex.com")["aliases"] == []


def test_a_list_shows_its_subscribers(at: Shell) -> None:
    at.ok("list", "create", "news@ex.com", "--subscribers=b@far.test,a@far.test", "--no-require-confirm")
    assert "subscribers\ta@far.test,b@far.test\n" in at.ok("list", "show", "news@ex.com", "--with-subscribers")
    found = at.data("list", "show", "news@ex.com", "--with-subscribers")["subscribers"]
    assert {each["mail"] for each in found} == {"a@far.test", "b@far.test"}


# Lists of accounts


def test_a_list_of_accounts_has_all_pages(site: Site, at: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    root = site.root()
    for letter in "dbeac":
        root.ok("POST", f"user/{letter}@ex.com", password=PASSWORD, name=f"Mx {letter}")
    monkeypatch.setattr(accounts, "MOST_ON_PAGE", 2)
    assert [line.split("\t")[0] for line in at.ok("user", "list", "ex.com").splitlines()] == [
        f"{letter}@ex.com" for letter in "abcde"
    ]
    assert at.data("user", "list", "ex.com") == root.data("panel/users/ex.com")
    assert at.data("user", "list", "ex.com", "--page-size=2") == root.data("panel/users/ex.com", page_size="2")
    assert at.data("user", "list", "ex.com", "--search=mx d") == root.data("panel/users/ex.com", search="mx d")
    backwards = at.ok("user", "list", "ex.com", "--sort=name", "--direction=descending")
    assert [line[0] for line in backwards.splitlines()] == [*"edcba"]
    assert at.data("user", "list", "ex.com", "--letter=x") == {"rows": [], "previous": "", "next": ""}


def test_one_page_says_how_to_get_at_the_next(site: Site, at: Shell) -> None:
    for letter in "abc":
        site.root().ok("POST", f"alias/{letter}@ex.com")
    done = at.run("alias", "list", "ex.com", "--page-size=2", "--count")
    total, after = done.stderr.splitlines()
    assert total == "All pages together: 3."
    option, bookmark = after.removeprefix("The next page: ").split()
    assert at.run("alias", "list", "ex.com", option, bookmark).stdout.startswith("c@ex.com\t")


def test_one_kind_of_lists_has_a_total_where_there_is_no_other(site: Site, at: Shell) -> None:
    at.ok("list", "create", "news@ex.com")
    told = at.run("list", "list", "ex.com", "--count")
    assert told.stdout.startswith("news@ex.com\t")
    assert told.stderr == ("" if site.directory else "All pages together: 1.\n")
    assert ("total" in at.data("list", "list", "ex.com", "--count")) is not bool(site.directory)


def test_columns_are_the_same_for_every_row(site: Site, at: Shell) -> None:
    root = site.root()
    root.ok("POST", "domain/b.test", disableDomainProfile="advanced")
    site.admin("al@far.test", "ex.com", "b.test")
    lines = at.ok("domain", "list", "--as=al@far.test").splitlines()
    assert [line.split("\t")[0] for line in lines] == ["b.test", "ex.com"]
    assert len({line.count("\t") for line in lines}) == 1


# Refusals


def test_a_refusal_is_a_sentence_with_its_code(site: Site, at: Shell) -> None:
    before = site.dump()
    for words, told in (
        (("user", "show", "no@ex.com"), "There is no such account. no@ex.com (NO_SUCH_ACCOUNT)"),
        (("domain", "create", "ex.com"), "This address or domain name is in use. ex.com (ALREADY_EXISTS)"),
        (("domain", "create", "ex com"), "This is not a domain name. (INVALID_DOMAIN_NAME)"),
        (("user", "create", "ann@ex.com"), "The new password is empty. (PW_EMPTY)"),
    ):
        assert at.refusal(*words).startswith(f"postreeve: {told[:20]}")
        assert at.refusal(*words).endswith(told[-12:])
    assert site.dump() == before


def test_wrong_words_are_told_before_anything_is_opened(tmp_path: Path) -> None:
    nowhere = Shell(tmp_path / "missing.toml")
    for words in (
        ("user", "update", "ann@ex.com"), ("user", "update"), ("user", "update", "ann@ex.com", "--colour=red"),
        ("user", "update", "ann@ex.com", "--account-status=perhaps"), ("user", "frobnicate"),
        ("user", "create", "ann@ex.com", "--password=secret"),
        ("user", "create", "ann@ex.com", "--password-file=/no/file"),
        ("user", "create", "ann@ex.com", "--password-file=-", "--ask-password"),
    ):  # fmt: skip
        nowhere.refusal(*words, status=2, typed=f"{PASSWORD}\n{PASSWORD}\n{PASSWORD}\n")
    nowhere.refusal("user", "update", "ann@ex.com", "--name=Ann", status=1)


def test_what_was_left_out_is_told(at: Shell) -> None:
    at.ok("user", "create", "ann@ex.com", "--password-file=-", typed=PASSWORD)
    done = at.run("user", "update", "ann@ex.com", "--add-forwarding=x@far.test,nobody")
    assert (done.exit_code, done.stderr) == (0, "postreeve: Left out: nobody.\n")


# Passwords


def test_passwords_come_from_a_file_standard_input_or_a_question(site: Site, at: Shell, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\nnot this\n", encoding="utf-8")
    at.ok("user", "create", "a@ex.com", f"--password-file={file}")
    at.ok("user", "create", "b@ex.com", "--password-file=-", typed=f"{PASSWORD}\n")
    done = at.run("user", "create", "c@ex.com", "--ask-password", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    root = site.root()
    for letter in "abc":
        root.ok("POST", f"verify_password/user/{letter}@ex.com", password=PASSWORD)
    hashed = tmp_path / "hash"
    hashed.write_text("{PLAIN-MD4}x\n", encoding="utf-8")
    assert at.refusal("user", "update", "a@ex.com", f"--password-hash-file={hashed}").endswith(
        "(INVALID_PASSWORD_SCHEME)"
    )
    hashed.write_bytes(b"\xff\xfe\n")
    at.refusal("user", "update", "a@ex.com", f"--password-hash-file={hashed}", status=2)
