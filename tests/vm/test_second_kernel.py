"""The daemon as systemd starts it, on Debian's 6.1 kernel with pure cgroup v2: it learns a service in
a crun container and one that is a systemd unit, and detects what is foreign to each."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))
from engines import make_rootfs  # noqa: E402

ALERTS = Path("/var/lib/skink/alerts.jsonl")
CONFIGURATION = """\
learn: {interval: 3s, sigma: 1, steady: 3, min_calls: 500}
extra:
  - unit: clock.service
"""
# A service of few calls, until a file appears; then it does something else, once.
LOOP = """
while :; do
    cat /etc/hostname >/dev/null
    if [ -e {flag} ]; then
        rm {flag}
        ls -lR /etc >/dev/null
    fi
    sleep 0.2
done
"""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def wait_for(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(1)
    journal = run("journalctl", "-u", "skink", "--no-pager", "-n", "30")
    pytest.fail(f"waited {seconds} s in vain for {what}\n{journal}")


@pytest.fixture(scope="module", autouse=True)
def daemon():
    shutil.copy(SOURCE / "build/skink", "/usr/local/bin/skink")
    shutil.copy(SOURCE / "build/deploy/skink.service", "/etc/systemd/system/")
    Path("/etc/skink").mkdir()
    Path("/etc/skink/skink.yml").write_text(CONFIGURATION)
    run("systemctl", "daemon-reload")
    run("systemctl", "start", "skink")
    yield
    run("systemctl", "stop", "skink")
    assert run("systemctl", "show", "-P", "Result", "skink") == "success\n"


def start_container(path, loop):
    make_rootfs(path / "rootfs")
    spec = {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs", "readonly": True},
        "process": {"user": {"uid": 0, "gid": 0}, "args": ["sh", "-c", loop], "cwd": "/",
                    "env": ["PATH=/usr/bin"]},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, *(
            {"destination": place, "type": "bind", "source": source, "options": options}
            for place, source, options in [("/usr", "/usr", ["rbind", "ro"]), ("/etc", "/etc", ["bind", "ro"]),
                                           ("/tmp", str(path), ["bind"])])],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]},
    }
    (path / "config.json").write_text(json.dumps(spec))
    subprocess.run(["crun", "run", "--detach", "--bundle", path, "clock-crun"], check=True, timeout=60,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


@pytest.fixture(name="flags", scope="module")
def services(daemon, tmp_path_factory):
    """Starts both; the file that turns each one over to the attacker, by service."""
    path = tmp_path_factory.mktemp("clock")
    start_container(path, LOOP.format(flag="/tmp/flag"))
    run("systemd-run", "--unit=clock.service", "sh", "-c", LOOP.format(flag="/run/flag"))
    yield {"clock-crun": path / "flag", "clock.service": Path("/run/flag")}
    run("systemctl", "stop", "clock.service")
    run("crun", "delete", "--force", "clock-crun")


def learned(service):
    profiles = json.loads(run("skink", "profile", "ls", "--json"))
    return any(p["service"] == service and p["state"] == "complete" for p in profiles)


@pytest.mark.parametrize("service", ["clock-crun", "clock.service"])
def test_learned_then_detected(flags, service):
    wait_for(lambda: learned(service), f"the profile of {service}")

    def alerts():
        lines = ALERTS.read_text().splitlines() if ALERTS.exists() else []
        return [a for a in map(json.loads, lines) if a["service"] == service]

    assert not alerts()
    flags[service].touch()
    first = wait_for(alerts, f"an alert of {service}", 60)[0]
    commands = [process["command"] for process in first["process_tree"]]
    assert commands[0] == "sh" and commands[-1] in ("rm", "ls")
