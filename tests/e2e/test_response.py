"""Harm and response on real containers: an intruder, and what is done about him."""

import json
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import network
import pytest
from conftest import wait_until
from engines import HIERARCHY
from haproxy import Balancer, Client, starter
from intruder import LOOK, Intruder, attack

@pytest.fixture(name="intruder")
def intruder_fixture(web):
    made = Intruder(web)
    yield made
    made.listener.close()


def ask(skink, daemon, verb, *words):
    answer = skink(verb, *words, "--socket", daemon.socket)
    assert answer.returncode == 0, f"{verb}: {answer.stderr}\n{daemon.said()}"
    return answer.stdout


def listed(skink, daemon, verb, *words):
    return [json.loads(line) for line in
            ask(skink, daemon, verb, *words, "--json").splitlines()]


def measures(skink, daemon, name=None, state=None):
    return [one for one in listed(skink, daemon, "measures", "--all")
            if name in (None, one["measure"]) and state in (None, one["state"])]


def approve(skink, daemon):
    """A person's word for the plan that waits."""
    plan = wait_until(lambda: listed(skink, daemon, "plan"))[0]
    assert plan["state"] == "waits for approval" and not measures(skink, daemon)
    ask(skink, daemon, "approve", plan["number"])


def wait_measure(skink, daemon, name, state, timeout=10):
    found = wait_until(lambda: measures(skink, daemon, name, state), timeout, 0.1)
    assert found, f"{measures(skink, daemon)}\n{daemon.said()}"
    return found[0]


EVERYTHING_BUT_KILL = ("hold,stop,pause,quarantine,refuse,throttle,redirect,remap,shuffle,replace,decoy,"
                       "checkpoint,migrate,revoke")


def option(plan, stage, measure):
    return next(each for each in plan["options"][stage] if each["measure"] == measure)


def responding(**respond):
    """Settings under which the service web is worth much and is answered for."""
    return {"services": {"web": {"harm": {"criticality": 1, "confidentiality_impact": "high"},
                                 "respond": respond}}}


def test_harm_is_explained(skink, agent, web):
    """The configuration's word for each service, and what the container may do."""
    settings = {"criticality": 1, "confidentiality": "high"}
    daemon = agent(services={"web": {"harm": settings}}).start()
    replica = web.replica("web-1")
    daemon.wait_for("web", lambda service: service["replicas"])
    found = wait_until(lambda: listed(skink, daemon, "harm", "web"))[0]
    assert replica.state() == "running"
    miss = 1 - (1 - 1.5 * 0.22) * (1 - 0.22) ** 2
    assert abs(found["own"]["miss"] - miss) < 1e-9
    assert abs(found["own"]["harm"] - miss / 0.915) < 1e-9
    assert found["own"]["powers"] == [] and found["leads_to"] == []
    assert "criticality 1 x miss" in ask(skink, daemon, "harm")
    assert skink("harm", "nobody", "--socket", daemon.socket).returncode == 2


def test_whether_calls_can_be_refused_is_told(skink, watching):
    """As the doctor tells it; where they can be, tests/vm/test_refuse.py has them refused."""
    daemon, _ = watching(**responding())
    daemon.wait_for("web", lambda now: now["accesses"]["mode"] == "watching", 60)
    doctor = json.loads(skink("doctor", "--json").stdout)
    finding = next(each for each in doctor["findings"] if each["point"] == "refuse")
    plan = listed(skink, daemon, "plan", "--dry-run", "web")[0]
    refuse = next(each for each in plan["options"]["contain"] if each["measure"] == "refuse")
    if finding["verdict"] == "ok":
        assert refuse["value"] > 0 and "refused" not in refuse
    else:
        assert refuse["refused"] in finding["found"] and "(" in refuse["refused"]  # and what to do


def test_to_observe_is_to_do_nothing(skink, watching, web, intruder):
    daemon, replica = watching(**responding())
    intruder.break_in(replica)
    daemon.wait_alert(replica.id)
    plan, = wait_until(lambda: listed(skink, daemon, "plan"))
    assert (plan["state"], plan["policy"]) == ("observed", "observe")
    names = {one["measure"] for stage in plan["options"].values() for one in stage}
    assert {"stop", "pause", "quarantine", "kill", "replace", "evidence"} <= names
    time.sleep(1)
    assert measures(skink, daemon) == [] and not intruder.is_silent()
    assert replica.state() == "running"


def test_pause_and_undo(skink, watching, web, intruder):
    """The replica stands still before the intruder is at home; undone, it goes on where it was."""
    daemon, replica = watching(**responding(policy="act", minimum=0, **{"except": "hold,stop,kill"}))
    intruder.break_in(replica, heard=False)
    pause = wait_measure(skink, daemon, "pause", "in force")
    assert replica.state() == "paused" and wait_until(intruder.is_silent, 5)
    assert 0 < pause["latency_ms"] < 1000, pause
    evidence = wait_measure(skink, daemon, "evidence", "done")["token"]
    assert evidence["processes"] >= 2
    kept = daemon.state / "evidence"
    assert any(b"app.py" in file.read_bytes() for file in kept.rglob("cmdline"))
    ask(skink, daemon, "undo", pause["number"])
    assert replica.state() == "running"
    undone = measures(skink, daemon, "pause")[0]
    assert undone["state"] == "undone" and undone["undone_by"]["uid"] == 0
    assert wait_until(lambda: intruder.beats > 5) and not intruder.is_silent()
    sealed = skink("log", "show", "--json", "--kind", "measure", "--state-dir", daemon.state).stdout
    assert "pause" in sealed and "evidence" in sealed
    assert "not in force" in skink("undo", pause["number"], "--socket", daemon.socket).stderr


def test_quarantine_expires(skink, watching, web, intruder):
    """The intruder's connection is dead; the replica's processes go on, and later its network."""
    daemon, replica = watching(**responding(policy="ask", minimum=0, expiry="6s",
                                            **{"except": "hold,stop,kill,pause"}))
    intruder.break_in(replica)
    approve(skink, daemon)
    quarantine = wait_measure(skink, daemon, "quarantine", "in force")
    assert wait_until(intruder.is_silent, 5) and replica.state() == "running"
    assert 0 < quarantine["latency_ms"] < 1000, quarantine
    with pytest.raises(OSError), network.inside(web.client):
        socket.create_connection((replica.address, 8000), timeout=0.5)
    wait_measure(skink, daemon, "quarantine", "expired", 15)
    assert wait_until(lambda: not intruder.is_silent(), 10)


def test_a_contained_replica_does_not_just_run_on(skink, watching, web, intruder):
    """What contained it expires and nobody has replaced it: that is told, and it is contained anew."""
    daemon, replica = watching(**responding(policy="act", minimum=0, expiry="4s",
                                            **{"except": "hold,stop,kill"}))
    intruder.break_in(replica, heard=False)
    first = wait_measure(skink, daemon, "pause", "in force")
    wait_measure(skink, daemon, "pause", "expired", 15)
    again = wait_measure(skink, daemon, "pause", "in force")
    plans = listed(skink, daemon, "plan")
    assert again["plan"] != first["plan"] and replica.state() == "paused"
    assert f"pause (measure {first['number']}) has expired" in plans[1]["reason"]
    assert plans[1]["belief"] > 0.5 and "has expired, and it" in ask(skink, daemon, "plan")
    alarm, = [one for one in daemon.alerts("skink") if one["point"] == "measure"]
    assert f"pause of {replica.id} has expired" in alarm["message"]
    ask(skink, daemon, "undo", again["number"])
    time.sleep(1)
    assert replica.state() == "running" and not measures(skink, daemon, "pause", "in force")


def test_what_is_in_force_survives_the_daemon(skink, watching, web, intruder):
    daemon, replica = watching(**responding(policy="act", minimum=0, **{"except": "hold,stop,kill"}))
    intruder.break_in(replica, heard=False)
    pause = wait_measure(skink, daemon, "pause", "in force")
    daemon.end()
    assert replica.state() == "paused"
    daemon.start()
    assert measures(skink, daemon, "pause", "in force")[0]["number"] == pause["number"]
    ask(skink, daemon, "undo", pause["number"])
    assert replica.state() == "running"


def test_the_kernel_stops_whoever_is_foreign(skink, watching, web, intruder):
    """The intruder's program dies at its next foreign call; the server goes on serving."""
    daemon, replica = watching(**responding(policy="ask", **{"except": "kill,throttle"}))
    intruder.break_in(replica)
    approve(skink, daemon)
    wait_measure(skink, daemon, "stop", "in force")
    said = ""
    try:
        said = web.run(replica, LOOK)
    except OSError:
        pass
    assert "uid=" not in said


def states(cgroup):
    """Of the processes in it, as /proc tells them: S sleeps, T is stopped."""
    pids = (HIERARCHY / cgroup / "cgroup.procs").read_text().split()
    return {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in pids}


def test_whoever_is_foreign_is_held(skink, watching, web, intruder):
    """The intruder's program stands still at its next foreign call and is there to be looked at; it
    goes on when that is undone, or when the daemon has gone: its end or the next one's beginning."""
    settings = {"policy": "act", "except": EVERYTHING_BUT_KILL.removeprefix("hold,") + ",kill"}
    daemon, replica = watching(**responding(**settings))
    cgroup = daemon.replicas("web")[0]["cgroup"].strip("/")
    intruder.break_in(replica, heard=False)
    wait_measure(skink, daemon, "hold", "in force")
    assert wait_until(intruder.is_silent, 5) and replica.state() == "running"
    assert "T" in states(cgroup)
    daemon.process.kill()
    daemon.process.wait()
    assert "T" in states(cgroup)
    daemon.start()
    hold = wait_measure(skink, daemon, "hold", "undone")
    assert hold["latency_ms"] < 1000
    assert wait_until(lambda: "T" not in states(cgroup)), states(cgroup)


def test_one_detector_alone_kills_nobody(skink, watching, web, tmp_path):
    """What cannot be undone is done by itself when two kinds of detectors agree, and not when the
    others cannot speak."""
    alone = {"frame_threshold": "off", "epoch_threshold": "off", "flow_threshold": 0}
    kill = responding(policy="act", minimum=0, **{"except": EVERYTHING_BUT_KILL})
    daemon, first, second = watching("web-1", "web-2", detect=alone, **kill)
    daemon.wait_for("web", lambda now: now["accesses"]["mode"] == "watching", 60)
    attack(web, first)
    plan, = wait_until(lambda: listed(skink, daemon, "plan"))
    assert plan["state"] == "waits for approval", plan
    assert plan["quorum"] == {"able": ["files"], "say": ["files"]}
    assert "needs a person" in plan["why"]
    assert not wait_until(lambda: measures(skink, daemon), 1) and first.state() == "running"
    daemon.reload(detect={})
    daemon.wait_for("web", lambda now: now["frame_threshold"] > 0)
    attack(web, second)
    assert wait_until(lambda: measures(skink, daemon, "kill", "done"), 10), [
        (each["why"], each["quorum"], each["belief"]) for each in listed(skink, daemon, "plan")]
    plan = [each for each in listed(skink, daemon, "plan") if each["state"] == "carried out"][-1]
    assert len(plan["quorum"]["say"]) >= 2 and plan["belief"] >= 0.9, plan
    assert wait_until(lambda: second.state() == "stopped") and first.state() == "running"


def test_a_decoy_goes_on_without_a_network(skink, watching, web, intruder, tmp_path):
    """Another replica serves; in the old one the intruder works on, alone, until it expires."""
    fresh = web.container("web-3")
    daemon, replica = watching(**responding(
        policy="ask", minimum=0, expiry="5s", replace=starter(tmp_path / "replace", fresh),
        **{"except": "hold,stop,kill,quarantine,throttle,replace"}))
    intruder.break_in(replica)
    approve(skink, daemon)
    decoy = wait_measure(skink, daemon, "decoy", "in force")
    assert measures(skink, daemon, "pause", "done") and fresh.state() == "running"
    assert replica.state() == "running" and wait_until(intruder.is_silent, 5)
    with pytest.raises(OSError), network.inside(web.client):
        socket.create_connection((replica.address, 8000), timeout=0.5)
    assert "python3" in replica.exec("/bin/sh", "-c", "cat /proc/[0-9]*/comm"), decoy
    wait_measure(skink, daemon, "decoy", "expired", 15)
    assert wait_until(lambda: replica.state() == "stopped") and fresh.state() == "running"


@contextmanager
def no_room_for_evidence(daemon):
    directory = daemon.state / "evidence"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", directory], check=True)
    try:
        (directory / "full").write_bytes(bytes(4096))
        yield
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


def test_nothing_is_killed_without_evidence(skink, watching, web):
    """What would destroy it is left out; nothing else is possible here."""
    daemon, replica = watching(**responding(policy="act", minimum=0,
                                            **{"except": EVERYTHING_BUT_KILL}))
    daemon.wait_for("web", lambda now: now["accesses"]["mode"] == "watching", 60)
    with no_room_for_evidence(daemon):
        attack(web, replica)
        kill = wait_measure(skink, daemon, "kill", "failed")
        assert "no copy" in kill["why"] and replica.state() == "running"
        assert "No space left" in measures(skink, daemon, "evidence", "failed")[0]["why"]


def test_nothing_is_ended_without_evidence(skink, watching, web, intruder, tmp_path):
    """Where no copy can be written who was replaced is kept, and ended when it can be."""
    fresh = web.container("web-3")
    daemon, replica = watching(**responding(
        policy="ask", minimum=0, expiry="4s", replace=starter(tmp_path / "replace", fresh),
        **{"except": "hold,stop,pause,quarantine,throttle,kill,decoy"}))
    with no_room_for_evidence(daemon):
        intruder.break_in(replica)
        approve(skink, daemon)
        wait_measure(skink, daemon, "replace", "in force")
        time.sleep(6)  # it has expired
        assert replica.state() == "paused" and measures(skink, daemon, "replace", "in force")
        alarm, = [one for one in daemon.alerts("skink") if one["point"] == "measure"]
        assert "the old replica is kept" in alarm["message"]
    wait_measure(skink, daemon, "evidence", "done", 30)
    wait_measure(skink, daemon, "replace", "expired", 60)
    assert replica.state() == "stopped" and fresh.state() == "running"


# ---- a balancer in front ----


def test_replaced_while_the_service_answers(skink, program, watching, web, tmp_path):
    """A new replica first, then the old one is taken out: no request fails. Later it is ended."""
    haproxy = program("haproxy", "haproxy")
    fresh = web.container("web-3")
    admin = tmp_path / "haproxy" / "admin"
    daemon, first, second = watching("web-1", "web-2", **responding(
        policy="act", budget=1, expiry="8s", balancer=str(admin), backend="shop",
        replace=starter(tmp_path / "replace", fresh), **{"except": "hold,stop,kill"}))
    with Balancer(haproxy, web, admin.parent, [first, second]) as balancer, Client(web) as client:
        time.sleep(1)
        attack(web, first)
        replace = wait_measure(skink, daemon, "replace", "in force")
        assert balancer.states()["web-1"].startswith("DRAIN")
        assert balancer.states()[replace["token"]["new"]] == "UP"
        assert first.state() == "paused" and fresh.state() == "running"
        assert measures(skink, daemon, "pause", "done")  # the replacement has made it needless
        assert measures(skink, daemon, "evidence", "done")
        assert fresh.id in {replica["name"] for replica in daemon.replicas("web")}
        wait_measure(skink, daemon, "replace", "expired", 15)
        assert wait_until(lambda: first.state() == "stopped")
        assert second.state() == fresh.state() == "running"
        # An intruder is contained each time, and cannot have Skink restart again and again.
        attack(web, second)
        assert wait_until(lambda: len(listed(skink, daemon, "plan")) == 2)
        again = listed(skink, daemon, "plan")[1]
        assert again["state"] == "carried out" and "replace" not in again["chosen"]
        assert "budget is spent" in option(again, "recover", "replace")["refused"]
        assert wait_until(lambda: second.state() == "paused")
        time.sleep(0.5)
    assert client.asked > 500 and client.failed == []


def test_a_silent_balancer_leads_to_the_next_best(skink, watching, web, tmp_path):
    """It takes connections and never answers: what needs it fails in time, the rest is done."""
    path = tmp_path / "silent"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        daemon, replica = watching(**responding(
            policy="ask", minimum=0, balancer=str(path), backend="shop", replace="false",
            revoke=f"touch {tmp_path}/revoked", **{"except": "hold,stop,kill"}))
        web.run(replica, LOOK)
        approve(skink, daemon)
        pause = wait_measure(skink, daemon, "pause", "in force")
        assert pause["latency_ms"] < 2000
        replace = wait_measure(skink, daemon, "replace", "failed")
        assert "does not answer in time" in replace["why"]
        wait_measure(skink, daemon, "revoke", "done")
        assert (tmp_path / "revoked").exists() and replica.state() == "paused"
        assert daemon.service("web")["mode"] == "watching"


NAT = """
add table ip nat
add map ip nat vips {{ type ipv4_addr : ipv4_addr; elements = {{ 10.88.0.1 : {address} }}; }}
add chain ip nat out {{ type nat hook output priority -100; }}
add rule ip nat out dnat to ip daddr map @vips
"""


def test_an_address_leads_to_another_replica(skink, program, watching, web):
    """Who asks at the address never notices: 0 failed connections, also while it is taken back."""
    nft = program("nft", "nftables")
    daemon, first, second = watching("web-1", "web-2", **responding(
        policy="act", map="ip nat vips", map_network=str(web.client),
        **{"except": "hold,stop,kill,pause,quarantine,throttle"}))

    def in_client(*command, **options):
        with network.inside(web.client):
            return subprocess.run(command, check=True, text=True, capture_output=True, **options)

    in_client("ip", "route", "add", "10.88.0.1/32", "dev", "eth0")
    in_client(nft, "-f", "-", input=NAT.format(address=first.address))
    asked, failed, stop = [], [], threading.Event()

    def ask_all_the_time():
        with network.inside(web.client):
            while not stop.wait(0.002):
                try:
                    socket.create_connection(("10.88.0.1", 8000), timeout=2).close()
                    asked.append(1)
                except OSError as error:
                    failed.append(error)

    client = threading.Thread(target=ask_all_the_time)
    client.start()
    try:
        attack(web, first)
        remap = wait_measure(skink, daemon, "remap", "in force")
        assert second.address in in_client(nft, "list", "map", "ip", "nat", "vips").stdout
        ask(skink, daemon, "undo", remap["number"])
        assert first.address in in_client(nft, "list", "map", "ip", "nat", "vips").stdout
    finally:
        stop.set()
        client.join()
    assert len(asked) > 5 and failed == []  # on a busy machine
