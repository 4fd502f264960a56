"""Somebody with a browser that has no JavaScript: follows links, fills in forms."""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import requests

from tests.outages.processes import Process
from tests.site import PASSWORD, Site

Attributes = dict[str, str]


class Forms(HTMLParser):
    """Reads the forms of a page: what each would send as it stands."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[tuple[Attributes, dict[str, list[str]]]] = []
        self._in: dict[str, list[str]] | None = None
        self._area = self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "form":
            self._in = {}
            self.forms.append((given, self._in))
        elif self._in is None or (tag != "option" and not name):
            return
        elif tag == "input" and (given.get("type") not in {"checkbox", "radio"} or "checked" in given):
            self._in.setdefault(name, []).append(given.get("value", ""))
        elif tag == "textarea":
            self._area = name
            self._in[name] = [""]
        elif tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in given or self._select not in self._in):
            self._in[self._select] = [given.get("value", "")]

    def handle_data(self, data: str) -> None:
        if self._in is not None and self._area:
            self._in[self._area] = [self._in[self._area][0] + data]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._in = None
        elif tag == "textarea" and self._in is not None:
            self._in[self._area] = [self._in[self._area][0].removeprefix("\n")]
            self._area = ""


class Visitor:
    """A browser of one person; paths begin below `/iredadmin`."""

    def __init__(self, site: Site | Process) -> None:
        self.base = site.base.removesuffix("/api")
        self.session = requests.Session()
        self.session.trust_env = False
        self.page = requests.Response()

    def get(self, path: str, **options: Any) -> requests.Response:
        self.page = self.session.get(f"{self.base}{path}", timeout=60, **options)
        return self.page

    def see(self, path: str) -> str:
        """Look at a page that is there, and return its text."""
        assert self.get(path).status_code == 200, self.page.text
        return self.page.text

    def send(self, path: str = "", *, button: str = "", **typed: str | list[str]) -> requests.Response:
        """Fill in the page's own form, the one without the menu's, and send it; `path` looks at its page before."""
        if path:
            self.see(path)
        attributes, fields = self._form()
        form: dict[str, Any] = {**fields, **typed, **(dict([button.split("=")]) if button else {})}
        action = urljoin(self.page.url, attributes.get("action") or self.page.url)
        self.page = self.session.post(action, data=form, timeout=60)
        return self.page

    def done(self, path: str, **typed: Any) -> str:
        """Send a form, and insist that it was not refused."""
        answer = self.send(path, **typed)
        assert answer.status_code == 200, answer.text
        return answer.text

    def log_in(self, account: str, password: str = PASSWORD, path: str = "/login") -> "Visitor":
        answer = self.send(path, username=account, password=password)
        assert answer.status_code == 200, answer.text
        assert "/login" not in answer.url
        return self

    @property
    def csrf(self) -> str:
        """What stands in the forms of the page."""
        found = re.search(r'name="csrf" value="(\w+)"', self.page.text)
        assert found
        return found[1]

    def _form(self) -> tuple[Attributes, dict[str, list[str]]]:
        main = self.page.text.partition("<main")[2].partition("</main>")[0]
        return next(form for form in Forms(main).forms if form[0].get("method") == "post")
