"""Who sees what of overviews."""

from tests.overviews.world import add_users, addresses, forwards
from tests.site import Client, Site


def test_an_admin_sees_the_own_domains_alone(site: Site, root: Client) -> None:
    root.ok("POST", "domain/third.test")
    al = site.admin("al@admins.test", "ex.com", "third.test")
    assert addresses(forwards(al, "panel/domains", page_size="1"), "domain") == ["ex.com", "third.test"]
    assert al.data("panel/domains", count="yes")["total"] == 2
    assert al.data("panel/domains", search="other")["rows"] == []
    for kind in ("users", "aliases", "lists"):
        assert al.data(f"panel/{kind}/ex.com")["rows"] == []
        assert al.refused("GET", f"panel/{kind}/other.test") == "PERMISSION_DENIED"
        assert site.client().refused("GET", f"panel/{kind}/ex.com") == "LOGIN_REQUIRED"
    assert al.refused("GET", "panel/admins") == "PERMISSION_DENIED"
    nobody = site.admin("new@admins.test")
    assert nobody.data("panel/domains", count="yes") == {
        "rows": [], "previous": "", "next": "", "total": 0, "is_total_exact": True,
    }  # fmt: skip


def test_what_is_closed_to_an_admin_is_left_out(site: Site, root: Client) -> None:
    root.ok("PUT", "domain/ex.com", aliasDomains="ex.net", disableDomainProfile="aliases")
    root.ok("PUT", "domain/other.test", quota="5", disableDomainProfile="advanced,backupmx")
    al = site.admin("al@admins.test", "ex.com", "other.test")
    of_all, of_al = (client.data("panel/domains")["rows"] for client in (root, al))
    closed = [{key: row[key] for key in row if key not in seen} for row, seen in zip(of_all, of_al, strict=True)]
    assert closed == [
        {"alias_domains": ["ex.net"]},
        {"quota": 5, "most_users": 0, "most_aliases": 0, "most_lists": 0, "is_backup_mx": False},
    ]
    assert not any(key not in row for row, seen in zip(of_all, of_al, strict=True) for key in seen)


def test_users_of_other_domains_are_never_shown(root: Client) -> None:
    add_users(root, "ann@ex.com", "bob@other.test")
    assert addresses(forwards(root, "panel/users/ex.com")) == ["ann@ex.com"]
    assert addresses(root.data("panel/users/ex.com", search="o")["rows"]) == ["ann@ex.com"]
