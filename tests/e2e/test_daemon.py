"""The daemon on real containers: it learns, detects, tells, and leaves nothing behind."""

import grp
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from agent import QUICKLY
from conftest import wait_until

INTRUSION = "cat /etc/shadow; id; ls -l /proc/1/fd | sort | uniq; uname -a; hostname"


def test_learn_detect_alert(agent, web):
    """The main job: from the first call of a container to the alert line."""
    daemon = agent(alerts={"file": "alerts.jsonl", "stdout": True})
    out = daemon.path / "out"
    with open(out, "wb") as stdout:
        daemon.start(stdout=stdout)
    replica = web.replica("web-1")
    daemon.wait_for("web", lambda service: service["mode"] == "learning")
    with web.load(replica):
        daemon.learned("web")
        time.sleep(2)
    service = daemon.service("web")
    assert service["state"] == "complete" and service["windows"] > 100 and service["bags"] > 100
    assert service["replicas"][0]["start_seen"] and service["replicas"][0]["calls"] > 1000
    assert not any(service["replicas"][0]["lost"].values())
    assert daemon.lines() == []

    web.run(replica, INTRUSION)
    first = daemon.wait_alert(replica.id)
    assert (first["service"], first["version"], first["state"]) == ("web", "1", "open")
    assert first["replica"]["engine"] == "runc" and first["latency_ms"] < 1000
    # A program that the server never ran says it before the calls do.
    alert = daemon.wait_alert(replica.id, detector="stide")
    assert alert["score"] >= alert["threshold"] > 0
    assert alert["first_unknown"]["call"] in {call for pattern in alert["unknown"]
                                              for call in pattern["calls"]} | {"execve"}
    assert alert["first_seen"] <= alert["time"]
    # From the container's first process down to the one that did it.
    assert "/app/app.py" in alert["process_tree"][0]["arguments"]
    assert all(len(pattern["calls"]) == 6 for pattern in alert["unknown"])
    assert any(pattern["known_before"] for pattern in alert["unknown"])
    # One cause is one alert, told again as it grows, to every outlet alike.
    assert wait_until(lambda: daemon.lines()[-1]["state"] == "growing")
    assert {line["id"] for line in daemon.lines()} == {alert["id"]}
    last = daemon.lines()[-1]
    commands = [level["arguments"] for tree in last["other_trees"] for level in tree]
    assert f"/bin/sh -c {INTRUSION}" in commands
    daemon.end()
    assert out.read_text() == (daemon.state / "alerts.jsonl").read_text()
    assert daemon.lines()[-1]["state"] == "closed"


def test_a_replica_that_is_stopped_is_no_intruder(watching, web):
    """Its last calls are those of no request; who ends is not judged by them."""
    daemon, first = watching()
    assert web.get(first) == "hello\n"
    first.stop()
    assert wait_until(lambda: not daemon.replicas("web"))
    daemon.end()
    assert daemon.lines() == []


def test_who_goes_on_after_the_order_to_stop_is_judged(watching, web):
    daemon, first = watching()
    web.get(first, "/stay")
    os.kill(daemon.replicas("web")[0]["pid"], signal.SIGTERM)
    time.sleep(5)
    assert daemon.lines() == [] and web.get(first) == "hello\n"
    alert = daemon.wait_alert(first.id, timeout=40)
    assert any("getpgid" in pattern["calls"] for pattern in alert["unknown"])


def test_who_tells_itself_to_stop_is_judged_at_once(watching, web):
    daemon, first = watching()
    web.get(first, "/stay")
    web.get(first, "/leave")
    alert = daemon.wait_alert(first.id)
    assert any("getpgid" in pattern["calls"] for pattern in alert["unknown"])


def test_replicas_come_and_go_in_silence(watching, web):
    """A restart and a second replica are watched from their first call on, and raise nothing."""
    daemon, first = watching()
    with web.load(first):
        first.restart()
        first.wait_port(8000)
        second = web.replica("web-2")
    assert wait_until(lambda: {replica["name"] for replica in daemon.replicas("web")} ==
                      {first.id, second.id})
    assert all(replica["start_seen"] for replica in daemon.replicas("web"))
    with web.load(first, second):
        time.sleep(2)
    assert daemon.lines() == []
    assert len(daemon.status()["services"]) == 1
    # Both are judged by the one profile.
    web.run(second, INTRUSION)
    daemon.wait_alert(second.id)
    assert {alert["replica"]["name"] for alert in daemon.lines()} == {second.id}


def test_a_start_never_seen_is_learned(agent, web):
    """A profile learned from a container that ran before Skink did knows no start: the first one
    that it sees is no attack."""
    replica = web.replica("web-1")
    daemon = agent().start()
    with web.load(replica):
        daemon.learned("web")
    assert "no start seen" in daemon.service("web")["state"]
    with web.load(replica):
        replica.restart()
        replica.wait_port(8000)
        assert wait_until(lambda: [r["learning_start"] for r in daemon.replicas("web")] == [True])
        # In its second stretch of ten seconds at the earliest: in the first it grew by the start.
        assert wait_until(lambda: [r["learning_start"] for r in daemon.replicas("web")] == [False],
                          60, 0.2)
    assert daemon.lines() == []
    assert daemon.service("web")["state"] == "complete"
    # And now it is known: the next one is judged.
    replica.restart()
    replica.wait_port(8000)
    web.get(replica)
    assert wait_until(lambda: [r["learning_start"] for r in daemon.replicas("web")] == [False])
    assert daemon.lines() == []
    web.run(replica, INTRUSION)
    daemon.wait_alert(replica.id)


def test_unknown_key(skink, tmp_path):
    file = tmp_path / "skink.yml"
    file.write_text("window: 6\nwindwo: 7\n")
    ran = skink("run", "--config", file, timeout=10)
    assert ran.returncode == 2
    assert f"{file}:2: windwo: unknown key" in ran.stderr


def test_reload(watching, web):
    daemon, replica = watching()
    before = daemon.service("web")
    daemon.reload(detect={"frame_threshold": 20, "epoch_threshold": 499})
    assert wait_until(lambda: daemon.service("web")["frame_threshold"] == 20)
    assert daemon.service("web")["epoch_threshold"] == 499
    # A file that cannot be read changes nothing.
    daemon.file.write_text("windwo: 7\n")
    daemon.process.send_signal(signal.SIGHUP)
    assert wait_until(lambda: "unknown key" in daemon.said())
    assert daemon.service("web")["frame_threshold"] == 20
    daemon.reload(detect={})
    assert wait_until(
        lambda: daemon.service("web")["frame_threshold"] == before["frame_threshold"])
    # It went on watching the same replica.
    assert [r["id"] for r in daemon.replicas("web")] == [r["id"] for r in before["replicas"]]
    web.run(replica, INTRUSION)
    daemon.wait_alert(replica.id)


def test_a_rule_of_learning_that_changes(agent, web):
    """It holds for a service that is still being learned, and for its profile on disk."""
    daemon = agent(learn={**QUICKLY, "sigma": 0, "steady": 1000})
    daemon.start()
    with web.load(web.replica("web-1")):
        daemon.wait_for("web", lambda now: now["needed"] == 1000)
        daemon.reload(learn={**QUICKLY, "steady": 500})
        daemon.wait_for("web", lambda now: now["needed"] == 500)
        daemon.end()
        daemon.configure(learn=QUICKLY)
        daemon.start()
        daemon.learned("web")


def bpf_objects():
    """Ids of the probe's programs and maps that the kernel holds."""
    names = {"on_call", "on_fork", "on_exec", "on_exit", "on_attach", "adopt", "replicas", "tables",
             "by_cgroup", "novelties", "newcomers", "threads", "skink_segment", "probe_bp.rodata"}
    found = set()
    for kind in ("prog", "map"):
        listed = subprocess.run(["bpftool", "-j", kind, "list"], capture_output=True, check=True)
        found |= {(kind, one["id"]) for one in json.loads(listed.stdout)
                  if one.get("name") in names}
    return found


def test_nothing_is_left(watching, web, program):
    program("bpftool", "bpftool")
    before = bpf_objects()
    daemon, replica = watching()
    during = bpf_objects() - before
    assert {kind for kind, _ in during} == {"prog", "map"}
    web.run(replica, INTRUSION)
    daemon.wait_alert(replica.id)
    daemon.end()
    # The kernel frees maps a moment after their last user.
    assert wait_until(lambda: not during & bpf_objects(), 5, 0.1)
    assert not daemon.socket.exists()
    files = {str(path.relative_to(daemon.state)) for path in daemon.state.rglob("*")}
    assert files == {"profiles", "profiles/web@1.profile", "alerts.jsonl", "incidents.jsonl",
                     "beliefs.json", "flows.json", "sealed.log", "sealed.key",
                     "measures.json", "measures.jsonl"}


def test_a_command_of_its_own(agent, tools):
    """skink run -- COMMAND ends with the command and takes its cgroup away."""
    daemon = agent()
    daemon.start("--", str(tools / "caller"), "random", "1", "2000000000")
    assert wait_until(lambda: daemon.replicas("caller"))
    replica = daemon.replicas("caller")[0]
    assert replica["engine"] == "command"
    assert wait_until(lambda: daemon.replicas("caller")[0]["calls"] > 100000)
    os.kill(replica["pid"], signal.SIGKILL)
    assert daemon.process.wait(10) == 0
    assert not list(Path("/sys/fs/cgroup").glob(f"*/skink-{daemon.process.pid}"))


def test_a_damaged_profile(agent, system, web, learned_state, watching):
    """It is refused with what is wrong and where, and laid aside; the others stay."""
    if not learned_state.exists():
        daemon, replica = watching()
        daemon.end()
        replica.stop()
    daemon = agent()
    shutil.copytree(learned_state, daemon.state)
    whole = (daemon.state / "profiles" / "web@1.profile").read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xff
    (daemon.state / "profiles" / "web@2.profile").write_bytes(damaged)
    daemon.start()
    web.replica("new", version="2")
    web.replica("old", version="1")

    def modes():
        return {service["version"]: service["mode"] for service in daemon.status()["services"]}

    assert wait_until(lambda: modes() == {"1": "watching", "2": "learning"}), modes()
    assert re.search(r"web@2\.profile: .*(byte|checksum).* is kept as .*web@2\.profile\.refused",
                     daemon.said()), daemon.said()
    assert (daemon.state / "profiles" / "web@2.profile.refused").read_bytes() == damaged
    assert (daemon.state / "profiles" / "web@1.profile").read_bytes() == whole


def test_metrics(watching, web):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    daemon, replica = watching(listen=address)
    web.run(replica, INTRUSION)
    daemon.wait_alert(replica.id)

    def scrape():
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))

    metrics = scrape()
    one = f'{{service="web",replica="{replica.id}"}}'
    whole = '{service="web",version="1"}'
    assert float(metrics["skink_calls_total" + one]) > 100
    assert float(metrics["skink_novelties_total" + one]) > 10
    assert float(metrics["skink_alerts_total" + whole]) == 1
    assert float(metrics["skink_alerts_open" + whole]) == 1
    assert float(metrics["skink_learning" + whole]) == 0
    assert 0 <= float(metrics['skink_tolerance_capacity{service="web"}']) < 0.6
    assert float(metrics['skink_patterns{service="web",version="1",kind="window"}']) == \
        daemon.service("web")["windows"]
    lost = f'skink_lost_total{{service="web",replica="{replica.id}",reason="'
    assert {key[len(lost):-2] for key in metrics if key.startswith(lost)} == \
        {"reports", "quota", "table", "storage", "process", "flows", "paths"}
    assert 0 < float(metrics["skink_agent_memory_bytes"]) < 64 << 20
    assert float(metrics["skink_agent_cpu_seconds_total"]) > 0
    assert float(metrics["skink_lost_runs_total"]) <= daemon.status()["agent"]["lost_runs"]


def test_socket_permissions(agent):
    group = next(entry for entry in grp.getgrall() if entry.gr_gid not in (0, 65534))
    daemon = agent(group=group.gr_name).start()
    info = daemon.socket.stat()
    assert stat.S_ISSOCK(info.st_mode) and stat.S_IMODE(info.st_mode) == 0o660
    assert (info.st_uid, info.st_gid) == (0, group.gr_gid)
    daemon.path.parent.chmod(0o755)

    def ask(gid):
        """As nobody with this group; the directories above let everybody pass."""
        code = ("import os, socket, sys; os.chdir(sys.argv[2]); os.setgroups([]);"
                "os.setgid(int(sys.argv[1])); os.setuid(65534);"
                "s = socket.socket(socket.AF_UNIX); s.connect('socket');"
                "s.sendall(b'{\"verb\": \"status\"}\\n'); print(s.recv(10))")
        daemon.path.chmod(0o755)
        return subprocess.run(["/usr/bin/python3", "-c", code, str(gid), daemon.path],
                              capture_output=True, text=True, timeout=10, check=False)

    assert ask(group.gr_gid).returncode == 0
    refused = ask(65534)
    assert refused.returncode != 0 and "PermissionError" in refused.stderr


def test_status_and_alerts_verbs(watching, web, skink):
    daemon, replica = watching()
    status = json.loads(skink("status", "--json", "--socket", daemon.socket).stdout)
    assert status["agent"]["pid"] == daemon.process.pid
    assert {"uptime_s", "cpu_s", "memory_bytes", "map_bytes", "lost_cgroups", "lost_runs", "window", "bag",
            "version", "started"} <= set(status["agent"])
    service = status["services"][0]
    assert (service["service"], service["version"], service["mode"]) == ("web", "1", "watching")
    assert service["replicas"][0]["name"] == replica.id
    assert replica.id in skink("status", "--socket", daemon.socket).stdout
    follower = subprocess.Popen(
        [daemon.program, "alerts", "--follow", "--json", "--socket", str(daemon.socket)],
        stdout=subprocess.PIPE, text=True)
    try:
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(follower.stdout.readline, "")))
        reader.start()
        web.run(replica, INTRUSION)
        alert = daemon.wait_alert(replica.id)
        assert wait_until(lambda: lines)
        assert json.loads(lines[0])["id"] == alert["id"]
    finally:
        follower.terminate()
        follower.wait(10)
        reader.join()
        follower.stdout.close()
    assert replica.id in skink("alerts", "--socket", daemon.socket).stdout


def test_a_second_intruder_is_a_second_alert(watching, web):
    """The first one's process goes on; who comes a minute later is not swallowed by its alert."""
    daemon, replica = watching()
    web.run(replica, INTRUSION + "; (while sleep 1; do ls /; done) >/dev/null 2>&1 &")
    first = daemon.wait_alert(replica.id)
    time.sleep(63)
    assert {alert["id"] for alert in daemon.alerts("web")} == {first["id"]}
    web.run(replica, INTRUSION)
    assert wait_until(lambda: len(daemon.alerts("web")) == 2)
    before, second = daemon.alerts("web")
    assert (before["id"], before["state"]) == (first["id"], "closed")
    assert second["state"] != "closed"
    assert any(f"/bin/sh -c {INTRUSION}" in process["arguments"]
               for tree in [second["process_tree"], *second["other_trees"]] for process in tree)
