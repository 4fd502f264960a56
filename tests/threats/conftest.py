"""The visitors that the tests of pages have."""

from tests.pages.conftest import root, visitor

__all__ = ["root", "visitor"]
