"""`skink doctor` against this machine."""

import json
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from conftest import wait_until

POINTS = {"kernel", "BTF", "rights", "sandbox", "lockdown", "probe", "maps", "tracers", "cgroups", "state"}
NOBODY = 65534


def findings(done):
    answer = json.loads(done.stdout)
    return answer["works"], {f["point"]: f for f in answer["findings"]}


def test_this_machine_can(skink, root):
    done = skink("doctor", "--json")
    works, points = findings(done)
    assert (done.returncode, works, done.stderr) == (0, True, "")
    assert POINTS <= points.keys()
    assert {points[p]["verdict"] for p in ("kernel", "BTF", "rights", "probe", "maps")} == {"ok"}
    assert os.uname().release in points["kernel"]["found"]


def test_table_says_the_same_to_a_person(skink, root):
    done = skink("doctor")
    assert done.returncode == 0
    assert done.stdout.endswith("\nSkink can work here.\n")
    assert f"Linux {os.uname().release}" in done.stdout


def test_without_rights_it_says_what_to_do(skink, skink_bin, root, tmp_path):
    copy = tmp_path / "skink"  # nobody may not read what lies in root's home
    copy.write_bytes(Path(skink_bin).read_bytes())
    copy.chmod(0o755)
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o755)
    done = subprocess.run([copy, "doctor", "--json"], user=NOBODY, group=NOBODY, extra_groups=[],
                          capture_output=True, text=True, check=False, timeout=60)
    works, points = findings(done)
    assert (done.returncode, works) == (3, False)
    assert points["rights"]["verdict"] == "fail"
    assert "CAP_BPF" in points["rights"]["found"] and "root" in points["rights"]["advice"]
    assert points["probe"]["verdict"] == "fail"


def test_another_tracer_is_named(skink, root, program):
    """By perf event, which no list of the kernel shows."""
    trace = "tracepoint:raw_syscalls:sys_enter { @ = count(); }"
    tracer = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", 'mount -t tracefs none /sys/kernel/tracing; exec "$@"',
         "sh", program("bpftrace", "bpftrace"), "-e", trace],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def seen():
            _, points = findings(skink("doctor", "--json"))
            return points["tracers"] if points["tracers"]["verdict"] == "warn" else None

        assert "sys_enter" in wait_until(seen, timeout=20)["found"]
    finally:
        tracer.terminate()
        tracer.wait()


def config_with(tmp_path, docker):
    path = tmp_path / "skink.yaml"
    path.write_text(f"state_dir: {tmp_path}\nengines:\n  docker: {docker}\n")
    return path


@pytest.mark.parametrize("answer, verdict", [
    (b"HTTP/1.1 200 OK\r\n\r\nOK", "ok"),
    (b"HTTP/1.1 500 no\r\n\r\n", "warn"),
    (b"what?", "warn"),
    (None, "warn"),
])
def test_an_engine_is_asked_whether_it_lives(skink, root, tmp_path, answer, verdict):
    """One that answers, one that fails, one that lies, one that hangs."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def engine():
            client, _ = server.accept()
            with client:
                client.recv(100)
                if answer:
                    client.sendall(answer)
                else:
                    client.recv(1)  # until the doctor hangs up

        thread = threading.Thread(target=engine)
        thread.start()
        done = skink("doctor", "--json", "--config", config_with(tmp_path, path))
        thread.join()
    works, points = findings(done)
    assert works and points["docker"]["verdict"] == verdict
    assert str(path) in points["docker"]["found"]


def test_a_state_directory_that_cannot_be_written(skink, root, tmp_path):
    path = tmp_path / "skink.yaml"
    path.write_text(f"state_dir: {path}/skink\n")  # below a file
    done = skink("doctor", "--json", "--config", path)
    works, points = findings(done)
    assert (done.returncode, works) == (3, False)
    assert points["state"]["verdict"] == "fail" and points["state"]["advice"]
