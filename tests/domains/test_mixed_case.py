"""Rows that other programs wrote in mixed case, which MariaDB finds in any spelling."""

import pytest

from tests.site import PASSWORD, Site


@pytest.mark.sql
def test_rows_in_mixed_case_are_shown_with_their_extras(site: Site) -> None:
    root = site.root()
    root.ok("POST", "domain/ex.com", senderBcc="copy@x.test")
    root.ok("POST", "user/ann@ex.com", password=PASSWORD, aliases="sales@ex.com")
    root.ok("POST", "alias/all@ex.com", members="ann@ex.com")
    root.ok("PUT", "domain/admins/ex.com", addAdmin="ann@ex.com")
    site.execute("vmail", "UPDATE mailbox SET username = 'Ann@Ex.com', domain = 'Ex.com'")
    site.execute("vmail", "UPDATE domain_admins SET username = 'Ann@Ex.com', domain = 'Ex.com' WHERE domain <> 'ALL'")
    site.execute("vmail", "UPDATE alias SET address = 'All@Ex.com'")
    site.execute("vmail", "UPDATE domain SET domain = 'Ex.com'")
    is_found = site.engine == "mariadb"
    for path in ("user/ann@ex.com", "domain/ex.com", "alias/all@ex.com", "users/ex.com", "domains", "aliases/ex.com"):
        answer = root.get(path)
        assert answer["_success"] is (is_found or path == "domains"), path
    if is_found:
        assert root.data("user/ann@ex.com")["aliases"] == ["sales@ex.com"]
        assert root.data("domain/ex.com")["senderBcc"] == "copy@x.test"
        assert root.data("alias/all@ex.com")["members"] == ["ann@ex.com"]
