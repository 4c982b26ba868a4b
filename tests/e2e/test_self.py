"""Work against Skink itself: each attempt is noticed within 5 s, said, and survived."""

import json
import os
import signal
import subprocess
import time

import pytest
import tamper
from conftest import wait_until
from tamper import Guarded, bpftool


@pytest.fixture(name="daemon")
def daemon_fixture(root, skink_bin, tmp_path):
    made = Guarded(skink_bin, tmp_path / "agent")
    made.start()
    yield made
    if made.process.poll() is None:
        made.end()


def answers(daemon, others):
    """A daemon that is none of these processes."""
    def another():
        try:
            pid = daemon.pid
        except ValueError:
            return None
        return pid if pid not in others else None

    pid = wait_until(another, 30, 0.1)
    assert pid, daemon.said()
    return pid


def test_the_daemon_is_killed(daemon, skink):
    before = daemon.pid
    told = tamper.kill(daemon)
    killed = time.monotonic()
    after = answers(daemon, {before})
    gap = time.monotonic() - killed
    daemon.told("guardian", told)
    print(f"without a daemon for {gap:.2f} s")
    os.kill(after, signal.SIGTERM)  # nor may it be ended behind its guardian's back
    answers(daemon, {before, after})
    daemon.told("guardian", "ended without having been told to")
    daemon.end()
    kinds = [json.loads(line)["kind"] for line in
             skink("log", "show", "--json", "--state-dir", daemon.state).stdout.splitlines()]
    assert kinds.count("start") == 3 and kinds.count("alert") >= 2
    assert skink("log", "verify", "--state-dir", daemon.state).returncode == 0


def test_the_daemon_is_stopped(daemon):
    pid = daemon.pid
    daemon.told("guardian", tamper.stop(daemon))
    assert daemon.pid == pid  # nothing of what it knew was lost


def test_the_guardian_is_killed(daemon):
    pid, first = daemon.pid, daemon.guardian
    daemon.told("guardian", tamper.kill_guardian(daemon))
    second = daemon.guardian
    assert second not in (0, first) and daemon.pid == pid
    assert wait_until(lambda: 0 <= daemon.status()["self"]["canary_s"] < 3, 10)
    daemon.told("guardian", tamper.kill_guardian(daemon))  # and the one after it
    third = daemon.guardian
    assert third not in (0, first, second)
    os.kill(pid, signal.SIGKILL)
    after = answers(daemon, {pid})
    assert wait_until(lambda: daemon.status()["self"]["canary_s"] >= 0)
    assert daemon.guardian == third and after != pid
    daemon.end()


def test_the_guardian_is_stopped(daemon):
    pid, guardian = daemon.pid, daemon.guardian
    daemon.told("guardian", tamper.stop_guardian(daemon))
    os.kill(pid, signal.SIGKILL)  # it is at work again
    answers(daemon, {pid})
    assert daemon.guardian == guardian


def test_the_canary_is_stopped(daemon):
    assert wait_until(lambda: daemon.status()["self"]["canary_s"] >= 0)
    daemon.told("canary", tamper.stop_canary(daemon))
    assert wait_until(lambda: daemon.status()["self"]["canary_s"] < 1)  # it sings again
    daemon.told("canary", tamper.kill_canary(daemon))


def test_the_hand_is_stopped(daemon):
    daemon.told("guardian", tamper.stop_hand(daemon))


def test_the_hand_is_killed(daemon):
    before, hand = daemon.pid, daemon.child("skink-hand")
    daemon.told("guardian", tamper.kill_hand(daemon))
    answers(daemon, {before})
    assert daemon.child("skink-hand") != hand


def test_a_map_is_wiped(daemon, program):
    program("bpftool", "bpftool")
    place, before = tamper.some_table(daemon)
    daemon.told("probe", tamper.wipe_map(daemon))
    assert bpftool("map", "lookup", *place)["value"] == before


def test_a_pattern_is_put_in(daemon, program):
    program("bpftool", "bpftool")
    place, before = tamper.some_bucket(daemon)
    daemon.told("probe", tamper.add_pattern(daemon))
    assert bpftool("map", "lookup", *place)["value"] == before


def test_a_cgroup_is_forgotten(daemon, program):
    program("bpftool", "bpftool")
    place = tamper.canary_place(daemon)
    daemon.told("probe", tamper.forget_cgroups(daemon))
    assert tamper.canary_place(daemon) == place


def test_a_replica_is_switched_off(daemon, program):
    program("bpftool", "bpftool")
    daemon.told("probe", tamper.switch_off(daemon))
    assert tamper.canary_mode(daemon)[1][:4] != ["0x00"] * 4


def test_a_link_is_detached(daemon, program):
    program("bpftool", "bpftool")
    links = tamper.cgroup_links(daemon)
    assert links
    bpftool("link", "detach", "id", str(links[0]["id"]))
    daemon.told("probe", "has detached or replaced 1 programs")
    assert len(tamper.cgroup_links(daemon)) == len(links)


def test_a_link_gets_another_program(daemon, program):
    program("bpftool", "bpftool")
    before = {link["prog_id"] for link in tamper.cgroup_links(daemon)}
    daemon.told("probe", tamper.replace_program(daemon))
    assert {link["prog_id"] for link in tamper.cgroup_links(daemon)} == before


def test_the_socket_is_flooded(daemon):
    """Thousands of connections, and garbage in them: the daemon goes on, and says so."""
    with tamper.flooded(daemon) as told:
        daemon.told("socket", told)
    assert wait_until(daemon.answers)
    assert daemon.status()["self"]["canary_s"] < 5


def test_nothing_is_said_for_nothing(daemon):
    """Busy processors and a full scheduler are no attack."""
    load = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(8)]
    try:
        time.sleep(15)
    finally:
        for process in load:
            process.kill()
            process.wait()
    assert daemon.quiet(), daemon.said()
    assert 0 <= daemon.status()["self"]["canary_s"] < 5
