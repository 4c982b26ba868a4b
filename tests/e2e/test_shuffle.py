"""What a balancer is told: another address of a replica, and what a person has told it himself."""

import os
import subprocess
import time
from pathlib import Path

import network
import pytest
from conftest import wait_until
from haproxy import Balancer, Client
from intruder import BEAT, LOOK, Intruder, attack
from test_response import approve, ask, listed, responding, wait_measure


def connects(web, address, port):
    """Does somebody answer there?"""
    with network.inside(web.client):
        done = subprocess.run(["timeout", "1", "bash", "-c", f"</dev/tcp/{address}/{port}"],
                              check=False, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def only(*names):
    """The setting that leaves these measures to contain an intruder."""
    others = {"hold", "stop", "pause", "quarantine", "throttle", "redirect", "remap", "kill",
              "shuffle"}
    return {"except": ",".join(sorted(others - set(names)))}


def test_a_replica_gets_another_address(skink, program, watching, web, tmp_path):
    """What the intruder knew of it is worthless, his connection is dead; no request fails."""
    admin = tmp_path / "haproxy" / "admin"
    daemon, first, second = watching("web-1", "web-2", **responding(
        policy="ask", balancer=str(admin), backend="shop", addresses="10.77.0.192/26",
        **only("shuffle")))
    intruder = Intruder(web)
    haproxy = program("haproxy", "haproxy")
    with Balancer(haproxy, web, admin.parent, [first, second]) as balancer, Client(web) as client:
        beat = BEAT.format(**intruder.expect())
        attack(web, first, f"({beat}) >/dev/null 2>&1 & {LOOK}")
        assert wait_until(lambda: intruder.beats > 5), "the intruder never spoke"
        approve(skink, daemon)
        shuffle = wait_measure(skink, daemon, "shuffle", "in force")
        moved = shuffle["token"]["moved"]
        assert balancer.states()["web-1"] == "UP" and wait_until(intruder.is_silent, 5)
        assert balancer.servers()["web-1"]["addr"] == f"{moved['to']}:{moved['to_port']}"
        assert connects(web, moved["to"], moved["to_port"])
        assert not connects(web, first.address, 8000) and not connects(web, moved["to"], 8000)
        ask(skink, daemon, "undo", shuffle["number"])
        assert balancer.servers()["web-1"]["addr"] == f"{first.address}:8000"
        assert connects(web, first.address, 8000)
        assert not connects(web, moved["to"], moved["to_port"])
        time.sleep(0.5)
    intruder.listener.close()
    assert client.asked > 50 and client.failed == []


def test_another_site_takes_over(skink, program, watching, web, tmp_path):
    """It stands by with the weight 0, gets requests with the measure, and none after its undo."""
    admin = tmp_path / "haproxy" / "admin"
    aside = web.container("web-9")
    daemon, first = watching(**responding(
        policy="act", minimum=0, balancer=str(admin), backend="shop", site=aside.address,
        **only("redirect")))
    haproxy = program("haproxy", "haproxy")
    aside.start()
    aside.wait_port(8000)
    with Balancer(haproxy, web, admin.parent, [first, aside]) as balancer:
        balancer.ask("set server shop/web-9 weight 0")
        attack(web, first, LOOK)
        redirect = wait_measure(skink, daemon, "redirect", "in force")
        assert balancer.states()["web-1"].startswith("DRAIN")
        assert balancer.states()["web-9"] == "UP" and balancer.servers()["web-9"]["weight"] == "1"
        ask(skink, daemon, "undo", redirect["number"])
        assert balancer.states()["web-1"] == "UP" and balancer.servers()["web-9"]["weight"] == "0"


def test_what_a_person_told_the_balancer_stays(skink, program, watching, web, tmp_path):
    admin = tmp_path / "haproxy" / "admin"
    daemon, first, second = watching("web-1", "web-2", **responding(
        policy="act", balancer=str(admin), backend="shop", **only("redirect", "pause")))
    haproxy = program("haproxy", "haproxy")
    with Balancer(haproxy, web, admin.parent, [first, second]) as balancer:
        balancer.ask("set server shop/web-1 state maint")
        attack(web, first, LOOK)
        pause = wait_measure(skink, daemon, "pause", "in force")
        assert balancer.states()["web-1"] == "MAINT"
        ask(skink, daemon, "undo", pause["number"])
        assert balancer.states()["web-1"] == "MAINT"


@pytest.mark.skipif(not os.path.isdir("/sys/fs/cgroup/freezer"),
                    reason="kernel: has no freezer of cgroup v1")
def test_a_cgroup_shared_with_others_is_left_alone(skink, agent, web):
    """A freezer of two workloads: to freeze one would freeze the other."""
    shared = Path(f"/sys/fs/cgroup/freezer/skink-e2e-{os.getpid()}")
    daemon, replica = agent().start(), web.replica("web-1")
    daemon.wait_for("web", lambda service: service["replicas"])
    shared.mkdir()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            members = Path(f"/sys/fs/cgroup/freezer/{web.system.name}/web-1/cgroup.procs")
            for pid in [*members.read_text().split(), str(stranger.pid)]:
                (shared / "cgroup.procs").write_text(pid)
            plan = wait_until(lambda: listed(skink, daemon, "plan", "--dry-run", "web"))[0]
            pause = next(one for one in plan["options"]["contain"] if one["measure"] == "pause")
            assert "shares" in pause["refused"] and str(stranger.pid) in pause["refused"], pause
        finally:
            stranger.kill()
            replica.stop()
    assert wait_until(lambda: not (shared / "cgroup.procs").read_text())
    shared.rmdir()
