"""What a page does to all that is marked in a table: the same operation for each, with a result for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from postreeve.errors import Code, refuse
from postreeve.web.pages import N_, Ask, Redirect, Shown, View

DEED, SURE = "deed", "sure"


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


def deeds_shown(ask: Ask, deeds: Mapping[str, Deed]) -> list[tuple[str, str]]:
    """Return the deeds as buttons: words and titles."""
    return [(word, ask._(deed.title)) for word, deed in deeds.items()]


def carry_out(ask: Ask, deeds: Mapping[str, Deed], back: str) -> View:
    """Do to what is marked what was chosen; ask before, where it can not be undone."""
    word, marked = ask.typed(DEED), ask.marked()
    deed = deeds.get(word) or refuse(Code.INVALID_VALUE, hint=DEED)
    if not marked:
        return Redirect(back, ask._("Nothing is marked."))
    values = {"deed": deed, "word": word, "marked": marked, "named": named, "back": back}
    if deed.question and not ask.typed(SURE):
        return Shown("sure.html", values, deed.title)
    results = ask.one_each(marked, deed.do)
    if results.refused:
        return Shown("results.html", {**values, "results": results}, deed.title)
    done = ask.ngettext(
        "%(deed)s: %(num)d account.", "%(deed)s: %(num)d accounts.", len(marked), deed=ask._(deed.title)
    )
    return Redirect(back, done)


ENABLE, DISABLE, DELETE = N_("Enable"), N_("Disable"), N_("Delete")
