"""The daemon gives up what it does not need, and still works."""

import re
import subprocess
from pathlib import Path

import pytest
from agent import Skink
from conftest import wait_until

NUMBERS = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_DAC_READ_SEARCH": 2, "CAP_KILL": 5, "CAP_SETPCAP": 8,
           "CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_SYS_PTRACE": 19,
           "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39}
KEPT = {"bpf": 39, "perfmon": 38, "net_admin": 12, "dac_override": 1}


@pytest.fixture(name="daemon")
def daemon_fixture(root, skink_bin, tmp_path):
    made = Skink(skink_bin, tmp_path / "agent", {}, guardian=True, alerts={"stdout": True})
    yield made
    if made.process and made.process.poll() is None:
        made.end()


def pid_of(daemon):
    return daemon.status()["agent"]["pid"]


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


def others(daemon):
    """Status files of the guardian, the canary and the hand."""
    parent = pid_of(daemon)
    found = subprocess.run(["pgrep", "-P", str(parent), "skink-"], capture_output=True, text=True,
                           check=True).stdout.split()
    assert len(found) == 2
    return [Path(f"/proc/{pid}/status") for pid in (daemon.process.pid, *found)]


def test_its_other_processes_have_few_rights(daemon):
    """Those that the systemd unit gives all of them."""
    unit = Path(__file__, "../../../deploy/skink.service.in").resolve().read_text()
    names = re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M)[1].split()
    kept = sum(1 << NUMBERS[name] for name in names)
    daemon.start()
    for status in others(daemon):
        now = rights(status)
        assert {int(now[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")} == {kept}, status
        assert now["NoNewPrivs"] == "1"


def test_a_container_that_they_start_may_have_any_right(daemon):
    daemon.start()
    daemon.reload(respond={"replace": "true"})
    assert wait_until(lambda: "without some of root's rights" in daemon.said()), daemon.said()
    daemon.end()
    daemon.start()
    own = rights(Path("/proc/self/status"))
    for status in others(daemon):
        now = rights(status)
        assert now["CapBnd"] == own["CapBnd"] and now["NoNewPrivs"] == own["NoNewPrivs"]


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
