"""Two nodes of Postreeve on a cluster of three databases, behind balancers, while some of them die."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import servers
from tests.nodes.balancer import balancer
from tests.nodes.galera import Cluster, cluster
from tests.nodes.load import HOMES, Load, facts
from tests.outages.processes import Process, environment, ran, serving, settings_file
from tests.site import PASSWORD, ROOT, Client
from tests.wire.raw import token

pytestmark = [
    pytest.mark.slow,  # a minute of load on three databases and two nodes
    pytest.mark.xdist_group("galera"),
]
STORES = ("vmail", "iredadmin", "amavisd", "iredapd")
SECONDS = 60
WRITERS = 6
