"""Checkpoint and migration by CRIU of a real container, with a connection that stays open."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import network
import pytest
from conftest import SLOW, wait_until
from containers import Image

PORT = 8000
# Answers each line with itself; a line that begins with "!" is the hole: it is run.
SERVER = """
import socket, subprocess
server = socket.create_server(("0.0.0.0", 8000))
while True:
    connection, _ = server.accept()
    lines = connection.makefile("rb")
    while line := lines.readline():
        if line.startswith(b"!"):
            subprocess.run(line[1:], shell=True, stdout=subprocess.DEVNULL)
        connection.sendall(line)
"""
LOOK = b"!cat /etc/shadow; id; ls -l /proc/1/fd | sort | uniq; uname -a; hostname\n"
OTHERS = "stop,pause,quarantine,throttle,redirect,remap,kill,replace,revoke"


@pytest.fixture(autouse=True)
def criu(root, program):
    """CRIU must work on this kernel: Debian 12's does not on kernels much younger than itself."""
    checked = subprocess.run([program("criu", "criu"), "check"], capture_output=True, text=True,
                             check=False)
    if checked.returncode != 0:
        pytest.skip(f"kernel: criu check: {checked.stderr.splitlines()[0]}")


class Talk:
    """A client that speaks to the server a few hundred times a second over one connection."""

    def __init__(self, host, address):
        with network.inside(host):
            self.connection = socket.create_connection((address, PORT), timeout=20 * SLOW)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers, self.longest, self.failed, self.over = 0, 0.0, "", False
        self.thread = threading.Thread(target=self._run)
        self.waiting = []

    def _run(self):
        last = time.monotonic()
        try:
            while not self.over:
                line = self.waiting.pop() if self.waiting else b"ping\n"
                self.connection.sendall(line)
                got = b""
                while not got.endswith(b"\n"):
                    part = self.connection.recv(4096)
                    assert part, "the connection was closed"
                    got += part
                assert got == line
                now = time.monotonic()
                self.longest = max(self.longest, now - last)
                self.answers, last = self.answers + 1, now
                time.sleep(0.003)
        except (OSError, AssertionError) as error:
            self.failed = str(error)

    def goes_on(self, answers=100, timeout=20):
        wanted = self.answers + answers
        return wait_until(lambda: self.failed or self.answers >= wanted, timeout) and not self.failed

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()
        self.connection.close()


@pytest.fixture(name="replica")
def replica_fixture(system):
    """To be begun. It is root since reading another user's limits needs a right
    (CAP_SYS_RESOURCE) that a test machine may lack."""
    return system.container("web-1", Image("web", "1", ["/usr/bin/python3", "-S", "-c", SERVER],
                                           user="root"))


def begin(container):
    """Its streams are no files of the host: CRIU could not restore those."""
    container.make()
    subprocess.run(["runc", "--root", container.system.oci_root, "run", "--detach", "--bundle",
                    container.directory, container.id], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    container.wait_port(PORT)


@pytest.fixture(name="aside")
def aside_fixture(system):
    """A place at another site: a network namespace with an eth0 without an address."""
    place = system.host("aside")
    address = system.network.addresses["aside"]
    with network.inside(place):
        subprocess.run(["ip", "address", "del", f"{address}/24", "dev", "eth0"], check=True)
    return place


def start(agent, **respond):
    settings = {"harm": {"criticality": 1, "confidentiality_impact": "high"},
                "respond": {"policy": "act", **respond}}
    return agent(services={"web": settings}).start()


def wait_measure(skink, daemon, name, state):
    def found():
        said = skink("measures", "--all", "--json", "--socket", daemon.socket).stdout
        return [one for one in map(json.loads, said.splitlines())
                if (one["measure"], one["state"]) == (name, state)]

    assert wait_until(found, 30, 0.1), \
        skink("measures", "--all", "--socket", daemon.socket).stdout + daemon.said()
    return found()[0]


def network_of(container, system):
    state = json.loads(subprocess.run(["runc", "--root", system.oci_root, "state", container.id],
                                      check=True, capture_output=True).stdout)
    return os.stat(f"/proc/{state['pid']}/ns/net").st_ino


def quiet(daemon, replica):
    """Alerts of the replica that are open or came since."""
    return [alert for alert in daemon.alerts("web") if alert["replica"]["name"] == replica.id]


def test_migration(skink, agent, system, replica, aside):
    """An alert moves the replica to the other site and, undone, home: the connection stays, what it
    does there is its learned behaviour, and what an intruder does there is still seen."""
    daemon = start(agent, migrate=str(aside), **{"except": OTHERS + ",evidence"})
    begin(replica)
    with Talk(system.host("client"), replica.address) as talk:
        daemon.learned("web")
        talk.longest = 0
        talk.waiting.append(LOOK)
        moved = wait_measure(skink, daemon, "migrate", "in force")
        assert talk.goes_on(), talk.failed
        pause, told = talk.longest, moved["token"]["pause_ms"] / 1000
        print(f"migration: pause {pause * 1000:.0f} ms as the client sees it, {told * 1000:.0f} ms as told")
        assert network_of(replica, system) == os.stat(aside).st_ino
        assert replica.state() == "running"
        assert wait_until(lambda: "was restored" in daemon.said(), 10), daemon.said()
        alerts = len(quiet(daemon, replica))
        assert talk.goes_on(500), talk.failed
        assert len(quiet(daemon, replica)) == alerts == 1, quiet(daemon, replica)
        talk.waiting.append(LOOK)
        assert wait_until(lambda: len(quiet(daemon, replica)) == 2, 10), daemon.said()
        skink("undo", moved["number"], "--socket", daemon.socket)
        wait_measure(skink, daemon, "migrate", "undone")
        assert talk.goes_on(), talk.failed
        assert network_of(replica, system) == os.stat(replica.namespace).st_ino
    daemon.end()
    assert told - 0.1 < pause < told + 2  # how long that is, is for an idle machine to show


def test_checkpoint(skink, agent, system, replica):
    """The memory of the replica is evidence; it goes on, and CRIU's work in it is no alert."""
    daemon = start(agent, checkpoint=True, **{"except": OTHERS.replace("throttle,", "")})
    begin(replica)
    with Talk(system.host("client"), replica.address) as talk:
        daemon.learned("web")
        talk.waiting.append(LOOK)
        done = wait_measure(skink, daemon, "checkpoint", "done")
        directory = Path(done["token"]["directory"])
        assert (directory / "changed-files").exists()
        memory = b"".join(file.read_bytes() for file in (directory / "memory").glob("pages-*.img"))
        assert b"the hole" not in memory and b"connection.sendall(line)" in memory
        assert talk.goes_on(), talk.failed
        assert done["token"]["pause_ms"] > 0 and replica.state() == "running"
        assert len(quiet(daemon, replica)) == 1
    daemon.end()
    shutil.rmtree(directory)
