"""Checkpoint and migration by CRIU of a real container, with a connection that stays open."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import wait_until
from talk import LOOK, Talk, begin, criu_fault, make_place, make_replica

OTHERS = "hold,stop,pause,quarantine,throttle,redirect,remap,kill,replace,revoke"


@pytest.fixture(autouse=True)
def criu(root, program):
    """CRIU must work on this kernel."""
    if fault := criu_fault(program("criu", "criu")):
        pytest.skip(f"kernel: {fault}")


@pytest.fixture(name="replica")
def replica_fixture(system):
    """To be begun."""
    return make_replica(system, "web-1")


@pytest.fixture(name="aside")
def aside_fixture(system):
    """A place at another site."""
    return make_place(system, "aside")


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
    daemon = start(agent, migrate=str(aside), **{"except": OTHERS + ",refuse,evidence"})
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
    # How long that is, is for an idle machine to show; what is told begins with CRIU's own start.
    assert told / 2 < pause < told + 2


def test_checkpoint(skink, agent, system, replica):
    """The memory of the replica is evidence; it goes on, and CRIU's work in it is no alert, and not
    refused where the kernel refuses the replica's calls."""
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
