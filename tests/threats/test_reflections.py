"""Threats 25 to 27 by plain requests: what is said back, what a foreign page may send, what browsers may keep."""

import re

import pytest

from postreeve.web.pages import PAGES, PANEL, SELF_SERVICE
from tests.house.world import DESCRIPTIONS, asker, example_world
from tests.mails import quarantine_mail
from tests.pages.visitor import Visitor
from tests.site import PASSWORD, ROOT, Site
from tests.threats.hostile import ATTRIBUTE, LIST_ID, SCRIPT, TOKEN

pytestmark = pytest.mark.faces

SEGMENTS = {
    "<domain>": "example.com", "<mail>": "ann@example.com", "<scope>": "example.com", "<direction>": "inbound",
    "<kind>": "users", "<mail_id>": "Yt7-hE2mWq4K", "<list_id>": LIST_ID, "<token>": TOKEN,
}  # fmt: skip
OTHER_MAILS = {"admins": "jane@example.org", "alias": "team@example.com", "list": "news@example.com"}
NAMES = (
    "search", "letter", "status", "sort", "direction", "page_size", "after", "before", "section", "subject", "sender",
    "recipient", "kind", "domain", "account", "from", "to", "admin", "event", "ip", "next", "theme",
)  # fmt: skip
"""What pages read from the query string, and what a form of theirs sends there."""
BODIES = {
    "application/x-www-form-urlencoded": "name=evil&username=root%40admins.test",
    "multipart/form-data; boundary=x": '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nevil\r\n--x--\r\n',
    "text/plain": "name=evil",
    "application/json": '{"name": "evil"}',
    "": "name=evil",
}
"""What a foreign page sends, by content type."""
LOOKED_AT = [page for page in PAGES.values() if page.method == "GET"]
ROUTES = [page.template for page in LOOKED_AT]


def path_of(template: str, **others: str) -> str:
    """Return where a page is in the world of the examples."""
    mail = next((mail for word, mail in OTHER_MAILS.items() if template.startswith(f"/{word}/")), SEGMENTS["<mail>"])
    segments = {**SEGMENTS, "<mail>": mail, **others}
    return "/".join(segments.get(part, part) for part in template.split("/")) or "/"


@pytest.fixture
def people(site: Site) -> dict[object, Visitor]:
    """A global admin in the panel, and a user in self-service."""
    example_world(site)
    quarantine_mail(site, "someone@example.net", "ann@example.com", mail_id=SEGMENTS["<mail_id>"])
    user = Visitor(site).log_in("ann@example.com", path="/self-service/login")
    return {PANEL: Visitor(site).log_in(ROOT), SELF_SERVICE: user}


def test_nothing_of_an_address_becomes_markup_or_a_header(people: dict[object, Visitor]) -> None:
    """Threat 25: whatever stands in the path or the query of any page, it comes back as a text or not at all."""
    for page in LOOKED_AT:
        visitor = people[page.face]
        places = [path_of(page.template)]
        if "<" in page.template:
            places.append(path_of(page.template, **dict.fromkeys(SEGMENTS, "%3Cscript%3Ealert(1)%3C%2Fscript%3E")))
            places.append(path_of(page.template, **dict.fromkeys(SEGMENTS, "x%0d%0aSet-Cookie:%20evil=1")))
        for place in places:
            for text in (SCRIPT, ATTRIBUTE, "x\r\nSet-Cookie: evil=1\r\n\r\n<script>"):
                answer = visitor.get(place, params=dict.fromkeys(NAMES, text), allow_redirects=False)
                assert answer.status_code < 500, (place, answer.text)
                assert "<script>" not in answer.text, place
                assert "<svg onload" not in answer.text, place
                assert '"javascript:' not in answer.text, place
                assert "evil" not in str(answer.cookies), place
                assert re.fullmatch(r"(/iredadmin/[\w/.@%:?=&()+-]*)?", answer.headers.get("location", "")), place


def test_no_redirection_leads_elsewhere(people: dict[object, Visitor]) -> None:
    """Threat 25: whatever `next` and the host say, redirections stay below the mount point."""
    root = people[PANEL]
    root.see("/domains")
    for path in ("/theme", "/self-service/theme", "/login", "/self-service/login"):
        for elsewhere in ("//evil.test", "https://evil.test", "/\\evil.test", "\\\\evil.test", "/\t/evil.test", "x:y"):
            form = {"csrf": root.csrf, "theme": "dark", "next": elsewhere, "username": ROOT, "password": PASSWORD}
            visitor = people[SELF_SERVICE if path.startswith("/self") else PANEL]
            visitor.get(path.replace("theme", "login"))
            form["csrf"] = visitor.csrf
            answer = visitor.session.post(
                f"{root.base}{path}", params={"next": elsewhere}, data=form, allow_redirects=False, timeout=30
            )
            assert re.fullmatch(r"/iredadmin/[\w/-]*|", answer.headers.get("location", "")), (path, elsewhere)
    answer = root.get("/domains", headers={"host": "evil.test"})
    assert "evil.test" not in answer.text


@pytest.mark.parametrize("content_type", BODIES)
@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.test"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
    ids=["another site", "no site", "the browser says so"],
)
def test_a_foreign_origin_changes_nothing(
    site: Site, people: dict[object, Visitor], content_type: str, headers: dict[str, str]
) -> None:
    """Threat 26: what a foreign page sends is refused by every page and by every operation that changes something."""
    root = people[PANEL]
    root.session.cookies.update(site.root().session.cookies)
    before = site.dump()
    cookies = dict(root.session.cookies)
    body, sent = BODIES[content_type], {**headers, "content-type": content_type}
    for page in PAGES.values():
        if page.method == "POST" and not page.is_embeddable:
            place = f"{root.base}{path_of(page.template)}"
            answer = root.session.post(place, data=body, headers=sent, allow_redirects=False, timeout=30)
            assert answer.status_code == 403, (page.template, answer.text)
    for description in DESCRIPTIONS:
        if description.operation.method == "GET" or description.operation.template.startswith("/api/newsletter/"):
            continue
        place = f"{site.base}/{description.example_path}"
        said = root.session.request(description.operation.method, place, data=body, headers=sent, timeout=30).json()
        assert said["_msg"] == "PERMISSION_DENIED", description.id
    assert site.dump() == before
    assert dict(root.session.cookies) == cookies


def test_looking_never_changes_anything(site: Site, people: dict[object, Visitor]) -> None:
    """Threat 26: no page that is looked at, and no operation by GET, changes any row or entry."""
    root = site.root()
    clients = [(asker(site, root, each), each) for each in DESCRIPTIONS if each.operation.method == "GET"]
    before = _without_log(site)
    for page in LOOKED_AT:
        assert people[page.face].get(path_of(page.template)).status_code in {200, 404}, page.template
    for client, each in clients:
        assert client.raw("GET", each.example_path, params=each.example_form).status_code == 200, each.id
    assert _without_log(site) == before


def _without_log(site: Site) -> dict[str, object]:
    """Return everything but the log, in which an export with hashes leaves a line."""
    return {name: rows for name, rows in site.dump().items() if name != "log"}


def test_no_answer_is_framed_guessed_at_or_kept(site: Site, people: dict[object, Visitor]) -> None:
    """Threat 27: framing, sniffing, caching: the headers of every page, of its refusals, and of the API."""
    for page in LOOKED_AT:
        for visitor in (people[page.face], Visitor(site)):
            headers = visitor.get(path_of(page.template), allow_redirects=False).headers
            assert "frame-ancestors 'none'" in headers["content-security-policy"], page.template
            assert headers["x-frame-options"] == "DENY", page.template
            _is_private(headers, page.template)
    root = site.root()
    for description in DESCRIPTIONS:
        if description.operation.method == "GET":
            _is_private(root.raw("GET", description.example_path).headers, description.id)
    _is_private(site.client().raw("GET", "domains").headers, "refused")


def _is_private(headers: object, of: str) -> None:
    found = {name.lower(): value for name, value in dict(headers).items()}  # type: ignore[call-overload]
    assert (found["x-content-type-options"], found["cache-control"]) == ("nosniff", "no-store"), of
