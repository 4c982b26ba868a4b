"""What Skink must survive: crowds, floods, escapes, its own death, a full disk, broken engines."""

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
from conftest import wait_until
from engines import FakeEngine, container, make_bundle, run
from test_daemon import INTRUSION, bpf_objects

NO_LOSS = dict.fromkeys(("reports", "table", "storage", "quota", "process", "flows", "paths"), 0)
CROWD = 1200  # more than the probe has places for replicas (1024) and tables (512)
PIDS = Path("/sys/fs/cgroup/pids")


def losses(daemon, service="web"):
    """What each replica lost, added up."""
    total = {}
    for replica in daemon.replicas(service):
        for reason, count in replica["lost"].items():
            total[reason] = total.get(reason, 0) + count
    return total


def memory(daemon):
    return daemon.status()["agent"]["memory_bytes"]


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def spent(daemon, calls):
    """Waits until the replicas' counter has got so many calls in all."""
    assert wait_until(lambda: sum(replica["calls"] for replica in daemon.replicas("web")) >= calls)


@pytest.fixture(name="crowd")
def crowd_fixture(tools):
    """Lets short-lived workloads appear and go: a process each, in a cgroup of its own."""
    parent = PIDS if PIDS.is_dir() else Path("/sys/fs/cgroup")
    parent = parent / f"skink-crowd-{os.getpid()}"
    parent.mkdir()
    enter = 'echo $$ >"$0/cgroup.procs" && exec "$@"'

    def one(number):
        cgroup = parent / str(number)
        cgroup.mkdir()
        return cgroup, subprocess.Popen(["/bin/sh", "-c", enter, cgroup, tools / "caller", "random",
                                         "1", "300"])

    def come_and_go(count, daemon, at_once=40):
        running = []
        for number in range(count):
            running.append(one(number))
            if len(running) == at_once or number == count - 1:
                for cgroup, process in running:
                    assert process.wait(20) == 0
                    cgroup.rmdir()
                running = []
                daemon.status()  # it has heard of all of them

    yield parent.name, come_and_go
    for cgroup in parent.iterdir():
        if cgroup.is_dir():
            cgroup.rmdir()
    parent.rmdir()


def test_containers_come_and_go(watching, web, crowd, system, program, tmp_path):
    """More of them than there are places, and real ones: no loss, nothing grows, all goes on."""
    name, come_and_go = crowd
    extra = [{"cgroup": f"/{name}/{number}", "service": "crowd"} for number in range(CROWD)]
    daemon, replica = watching(extra=extra)
    come_and_go(100, daemon)
    before = memory(daemon), descriptors(daemon)
    with web.load(replica):
        come_and_go(CROWD, daemon)
        runc = [program("runc", "runc"), "--root", system.oci_root]
        bundle = make_bundle(tmp_path / "bundle")
        for number in range(60):
            with container(runc, bundle, f"sk_many_{number}"):
                pass
    assert wait_until(lambda: not daemon.replicas("crowd") and not daemon.replicas("sk_many"))
    status = daemon.status()
    assert status["agent"]["lost_cgroups"] == 0 and "could not be watched" not in daemon.said()
    assert losses(daemon) == NO_LOSS
    assert memory(daemon) < before[0] + (8 << 20) and descriptors(daemon) <= before[1] + 2
    assert status["agent"]["map_bytes"] < 64 << 20
    assert daemon.service("crowd")["windows"] > 100  # they were learned from, not passed over
    assert not [line for line in daemon.lines() if line["service"] == "web"]
    web.run(replica, INTRUSION)
    daemon.wait_alert(replica.id)


def test_a_fork_bomb(watching, web):
    """4095 processes out of one replica: it raises its alert, and another's comes after it."""
    daemon, first, second = watching("web-1", "web-2")
    before = memory(daemon)
    web.run(first, "/tools/caller bomb 11")
    daemon.wait_alert(first.id)
    lost = losses(daemon)
    assert lost["storage"] == 0
    if lost["process"]:  # more in a second than may be told of one replica: its alert says so
        assert wait_until(lambda: any(line["lost"] for line in daemon.lines()
                                      if line["replica"]["name"] == first.id))
    assert memory(daemon) < before + (32 << 20)
    web.run(second, INTRUSION)
    daemon.wait_alert(second.id)
    assert web.get(first) == "hello\n"


# An alert of nothing but what a test lets the intruder do at last: its shells stay below this.
PATIENT = {"frame_threshold": "off", "epoch": 1000000, "epoch_threshold": 30000}


def test_unsharing_everything(watching, web):
    daemon, replica = watching(detect=PATIENT, quota=10000)
    calls = daemon.replicas("web")[0]["calls"]
    said = web.run(replica, "unshare -U -r -m -u -i -n -p -C -f setsid sh -c "
                            "'id -u; readlink /proc/self/ns/mnt; exec /tools/caller odd 1 200000'")
    assert said.startswith("0\nmnt:"), said  # it was root in namespaces of its own
    spent(daemon, calls + 200000)
    daemon.wait_alert(replica.id, detector="bosc")


def test_leaving_the_cgroup(watching, web):
    """A process that is moved to the root of every hierarchy is the replica's all the same."""
    daemon, replica = watching(detect=PATIENT, quota=10000)
    web.run(replica, "setsid sh -c 'sleep 2; exec /tools/caller odd 1 200000' >/dev/null 2>&1 &")
    mine = next(Path("/sys/fs/cgroup").glob(f"*/{web.system.name}/{replica.name}/cgroup.procs"))

    def shell():
        for pid in mine.read_text().split():
            words = Path(f"/proc/{pid}/cmdline").read_text()
            if "caller" in words and words.startswith("sh\0"):
                return pid
        return None

    pid = wait_until(shell)
    for root in {*Path("/sys/fs/cgroup").glob("*/cgroup.procs"),
                 *Path("/sys/fs/cgroup").glob("cgroup.procs")}:
        root.write_text(pid)
    assert pid not in mine.read_text().split()
    assert replica.name not in Path(f"/proc/{pid}/cgroup").read_text()
    calls = daemon.replicas("web")[0]["calls"]
    assert not daemon.lines()
    spent(daemon, calls + 200000)
    daemon.wait_alert(replica.id, detector="bosc")


def test_killed_and_started_again(watching, web, program):
    """Its death leaves nothing in the kernel; the next one knows the service at once."""
    program("bpftool", "bpftool")
    before = bpf_objects()
    daemon, replica = watching()
    held = bpf_objects() - before
    profile = next(daemon.state.glob("profiles/*.profile"))
    whole = profile.read_bytes()
    daemon.process.kill()
    daemon.process.wait()
    assert wait_until(lambda: not held & bpf_objects(), 5, 0.1)
    assert profile.read_bytes() == whole

    daemon.start()
    service = daemon.wait_for("web", lambda service: service["replicas"], 5)
    assert (service["mode"], service["state"]) == ("watching", "complete")
    with web.load(replica):
        time.sleep(1)
    replica.restart()
    replica.wait_port(8000)
    web.get(replica)
    assert not daemon.lines()
    web.run(replica, INTRUSION)
    daemon.wait_alert(replica.id)


@pytest.fixture(name="small_disk")
def small_disk_fixture(root, tmp_path):
    """A file system of 256 KiB."""
    path = tmp_path / "disk"
    path.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=256k", "skink-test", path)
    yield path
    run("umount", path)


def test_a_full_disk(small_disk, agent, web):
    """Learning and detection go on, the status says what could not be written, and it is written
    when there is room again."""
    daemon = agent(state_dir=str(small_disk / "state")).start()
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            pass
    replica = web.replica("web-1")
    with web.load(replica):
        daemon.learned("web")
    sinks = wait_until(lambda: daemon.status()["sinks"]["profile_failures"]
                       and daemon.status()["sinks"])
    assert sinks and "No space left on device" in sinks["profile_error"]
    web.run(replica, INTRUSION)
    assert wait_until(lambda: daemon.alerts("web"))
    assert wait_until(lambda: daemon.status()["sinks"]["file_failures"] > 0)
    assert "No space left on device" in daemon.status()["sinks"]["file_error"]

    filler.unlink()
    assert wait_until(lambda: list(daemon.state.glob("profiles/*.profile")), 20)
    assert wait_until(lambda: daemon.status()["sinks"]["profile_error"] == "")
    web.run(replica, "/tools/caller odd 1 1000")  # the alert grows
    assert wait_until(daemon.lines)
    daemon.end()
    # What was learned meanwhile is whole.
    daemon.start()
    daemon.wait_for("web", lambda service: service["mode"] == "watching" and service["replicas"])


def test_a_flood_is_the_flooders_own(watching, web):
    """One replica shows nothing but novelties: its reports are cut, another's alert comes."""
    daemon, loud, quiet = watching("web-1", "web-2")
    web.run(loud, "/tools/caller random 5 100000000 >/dev/null 2>&1 &")
    daemon.wait_alert(loud.id)
    assert wait_until(lambda: losses(daemon)["quota"] > 100)
    begin = time.monotonic()
    web.run(quiet, INTRUSION)
    assert daemon.wait_alert(quiet.id)["detector"] != "loss"
    assert time.monotonic() - begin < 5
    # And the other way round: the flood is the loud one's loss, told in its alert.
    assert losses(daemon)["reports"] == 0
    assert wait_until(lambda: any(line["lost"] for line in daemon.lines()
                                  if line["replica"]["name"] == loud.id))
    web.run(loud, "kill -9 $(pidof caller)")


def test_the_quota_leaves_room_for_the_alert(watching, web):
    """One report a second: the crossing of a threshold is told beside it."""
    daemon, replica = watching(quota=1)
    web.run(replica, INTRUSION)
    daemon.wait_alert(replica.id)  # of the loss, at times, before it becomes the graver one
    assert wait_until(lambda: {"stide", "bosc"} & {line["detector"] for line in daemon.lines()})


def test_the_same_thing_a_million_times(watching, web):
    """One pattern, reported once, counted a million times."""
    daemon, replica = watching()
    assert web.get(replica, "/spin") == "hello\n"
    daemon.wait_alert(replica.id)

    def repeated():
        patterns = daemon.lines()[-1]["unknown"]
        return [one["count"] for one in patterns if set(one["calls"]) == {"getppid"}
                and one["kind"] == "window"]

    assert wait_until(lambda: repeated() and repeated()[0] > 999_000, 10, 0.2), repeated()
    assert len(repeated()) == 1
    assert len(daemon.lines()) < 10


def hang_up(connection):
    connection.shutdown(socket.SHUT_RDWR)


LIES = {
    "hangs": {},
    "hangs up": {"/": hang_up},
    "speaks no HTTP": {"/": b"\x00\xff" * 1000},
    "lies": {"/": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n[{\"Id\": 7, \"Names\": null}]"},
    "refuses": {"/": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"},
}


WHOLE = {
    "/events": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "/json": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    "/_ping": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK",
}


@pytest.mark.parametrize("engine", LIES)
def test_a_broken_engine(watching, web, tmp_path, engine):
    """It is told in the status; the containers of another engine are watched, its return is seen."""
    path = tmp_path / "docker"
    def docker(daemon):
        return next((one for one in daemon.status()["engines"] if one["name"] == "docker"), None)

    with FakeEngine(path, LIES[engine]):
        daemon, replica = watching(engines={"docker": str(path)})
        assert wait_until(lambda: docker(daemon) and not docker(daemon)["up"], 20, 0.2)
        assert docker(daemon)["why"]
        web.run(replica, INTRUSION)
        daemon.wait_alert(replica.id)
    if engine == "hangs up":
        with FakeEngine(path, WHOLE):
            assert wait_until(lambda: docker(daemon)["up"], 30, 0.2), docker(daemon)
        assert wait_until(lambda: not docker(daemon)["up"], 20, 0.2)  # it has disappeared
        assert daemon.process.poll() is None
