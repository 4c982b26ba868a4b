"""The minimum of replicas counts those that serve: not the hung ones, nor those with an alert."""

import os
import signal
import socket
import time
from contextlib import ExitStack, contextmanager

import network
from conftest import wait_until
from haproxy import Balancer, Client
from intruder import attack
from test_response import listed, measures, responding

TAKES_OUT = {"pause", "quarantine", "redirect"}


def replica_of(daemon, container):
    return next(each for each in daemon.replicas("web") if each["name"] == container.id)


@contextmanager
def hung(web, container, pid):
    """It answers nobody; its clients wait until there is no room for another one."""
    with ExitStack() as waiting:
        os.kill(pid, signal.SIGSTOP)
        try:
            for _ in range(8):
                with network.inside(web.client):
                    client = waiting.enter_context(socket.socket())
                    client.setblocking(False)
                    client.connect_ex((container.address, 8000))
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


def test_a_hung_replica_is_none_of_the_minimum(skink, program, watching, web, tmp_path):
    """Both would be two, and one may go; but the other one has hung, as its balancer has found."""
    haproxy = program("haproxy", "haproxy")
    admin = tmp_path / "haproxy" / "admin"
    daemon, first, second = watching("web-1", "web-2", **responding(
        policy="act", minimum=1, balancer=str(admin), backend="shop", **{"except": "hold,stop,kill"}))
    assert replica_of(daemon, first)["balancer"] is None and replica_of(daemon, first)["healthy"]
    with Balancer(haproxy, web, admin.parent, [first, second]) as balancer:
        assert wait_until(lambda: {replica_of(daemon, each)["balancer"]
                                   for each in (first, second)} == {"up"})
        with hung(web, second, replica_of(daemon, second)["pid"]):
            assert wait_until(lambda: balancer.states()["web-2"].startswith("DOWN"))
            assert wait_until(lambda: replica_of(daemon, second)["balancer"] == "down", 5)
            assert not replica_of(daemon, second)["healthy"]
            assert "down at its balancer" in skink("status", "--socket", daemon.socket).stdout
            attack(web, first)
            plan, = wait_until(lambda: listed(skink, daemon, "plan"), 15)
            refused = {one["measure"]: one.get("refused")
                       for stage in plan["options"].values() for one in stage}
            assert (plan["serving"], plan["minimum"]) == (1, 1), plan
            for name in TAKES_OUT:
                assert refused[name] == "leaves fewer replicas than the minimum", plan
            assert first.state() == "running" and balancer.states()["web-1"] == "UP"
            assert not TAKES_OUT & {one["measure"] for one in measures(skink, daemon)}
            assert not replica_of(daemon, first)["healthy"]  # who has an alert is none either
        assert wait_until(lambda: replica_of(daemon, second)["balancer"] == "up", 10)
    assert wait_until(lambda: replica_of(daemon, second)["balancer"] is None, 15)
    assert "which replicas are healthy is not known" in daemon.said()


def test_latency_is_what_the_balancer_tells(program, watching, web, tmp_path):
    """Who stands still in a request is late with his answer."""
    haproxy = program("haproxy", "haproxy")
    admin = tmp_path / "haproxy" / "admin"
    daemon, first, second = watching("web-1", "web-2", **responding(
        balancer=str(admin), backend="shop"))
    pid = replica_of(daemon, second)["pid"]
    with Balancer(haproxy, web, admin.parent, [first, second]), Client(web) as client:
        assert wait_until(lambda: client.asked > 4)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.5)
        os.kill(pid, signal.SIGCONT)
        client.stop.set()
        assert wait_until(lambda: (replica_of(daemon, second)["latency_ms"] or 0) >
                          (replica_of(daemon, first)["latency_ms"] or 0), 5)
