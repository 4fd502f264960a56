"""What `docs/watching.md` names is what there is."""

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from postreeve.errors import Code
from postreeve.web.watching import SUCCESS
from tests.outages.processes import serving, settings_file
from tests.site import Site
from tests.watching.probes import probe, written

TEXT = (Path(__file__).parent.parent.parent / "docs" / "watching.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    part = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_all_metrics_are_named_with_their_labels(site: Site) -> None:
    site.root()
    found = {}
    for family in text_string_to_metric_families(probe(site, "metrics").text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
    assert found == {name.strip("`"): set(re.findall(r"`(\w+)`", labels)) for name, labels, _ in rows("Metrics")}


def test_alerts_ask_for_metrics_and_outcomes_that_there_are() -> None:
    [alerts] = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    known = {name.strip("`") for name, _, _ in rows("Metrics")}
    asked = {name.removesuffix("_bucket") for name in re.findall(r"postreeve_\w+", alerts)}
    assert asked
    assert asked <= known
    assert set(re.findall(r'outcome="(\w+)"', alerts)) <= {code.name for code in Code} | {SUCCESS}


def test_all_keys_of_the_log_are_named(site: Site, tmp_path: Path) -> None:
    with serving(settings_file(tmp_path, site.stores, log_format="json")) as process:
        process.client().raw("GET", "domains")
        line = json.loads(written(process).splitlines()[-1])
    keys = [key.strip("`") for key, _ in rows("The log")]
    assert [*line] == [key for key in keys if key != "exception"]
