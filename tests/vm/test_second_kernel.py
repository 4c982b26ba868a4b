"""The daemon as systemd starts it, on Debian's 6.1 kernel with pure cgroup v2: it learns a service in
a crun container and one that is a systemd unit, and detects what is foreign to each."""

import json
from pathlib import Path

import pytest
from machine import daemon, learned, run, start_container, wait_for

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


@pytest.fixture(name="watching", scope="module", autouse=True)
def watching_fixture():
    with daemon(CONFIGURATION):
        yield


@pytest.fixture(name="flags", scope="module")
def services(watching, tmp_path_factory):
    """Starts both; the file that turns each one over to the attacker, by service."""
    path = tmp_path_factory.mktemp("clock")
    start_container("clock-crun", path, "sh", "-c", LOOP.format(flag="/tmp/flag"))
    run("systemd-run", "--unit=clock.service", "sh", "-c", LOOP.format(flag="/run/flag"))
    yield {"clock-crun": path / "flag", "clock.service": Path("/run/flag")}
    run("systemctl", "stop", "clock.service")
    run("crun", "delete", "--force", "clock-crun")


@pytest.mark.parametrize("service", ["clock-crun", "clock.service"])
def test_learned_then_detected(flags, service):
    wait_for(lambda: learned(service), f"the profile of {service}")

    def alerts():
        lines = ALERTS.read_text().splitlines(True) if ALERTS.exists() else []
        written = [json.loads(line) for line in lines if line.endswith("\n")]
        return [alert for alert in written if alert["service"] == service]

    assert not alerts()
    flags[service].touch()
    first = wait_for(alerts, f"an alert of {service}", 60)[0]
    commands = [process["command"] for process in first["process_tree"]]
    assert commands[0] == "sh" and commands[-1] in ("rm", "ls")


def test_the_canary_is_heard():
    """Every cgroup has a cpuset here: a process that has more rights than who moves it stays out."""
    def heard():
        return 0 <= json.loads(run("skink", "status", "--json"))["self"]["canary_s"] < 5

    wait_for(heard, "the canary")
