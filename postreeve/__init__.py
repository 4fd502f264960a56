"""Postreeve, the steward of mail accounts for iRedMail servers."""

from importlib.metadata import version

__version__ = version("postreeve")
