"""Replicas compared with each other while their service is still learned."""

import json
import time
from contextlib import ExitStack, contextmanager

import pytest
from agent import QUICKLY
from conftest import wait_until

LEARNING = {**QUICKLY, "interval": "1h"}  # it goes on for as long as a test lasts
INTRUSION = "cat /etc/shadow; id; ls -l /proc/1/fd | sort | uniq; uname -a; hostname"


@pytest.fixture
def replicas(agent, web):
    """A daemon that learns a service, and its three replicas. They ran before it did, so that it is
    not their start that it sees."""
    started = [web.replica(f"web-{number}") for number in (1, 2, 3)]
    daemon = agent(learn=LEARNING).start()
    daemon.wait_for("web", lambda service: len(service["replicas"]) == 3)
    return daemon, started


def compared(daemon):
    return daemon.service("web")["siblings"]


@contextmanager
def busy(web, *containers):
    """Three clients: the calls that it takes to compare the replicas are made the sooner."""
    with ExitStack() as clients:
        for _ in range(3):
            clients.enter_context(web.load(*containers))
        yield


def windows(skink, daemon):
    """The windows of the saved profile, as text."""
    file = next(daemon.state.glob("profiles/web@*.profile"))
    return skink("profile", "show", "--patterns", file).stdout


def test_what_one_replica_does_and_no_sibling(replicas, web, skink):
    daemon, (first, second, third) = replicas
    with busy(web, first, second, third):
        daemon.wait_for("web", lambda service: service["siblings"]["calls"] > 60000, 90)
        assert compared(daemon)["compared"] == 3
        assert daemon.lines() == []
        web.run(second, INTRUSION)
        alert = daemon.wait_alert(second.id, 20)
        assert (alert["detector"], alert["state"]) == ("siblings", "open")
        assert alert["score"] >= alert["threshold"]
        assert alert["siblings"]["replicas"] == 2 and alert["siblings"]["chance"] < 1e-4
        assert alert["profile"].startswith("incomplete")
        web.run(second, "id")  # more of it goes into the same alert
        time.sleep(6)
    assert {line["replica"]["name"] for line in daemon.lines()} == {second.id}
    assert len({line["id"] for line in daemon.lines()}) == 1
    assert compared(daemon)["held"] >= alert["score"]
    assert "none of the 2 other replicas" in skink("alerts", "--socket", daemon.socket).stdout
    said = skink("status", "--socket", daemon.socket).stdout
    assert "3 replicas are compared; what all of them do alike is not seen" in said
    assert "patterns of one replica are not learned" in said
    daemon.end()
    # Nothing of the intrusion was learned.
    assert "execve" not in windows(skink, daemon)


def test_what_all_replicas_do(replicas, web, skink):
    """A page that nobody asked for until now, of all replicas: the service's new behaviour."""
    daemon, started = replicas
    with busy(web, *started):
        daemon.wait_for("web", lambda service: service["siblings"]["calls"] > 60000, 90)
        for replica in started:
            web.run(replica, INTRUSION)
        time.sleep(8)
    assert daemon.lines() == []
    assert compared(daemon)["held"] == 0
    daemon.end()
    assert "execve" in windows(skink, daemon)


def test_one_replica_alone(agent, web, skink):
    replica = web.replica("web-1")
    daemon = agent(learn=LEARNING).start()
    with web.load(replica):
        daemon.wait_for("web", lambda service: service["replicas"][0]["calls"] > 1000)
        web.run(replica, INTRUSION)
    assert wait_until(lambda: compared(daemon))["compared"] == 0
    said = skink("status", "--socket", daemon.socket).stdout
    assert "fewer than 2 replicas to compare: what is learned is not checked" in said
    assert daemon.lines() == []
