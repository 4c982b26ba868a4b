"""Work against Skink itself: each attempt is noticed within 5 s, said, and survived."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from agent import Skink
from conftest import wait_until

NOTICED = 5  # seconds


class Guarded(Skink):
    """With a guardian: the process that was started is not the daemon."""

    @property
    def pid(self):
        return self.status()["agent"]["pid"]

    @property
    def guardian(self):
        return self.status()["self"]["guardian"]

    def told(self, point, text=""):
        """The alarm of this point; within the time in which each must be noticed."""
        def found():
            lines = [json.loads(line) for line in self.said().splitlines() if line[:1] == "{"]
            return [line for line in lines if line.get("point") == point and
                    text in line["message"] and line["state"] != "closed"]

        alarm = wait_until(found, NOTICED)
        assert alarm, f"no alarm {point}: {text}\n{self.said()}"
        return alarm[0]

    def quiet(self):
        """No alarm has been raised."""
        return not any('"detector":"self"' in line for line in self.said().splitlines())


@pytest.fixture(name="daemon")
def daemon_fixture(root, skink_bin, tmp_path):
    made = Guarded(skink_bin, tmp_path / "agent", {}, guardian=True, alerts={"stdout": True})
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
    os.kill(before, signal.SIGKILL)
    killed = time.monotonic()
    after = answers(daemon, {before})
    gap = time.monotonic() - killed
    daemon.told("guardian", f"the daemon (pid {before}) was killed by signal 9")
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
    os.kill(pid, signal.SIGSTOP)
    daemon.told("guardian", f"the daemon (pid {pid}) had been stopped")
    assert daemon.pid == pid  # nothing of what it knew was lost


def test_the_guardian_is_killed(daemon):
    pid, first = daemon.pid, daemon.guardian
    os.kill(first, signal.SIGKILL)
    daemon.process.wait()
    daemon.told("guardian", f"the guardian (pid {first}) was killed")
    second = daemon.guardian
    assert second not in (0, first) and daemon.pid == pid
    assert wait_until(lambda: 0 <= daemon.status()["self"]["canary_s"] < 3, 10)
    os.kill(second, signal.SIGKILL)  # and the one after it
    daemon.told("guardian", f"the guardian (pid {second}) was killed")
    third = daemon.guardian
    assert third not in (0, first, second)
    os.kill(pid, signal.SIGKILL)
    after = answers(daemon, {pid})
    assert wait_until(lambda: daemon.status()["self"]["canary_s"] >= 0)
    assert daemon.guardian == third and after != pid
    os.kill(third, signal.SIGTERM)
    assert wait_until(lambda: not daemon.socket.exists(), 30)


def test_the_canary_is_stopped(daemon):
    assert wait_until(lambda: daemon.status()["self"]["canary_s"] >= 0)
    children = subprocess.run(["pgrep", "-P", str(daemon.pid)], capture_output=True, text=True,
                              check=True).stdout.split()
    canary = next(int(pid) for pid in children)
    os.kill(canary, signal.SIGSTOP)
    assert wait_until(lambda: "has been stopped" in daemon.said(), 2 + 3 + NOTICED)
    os.kill(canary, signal.SIGKILL)
    assert wait_until(lambda: "canary has been killed" in daemon.said(), NOTICED)


def bpftool(*words):
    done = subprocess.run(["bpftool", "-j", *words], capture_output=True, text=True, check=True)
    return json.loads(done.stdout) if done.stdout.strip() else None


def held(daemon, kind):
    """Objects of a kind in the kernel that the daemon holds."""
    ids = set()
    for entry in Path(f"/proc/{daemon.pid}/fdinfo").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            ids |= set(re.findall(rf"^{kind}_id:\s*(\d+)", entry.read_text(), re.M))
    return [one for one in bpftool(kind, "list") if str(one["id"]) in ids]


def test_a_map_is_wiped(daemon, program):
    program("bpftool", "bpftool")
    tables = next(one["id"] for one in held(daemon, "map") if one["name"] == "tables")
    index = ["0", "0", "0", "0"]

    def entry():
        return bpftool("map", "lookup", "id", str(tables), "key", *index)["value"]

    before = entry()
    bpftool("map", "update", "id", str(tables), "key", *index, "value", *["0"] * len(before))
    daemon.told("probe", "has changed 1 pattern tables")
    assert entry() == before


def test_a_link_is_detached(daemon, program):
    program("bpftool", "bpftool")

    def links():
        return [one for one in held(daemon, "link") if one["type"] == "cgroup" and
                one.get("cgroup_id")]

    count = len(links())
    assert count > 0
    bpftool("link", "detach", "id", str(links()[0]["id"]))
    daemon.told("probe", "has detached 1 programs")
    assert len(links()) == count


def test_the_socket_is_flooded(daemon):
    """Thousands of connections, and garbage in them: the daemon goes on, and says so."""
    def connect():
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(1)
        client.connect(str(daemon.socket))
        return client

    for number in range(3000):
        try:
            client = connect()
            client.send(os.urandom(number % 512) + b"\n")
            client.close()
        except OSError:
            pass
    clients = []
    for _ in range(100):
        try:
            clients.append(connect())
        except OSError:
            pass
    daemon.told("socket", "flooded")
    for client in clients:
        client.close()
    assert wait_until(lambda: daemon._ask("status").returncode == 0)
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
