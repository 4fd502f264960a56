"""What tests ask the doctor, and how they make a site ill."""

from typing import Any

from tests.site import Client, Site


def examined(root: Client) -> list[tuple[str, str]]:
    """Return the kinds and names of what is found."""
    return [(found["ailment"], found["name"]) for found in root.data("doctor")]


def sentences(root: Client) -> list[str]:
    """Return what is found in words."""
    return [found["sentence"] for found in root.data("doctor")]


def mended(root: Client) -> None:
    """Mend all that has a remedy, twice: repeating it changes nothing."""
    for _ in range(2):
        for found in root.data("doctor"):
            if found["remedy"]:
                root.ok("POST", f"doctor/{found['ailment']}/{found['name']}")


def told(ailment: str, name: str, sentence: str, remedy: str = "", *, is_note: bool = False) -> dict[str, Any]:
    """Return a finding as the API tells it."""
    return {"ailment": ailment, "name": name, "sentence": sentence, "remedy": remedy, "is_note": is_note}


def insert(site: Site, database: str, table: str, **values: str | int) -> None:
    """Insert a row, as another program would."""
    given = ", ".join(f"'{value}'" if isinstance(value, str) else str(value) for value in values.values())
    site.execute(database, f"INSERT INTO {table} ({', '.join(values)}) VALUES ({given})")
