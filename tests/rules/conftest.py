"""Two server processes on the databases of a site."""

from collections.abc import Iterator, Sequence

import pytest

from tests.outages.processes import Process, both, settings_file
from tests.site import Site


@pytest.fixture(scope="module")
def twins(installation: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Process]]:
    """Two processes that know nothing of each other but the databases."""
    with both(settings_file(tmp_path_factory.mktemp("twins"), installation.stores)) as processes:
        yield processes
