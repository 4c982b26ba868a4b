"""`skink status` and `skink alerts`: what they print of a daemon's replies, and a daemon that is not
there. The replies here are written down, so that what a person sees can be compared."""

import json
import socket
import threading

import pytest

HOSTILE = "web\x1b]0;owned\x07\x1b[2J"
ALERT = {
    "type": "alert", "id": "a1", "state": "open", "time": "2026-11-21T23:25:49.123456Z",
    "first_seen": "2026-11-21T23:25:49.121003Z", "last_seen": "2026-11-21T23:25:49.123000Z",
    "service": "web", "version": "1.2",
    "replica": {"id": "0123456789abcdef", "name": HOSTILE, "engine": "runc", "pid": 77},
    "detector": "stide", "score": 12, "threshold": 4, "of": 20, "profile": "complete",
    "first_unknown": {"call": "execve", "time": "2026-11-21T23:25:49.121003Z", "pid": 99,
                      "tid": 99, "command": "sh"},
    "process_tree": [
        {"pid": 77, "command": "node", "program": "/usr/bin/node", "arguments": "node server.js"},
        {"pid": 99, "command": "sh", "program": "/usr/bin/dash", "arguments": "sh -c id"}],
    "other_trees": [],
    "unknown": [
        {"kind": "window", "calls": ["read", "close", "execve"],
         "known_before": ["openat", "read", "close"], "pid": 99, "tid": 99, "command": "sh",
         "time": "2026-11-21T23:25:49.121003Z", "count": 1, "score": 1}] * 10,
    "novelties": 10, "mismatches": 34, "lost": 2, "latency_ms": 2.1, "message": "web: replica left",
}
STATUS = {
    "ok": True,
    "agent": {"version": "0.1.0", "pid": 42, "uptime_s": 7384.5, "cpu_s": 3.21,
              "memory_bytes": 15e6, "map_bytes": 9000000, "window": 6, "bag": 6},
    "engines": [{"name": "runc", "up": True, "why": ""},
                {"name": "docker", "up": False, "why": "no such file"}],
    "services": [
        {"service": "web", "version": "1.2", "mode": "watching", "state": "complete",
         "windows": 1234, "bags": 567, "steady": 5, "needed": 5, "frame": 20,
         "frame_threshold": 4, "epoch": 500, "epoch_threshold": 0, "open_alerts": 1, "alerts": 3,
         "tolerance": {"low": 0.712, "high": 0.983},
         "replicas": [
             {"id": "x", "name": HOSTILE, "engine": "runc", "pid": 77, "start_seen": False,
              "calls": 123456, "novelties": 12, "lost": {"reports": 3, "table": 0, "quota": 1}}]},
        {"service": "db", "version": "-", "mode": "learning", "state": "incomplete: few calls",
         "windows": 9, "bags": 1, "steady": 2, "needed": 5, "frame": 20, "frame_threshold": 0,
         "epoch": 500, "epoch_threshold": 0, "open_alerts": 0, "alerts": 0, "replicas": []}],
    "unrecognised": ["/a/b"],
    "sinks": {"file_failures": 2, "file_error": "alerts.jsonl: No space left on device"},
}


@pytest.fixture
def daemon(tmp_path):
    """Answers each connection with the lines that the test puts into it."""
    path = tmp_path / "skink.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, connection.makefile("rw") as lines:
                requests.append(json.loads(lines.readline()))
                for reply in replies:
                    lines.write(json.dumps(reply) + "\n")

    requests, replies = [], []
    thread = threading.Thread(target=serve)
    thread.start()
    yield path, replies, requests
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_status_for_people(skink, daemon):
    path, replies, _ = daemon
    replies.append(STATUS)
    shown = skink("status", "--socket", path)
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("skink 0.1.0, pid 42, up 2h 3m, CPU 3.21 s (0.04 %), memory 14.3 MiB")
    assert lines[1] == "engines: runc up, docker down (no such file)"
    assert lines[2] == "2 alerts could not be written to the file: alerts.jsonl: No space left on device"
    _, row, replica, learned = lines[lines.index("") + 1:][:4]
    assert row.split("  ")[0] == "web" and "4 of 20" in row and "1 open, 3" in row
    assert "0.71-0.98" in row
    assert "lost: 3 reports, 1 quota  start not seen" in replica
    assert "learning 2/5" in learned
    assert "\x1b" not in shown.stdout and "\\x1b[2J" in shown.stdout


def test_status_for_machines(skink, daemon):
    path, replies, requests = daemon
    replies.append(STATUS)
    assert json.loads(skink("status", "--json", "--socket", path).stdout) == STATUS
    assert requests == [{"verb": "status"}]


def test_alerts_for_people(skink, daemon):
    path, replies, requests = daemon
    replies.append({"ok": True, "alerts": [dict(ALERT, id="a0"), ALERT]})
    shown = skink("alerts", "--last", "1", "--socket", path)
    assert shown.returncode == 0
    assert requests == [{"verb": "alerts", "last": 1, "follow": False}]
    assert "a0" not in shown.stdout
    for part in ("2026-11-21T23:25:49.123456Z  open  web: replica left\n",
                 "STIDE: 12 of the last 20 windows of a thread were unknown (threshold 4)\n",
                 "  processes  node[77]  /usr/bin/node: node server.js\n",
                 "               sh[99]  /usr/bin/dash: sh -c id\n",
                 "  known      openat read close\n  new        read close execve\n",
                 "and 2 unknown patterns more (--json)\n",
                 "10 unknown patterns, met 34 times; profile complete\n",
                 "2 reports: there may be more\n"):
        assert part in shown.stdout
    assert "\x1b" not in shown.stdout and "\x07" not in shown.stdout


def test_alerts_are_followed_until_the_daemon_ends(skink, daemon):
    path, replies, _ = daemon
    replies += [{"ok": True, "alerts": [ALERT]}, dict(ALERT, state="growing"),
                dict(ALERT, state="closed")]
    shown = skink("alerts", "--follow", "--last", "0", "--json", "--socket", path)
    assert [json.loads(line)["state"] for line in shown.stdout.splitlines()] == ["growing", "closed"]
    assert shown.returncode == 3
    assert "has gone away" in shown.stderr


def test_no_alerts(skink, daemon):
    path, replies, _ = daemon
    replies.append({"ok": True, "alerts": []})
    assert skink("alerts", "--socket", path).stdout == "no alerts\n"


@pytest.mark.parametrize("reply, why", [("nonsense", "answered no JSON"),
                                        ({"error": "no: why"}, "the agent says: no: why")])
def test_a_daemon_that_talks_nonsense(skink, daemon, reply, why):
    path, replies, _ = daemon
    replies.append(reply)
    answer = skink("status", "--socket", path)
    assert answer.returncode != 0
    assert why in answer.stderr


def test_no_daemon(skink, tmp_path):
    answer = skink("status", "--socket", tmp_path / "none.sock")
    assert answer.returncode == 3
    assert "does `skink run` run?" in answer.stderr
    assert skink("alerts", "--last", "x", "--socket", tmp_path / "none.sock").returncode == 2
