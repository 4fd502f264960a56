"""`make quick` does without python-ldap, which compiles."""

import importlib.util

if importlib.util.find_spec("ldap"):
    from tests.directory.conftest import directory_name, filled  # noqa: F401 - fixtures
    from tests.users.entries import named, world  # noqa: F401 - fixtures
else:
    collect_ignore_glob = ["test_ldap_*.py"]
