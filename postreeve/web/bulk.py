"""What a page does to all that is marked in a table: the same operation for each, with a result for each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from postreeve.errors import Code, refuse
from postreeve.web.pages import N_, Ask, Redirect, Shown, View

DEED, SURE = "deed", "sure"
CALLED = "called-"
"""With a mark after it: what that is called, where the form says so."""


@dataclass(frozen=True)
class Deed:
    """Something that can be done to each of what is marked."""

    title: str
    do: Callable[[str], object]
    question: Callable[[int], str] | None = None
    """What is asked before, of so many; None where it can be undone."""
    template: str = ""
    """What else the question asks for."""


def named(mark: str) -> str:
    """Return what a mark is called: some say the kind of an account before its address."""
    return mark.rpartition(":")[2]


def accounts(ask: Ask, number: int, deed: str) -> str:
    """Return the sentence that something was done to so many accounts."""
    return ask.ngettext("%(deed)s: %(num)d account.", "%(deed)s: %(num)d accounts.", number, deed=deed)


def deeds_shown(ask: Ask, deeds: Mapping[str, Deed]) -> list[tuple[str, str]]:
    """Return the deeds as buttons: words and titles."""
    return [(word, ask._(deed.title)) for word, deed in deeds.items()]


def chosen(ask: Ask, deeds: Mapping[str, Deed]) -> Deed:
    """Return the deed that was chosen."""
    return deeds.get(ask.typed(DEED)) or refuse(Code.INVALID_VALUE, hint=DEED)


def question(ask: Ask, deed: Deed, marked: Sequence[str], back: str) -> Shown | None:
    """Return the question whether to do something to what is marked, if there is one that was not answered yet."""
    if deed.question is None or ask.typed(SURE):
        return None
    values = {**_shown(ask, back), "deed": deed, "word": ask.typed(DEED), "marked": marked}
    return Shown("sure.html", values, deed.title)


def carry_out(ask: Ask, deeds: Mapping[str, Deed], back: str, done: Callable[[Ask, int, str], str] = accounts) -> View:
    """Do to what is marked what was chosen; ask before, where it can not be undone. `done` says it in the end."""
    deed, marked = chosen(ask, deeds), ask.marked()
    if not marked:
        return Redirect(back, ask._("Nothing is marked."))
    if first := question(ask, deed, marked, back):
        return first
    results = ask.one_each(marked, deed.do)
    if results.refused:
        return Shown("results.html", {**_shown(ask, back), "results": results}, deed.title)
    return Redirect(back, done(ask, len(marked), ask._(deed.title)))


def _shown(ask: Ask, back: str) -> dict[str, object]:
    return {"named": lambda mark: ask.typed(f"{CALLED}{mark}") or named(mark), "back": back}


ENABLE, DISABLE, DELETE = N_("Enable"), N_("Disable"), N_("Delete")
