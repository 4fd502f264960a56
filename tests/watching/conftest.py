"""Installations whose databases can go away are the same as in the tests of outages."""

from tests.outages.conftest import apart, apart_installations, weak, weak_installation

__all__ = ["apart", "apart_installations", "weak", "weak_installation"]
