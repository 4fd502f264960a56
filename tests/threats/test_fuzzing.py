"""Whatever is sent: never a defect, never another answer than the envelope, never a session's end."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postreeve.fields import Role, SetField
from postreeve.operations import REGISTRY, Operation
from tests.profiles import said
from tests.site import PASSWORD, Client, Site
from tests.wire.raw import cookie, send

pytestmark = pytest.mark.slow  # many examples

EXAMPLES = settings(
    max_examples=120, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
HALF_RIGHT = [
    "ex.com",
    "ex.net",
    "ann@ex.com",
    "all@ex.com",
    "new@ex.com",
    "al@far.test",
    "0",
    "-1",
    "7",
    "yes",
    "",
    "active",
    PASSWORD,
]
OPERATIONS = [operation for route, operation in sorted(REGISTRY.items()) if not route.endswith("/logout")]


def _texts() -> st.SearchStrategy[str]:
    return st.one_of(
        st.sampled_from(HALF_RIGHT), st.text(max_size=20), st.from_regex(r"[a-z+.]{1,5}@[a-z.-]{1,8}", fullmatch=True)
    )


def _parameters(operation: Operation) -> st.SearchStrategy[dict[str, str]]:
    names = [name for of in operation.fields for name in of.names]
    return st.dictionaries(st.sampled_from([*names, "unknown"]), _texts(), max_size=4)


@st.composite
def _requests(draw: st.DrawFn) -> tuple[str, str, dict[str, str]]:
    operation = draw(st.sampled_from(OPERATIONS))
    words = {
        "<domain>": ["ex.com", "ex.net"],
        "<mail>": ["ann@ex.com", "al@far.test"],
        "<new_mail>": ["new@ex.com"],
        "<number>": ["1"],
    }
    parts = [
        draw(st.one_of(st.sampled_from(words[part]), _texts())) if part in words else part
        for part in operation.template.removeprefix("/api/").split("/")
    ]
    return operation.method, "/".join(quote(part, safe="@") for part in parts), draw(_parameters(operation))


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), _texts()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=4,
)


def _furnished(site: Site) -> tuple[Client, Client]:
    root = site.root()
    root.ok("POST", "domain/ex.com", aliasDomains="ex.net")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD)
    return root, site.admin("al@far.test", "ex.com")


def _check(status: int, answer: dict[str, Any]) -> None:
    assert status in {200, 404, 405}, answer
    assert isinstance(answer["_success"], bool)
    assert answer["_success"] == ("_msg" not in answer)


def test_no_path_and_no_parameter_is_a_defect(site: Site) -> None:
    clients = _furnished(site)

    @EXAMPLES
    @given(_requests(), st.booleans())
    def ask(request: tuple[str, str, dict[str, str]], is_root: bool) -> None:  # noqa: FBT001 - Hypothesis gives it by place
        method, path, parameters = request
        response = clients[0 if is_root else 1].raw(method, path, data=parameters, allow_redirects=False)
        _check(response.status_code, response.json())

    ask()


def test_no_json_is_a_defect(site: Site) -> None:
    root, _ = _furnished(site)
    names = sorted({name for operation in OPERATIONS for of in operation.fields for name in of.names})

    @EXAMPLES
    @given(
        st.sampled_from(["domain/ex.com", "user/ann@ex.com", "users/ex.com", "domain/admins/ex.com"]),
        st.dictionaries(st.sampled_from(names), _JSON, max_size=3),
    )
    def ask(path: str, body: dict[str, Any]) -> None:
        response = root.raw("PUT", path, json=body)
        _check(response.status_code, response.json())

    ask()


def test_no_bytes_are_a_defect(site: Site) -> None:
    root, _ = _furnished(site)
    line = cookie(root)
    types = ["application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/plain"]

    @EXAMPLES
    @given(st.binary(max_size=60), st.sampled_from(types), st.from_regex(rb"[!-~]{0,12}", fullmatch=True))
    def ask(body: bytes, content_type: str, path: bytes) -> None:
        head = f"\nContent-Type: {content_type}\nContent-Length: {len(body)}\n{line}".encode()
        answer = send(site, b"PUT /api/user/" + path.replace(b"?", b"") + b" HTTP/1.1" + head, body)
        assert answer.status in {200, 400, 404, 405}, answer
        if answer.status == 200:
            _check(answer.status, answer.json)

    ask()


def test_what_is_written_is_what_is_read_and_only_that(site: Site) -> None:
    root, _ = _furnished(site)

    @EXAMPLES
    @given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=255).map(str.strip))
    def ask(text: str) -> None:
        root.ok("PUT", "user/ann@ex.com", name=text)
        assert said(root.data("user/ann@ex.com"), "name") == (text or ("ann" if site.directory else ""))
        assert said(root.data("user/ann@ex.com"), "first_name") == ""

    ask()


def test_every_list_of_every_operation_adds_and_removes_the_same(site: Site) -> None:
    root, _ = _furnished(site)
    values = {
        "catchall": "a@far.test",
        "aliasDomains": "ex.org",
        "aliases": "sales@ex.com",
        "forwarding": "a@far.test",
        "members": "a@far.test",
    }
    root.ok("POST", "alias/all@ex.com")
    paths = {"domain": "domain/ex.com", "user": "user/ann@ex.com", "alias": "alias/all@ex.com"}
    for name, path in paths.items():
        place = "mail" if name in {"user", "alias"} else name
        for of in REGISTRY[f"PUT /api/{name}/<{place}>"].fields:
            if isinstance(of, SetField) and of.name in values:
                before = root.data(path)[of.extra]
                roles = {role: given for given, role in of.roles.items()}
                add, remove = roles.get(Role.ADD, of.name), roles.get(Role.REMOVE)
                root.ok("PUT", path, **{add: values[of.name]})
                assert values[of.name] in root.data(path)[of.extra]
                root.ok("PUT", path, **({remove: values[of.name]} if remove else {of.name: ""}))
                assert root.data(path)[of.extra] == before
