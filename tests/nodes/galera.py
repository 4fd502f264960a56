"""A private Galera cluster of three MariaDB servers, whose nodes can be killed and started again."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql

from postreeve.settings import Store
from tests import servers
from tests.servers import ServerError

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

NODES = 3
_PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")
_READY_SECONDS = 60
_ATTEMPTS = 3
_PROVIDER_OPTIONS = {
    "gcache.size": "32M",
    "evs.keepalive_period": "PT0.5S",
    "evs.suspect_timeout": "PT3S",
    "evs.inactive_timeout": "PT6S",
    "evs.max_install_timeouts": "10",
    "pc.announce_timeout": "PT1S",
}
"""Small, and quick to notice that a node is gone."""


@dataclass
class Node:
    """One server of the cluster."""

    number: int
    folder: Path
    port: int
    group_port: int
    transfer_port: int
    copy_port: int
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def uuid(self) -> str:
        return f"6c1b8a5e-0000-4000-8000-{self.number:012}"

    @property
    def socket(self) -> str:
        return str(self.folder / "socket")

    def store(self, database: str) -> Store:
        return Store(engine="mariadb", socket=self.socket, database=database, user="root", driver="pymysql")

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """Ask this node, and no other."""
        with closing(self.connection()) as connection, connection.cursor() as cursor:
            cursor.execute(text)
            return list(cursor.fetchall())

    def state(self) -> dict[str, str]:
        """Return what the node says of itself."""
        return dict(self.rows("SHOW STATUS LIKE 'wsrep_%'"))

    def is_synced(self) -> bool:
        with socket.socket(socket.AF_UNIX) as line:  # PyMySQL leaves one open when nobody answers
            if line.connect_ex(self.socket):
                return False
        try:
            state = self.state()
        except pymysql.err.Error:
            return False
        return state["wsrep_local_state_comment"] == "Synced" and state["wsrep_ready"] == "ON"

    def kill(self) -> None:
        """End it as the kernel would when memory runs out."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it as an administrator would."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def connection(self) -> "pymysql.Connection[Cursor]":
        return pymysql.connect(unix_socket=self.socket, user="root", charset="utf8mb4", autocommit=True)


@dataclass
class Cluster:
    """Three nodes with the same databases."""

    nodes: list[Node]

    @property
    def address(self) -> str:
        return ",".join(f"127.0.0.1:{node.group_port}" for node in self.nodes)

    def start(self, node: Node, *options: str) -> None:
        """Start a node, and return at once."""
        log = node.folder / "log"
        with log.open("ab") as output:
            node.process = subprocess.Popen(
                [*servers._as("mysql", "--pdeathsig=KILL"), *self._words(node), *options],
                cwd=node.folder, env={"PATH": servers._PATH, "TMPDIR": str(node.folder)},
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    def start_again(self, node: Node) -> None:
        """Start a node that was killed; it gets from the others what it has missed.

        First it looks up how far it came, as the service of the package does; without that it would copy everything.
        """
        words = [*servers._as("mysql"), *self._words(node), "--wsrep-recover", "--log-error=/dev/stderr"]
        done = subprocess.run(words, cwd=node.folder, env={"PATH": servers._PATH}, capture_output=True, text=True,
                              check=True)  # fmt: skip
        position = done.stderr.rpartition("Recovered position:")[2].split()[0]
        self.start(node, f"--wsrep-start-position={position}")

    def wait(self, *nodes: Node) -> None:
        """Wait until nodes have everything that the others have."""
        deadline = time.monotonic() + _READY_SECONDS
        waiting = list(nodes or self.nodes)
        while waiting:
            for node in waiting:
                assert node.process
                if node.process.poll() is not None or time.monotonic() > deadline:
                    raise ServerError(f"Node {node.number} did not join:\n{(node.folder / 'log').read_text()[-6000:]}")
            waiting = [node for node in waiting if not node.is_synced()]
            time.sleep(0.05)

    def _words(self, node: Node) -> list[str]:
        options = {
            **_PROVIDER_OPTIONS,
            "gmcast.listen_addr": f"tcp://127.0.0.1:{node.group_port}",
            "ist.recv_addr": f"127.0.0.1:{node.transfer_port}",
        }
        return [
            servers._program("mariadbd"), "--no-defaults", f"--datadir={node.folder}/data",
            f"--port={node.port}", "--bind-address=127.0.0.1", f"--socket={node.socket}",
            f"--pid-file={node.folder}/pid", f"--tmpdir={node.folder}", "--skip-name-resolve",
            "--performance-schema=off", "--max-connections=300",
            "--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=0",
            "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M",
            "--log-bin-trust-function-creators=ON",  # for the triggers among iRedMail's tables
            "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--default-storage-engine=InnoDB",
            "--wsrep-on=ON", f"--wsrep-provider={_PROVIDER}", "--wsrep-cluster-name=postreeve",
            f"--wsrep-node-name=node{node.number}", "--wsrep-node-address=127.0.0.1",
            f"--wsrep-cluster-address=gcomm://{self.address}", "--wsrep-sst-method=rsync",
            f"--wsrep-sst-receive-address=127.0.0.1:{node.copy_port}",
            f"--wsrep-provider-options={';'.join(f'{name}={value}' for name, value in options.items())}",
        ]  # fmt: skip


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a cluster until the end of the block."""
    if not _PROVIDER.exists():
        raise ServerError("The tests need the package galera-4, which is not installed: run `make dev`.")
    with servers._folder() as folder:
        found = Cluster([_node(number, folder) for number in range(1, NODES + 1)])
        first = found.nodes[0]
        try:
            _install(first)
            found.start(first, "--wsrep-new-cluster")
            found.wait(first)
            first.stop()
            (first.folder / "data").rename(folder / "data")
            _form(found, folder / "data")
            yield found
        finally:
            for node in found.nodes:
                node.end()


def _node(number: int, folder: Path) -> Node:
    own = folder / f"node{number}"
    servers._make_folder(own, "mysql")
    return Node(number, own, *[servers._free_port() for _ in range(4)])


def _install(node: Node) -> None:
    installer = [
        servers._program("mariadb-install-db"), "--no-defaults", f"--datadir={node.folder}/data",
        "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
    ]  # fmt: skip
    servers._install(node.folder, "mysql", installer)


def _form(found: Cluster, data: Path) -> None:
    """Start all nodes with the same data; on a machine that has no time for them they may not find each other."""
    for attempt in range(1, _ATTEMPTS + 1):
        for node in found.nodes:
            _copy(data, node)
            _remember(node, found.nodes)
            found.start(node)
        try:
            found.wait()
        except ServerError:
            for node in found.nodes:
                node.end()
            if attempt == _ATTEMPTS:
                raise
        else:
            return


def _remember(node: Node, members: list[Node]) -> None:
    """Let a node believe that it has been in a cluster of these: they find each other, and none lacks anything."""
    lines = [f"my_uuid: {node.uuid}", "#vwbeg", f"view_id: 3 {members[0].uuid} 3", "bootstrap: 0"]
    lines += [*(f"member: {member.uuid} 0" for member in members), "#vwend", ""]
    file = node.folder / "data" / "gvwstate.dat"
    file.write_text("\n".join(lines))
    servers._give(file, "mysql")


def _copy(source: Path, node: Node) -> None:
    target = node.folder / "data"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    for path in [target, *target.rglob("*")]:
        servers._give(path, "mysql")
