"""The languages of pages and mails: which there are, which one a reader gets, and what texts are in it."""

import gettext
import io
import re
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

TRANSLATED = ("de", "es", "fr", "zh_CN")
"""The languages of the catalogues in `locale/`; English is in the code."""
ACCOUNT_LANGUAGES = {"": "", "en": "en_US", "de": "de_DE", "es": "es_ES", "fr": "fr_FR", "zh_CN": "zh_CN"}
"""What an account's `language` is for each of them, as iRedAdmin names it."""
ENGLISH = "en"
_RIGHT_TO_LEFT = "right-to-left"


@dataclass(frozen=True)
class Language:
    """A language of ours."""

    tag: str
    """As HTML wants it, such as `zh-CN`."""
    locale: Locale
    texts: gettext.NullTranslations = field(compare=False, repr=False)

    @property
    def direction(self) -> str:
        return "rtl" if self.locale.character_order == _RIGHT_TO_LEFT else "ltr"

    def gettext(self, text: str, **values: object) -> str:
        """Return a text in this language; `%(name)s` stands for a value."""
        found = self.texts.gettext(text) if text else ""
        return found % values if values else found

    def ngettext(self, one: str, many: str, number: int, **values: object) -> str:
        """Return one of two texts in this language, by a number, which is `%(num)d` in them."""
        return self.texts.ngettext(one, many, number) % {"num": number, **values}


def chosen(account_language: str, accepted: str) -> Language:
    """Return the language of an account, or else the first that the browser accepts and we have."""
    wanted = [account_language] if account_language else _by_preference(accepted)
    return language(next((found for tag in wanted if (found := _known(tag))), ENGLISH))


@cache
def language(name: str) -> Language:
    """Return a language of ours by its name, such as `de`."""
    locale = Locale.parse(name)
    if name == ENGLISH:
        return Language(name, locale, gettext.NullTranslations())
    file = resources.files("postreeve.web") / "locale" / name / "LC_MESSAGES" / "messages.po"
    with file.open("rb") as source:
        catalogue = read_po(source, locale)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Language(name.replace("_", "-"), locale, gettext.GNUTranslations(compiled))


def _known(tag: str) -> str:
    """Return our name of a language such as `de-AT`, or nothing."""
    spelled = tag.replace("-", "_").lower()
    for name in (ENGLISH, *TRANSLATED):
        if name.lower() == spelled:
            return name
    base = spelled.partition("_")[0]
    if base == "zh" and re.search(r"hant|_(tw|hk|mo)", spelled):
        return ""
    return next((name for name in (ENGLISH, *TRANSLATED) if name.partition("_")[0] == base), "")


def _by_preference(accepted: str) -> list[str]:
    """Return the languages of an `Accept-Language` header, the best first."""
    found = []
    for part in accepted[:200].split(","):
        tag, _, weight = part.strip().partition(";q=")
        if re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*", tag):
            quality = float(weight) if re.fullmatch(r"[01](\.\d{0,3})?", weight) else 1.0
            found.append((quality, tag))
    return [tag for quality, tag in sorted(found, key=lambda pair: -pair[0]) if quality > 0]
