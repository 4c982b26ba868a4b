"""The daemon gives up what it does not need, and still works."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from agent import Skink
from conftest import wait_until

KEPT = {"bpf": 39, "perfmon": 38, "net_admin": 12, "dac_override": 1}


@pytest.fixture(name="daemon")
def daemon_fixture(root, skink_bin, tmp_path):
    made = Skink(skink_bin, tmp_path / "agent", {}, guardian=True, alerts={"stdout": True})
    yield made
    if made.process and made.process.poll() is None:
        made.end()


def pid_of(daemon):
    return daemon.status()["agent"]["pid"]


def child(daemon, name):
    """The process of the daemon's own with this name."""
    found = subprocess.run(["pgrep", "-P", str(pid_of(daemon)), name], capture_output=True,
                           text=True, check=True)
    return int(found.stdout)


def rights(status):
    """What /proc/PID/status says of a thread."""
    lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    return {name: lines[name] for name in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp")}


def test_every_thread_is_confined(daemon):
    """The example of docs/self-protection.md."""
    daemon.start()
    kept = f"{sum(1 << number for number in KEPT.values()):016x}"
    threads = list(Path(f"/proc/{pid_of(daemon)}/task").iterdir())
    assert len(threads) > 2
    for thread in threads:
        assert rights(thread / "status") == {"CapEff": kept, "CapPrm": kept, "CapBnd": kept,
                                             "NoNewPrivs": "1", "Seccomp": "2"}
    sandbox = daemon.status()["self"]["sandbox"]
    assert set(sandbox["capabilities"]) == KEPT.keys() and sandbox["seccomp"]
    assert sandbox["landlock"] > 0 or "Landlock" in sandbox["why"]


def test_it_can_be_switched_off(daemon):
    daemon.configure(sandbox=False)
    daemon.start()
    status = Path(f"/proc/{pid_of(daemon)}/status")
    assert rights(status)["Seccomp"] == "0"
    assert not daemon.status()["self"]["sandbox"]["on"]
    said = subprocess.run([daemon.program, "status", "--socket", daemon.socket], check=True,
                          capture_output=True, text=True).stdout
    assert "sandbox: switched off" in said


def test_other_settings_are_taken_over(daemon, tmp_path):
    """Within its directories at once; beyond them with the next start, and that is said."""
    daemon.start()
    daemon.reload(alerts={"stdout": True, "file": "other.jsonl"})
    assert wait_until((daemon.state / "other.jsonl").exists)
    beyond = tmp_path / "beyond"
    beyond.mkdir()
    daemon.reload(alerts={"stdout": True, "file": str(beyond / "alerts.jsonl")})
    outside = f"{beyond} lies outside of the daemon's sandbox"
    if daemon.status()["self"]["sandbox"]["landlock"]:
        assert wait_until(lambda: outside in daemon.said()), daemon.said()
        assert wait_until(lambda: "alerts go where they went" in daemon.said())
    daemon.end()
    daemon.start()
    assert (beyond / "alerts.jsonl").exists()


def test_its_hand_is_stopped_and_killed(daemon):
    daemon.start()
    before, hand = pid_of(daemon), child(daemon, "skink-hand")
    os.kill(hand, signal.SIGSTOP)
    assert wait_until(lambda: f"the hand (pid {hand}) had been stopped" in daemon.said(), 5)
    os.kill(hand, signal.SIGKILL)
    assert wait_until(lambda: f"the hand (pid {hand}) has been killed" in daemon.said(), 5)

    def another():
        try:
            return pid_of(daemon) != before
        except ValueError:  # no daemon just now
            return False

    assert wait_until(another, 30), daemon.said()
    assert child(daemon, "skink-hand") != hand
    alarms = [json.loads(line) for line in daemon.said().splitlines() if line[:1] == "{"]
    assert any("has been killed" in alarm["message"] for alarm in alarms)
