"""Workloads: real containers of every engine are found, named and grouped; engines that hang, lie or
disappear disturb nothing."""

import json
import os
import queue
import subprocess
import threading
import time
from pathlib import Path

import pytest
from conftest import wait_until
from engines import (HIERARCHY, PURE_V2, FakeEngine, container, dockerd, make_bundle, make_rootfs,
                     podman_service, run)

pytestmark = pytest.mark.usefixtures("root", "engines_cgroups")


class Watch:
    """workload_dump: the events that it has printed so far, and answers about cgroups."""

    def __init__(self, program, *options, within=()):
        self.process = subprocess.Popen([*map(str, [*within, program, *options])], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.events, self.answers = [], queue.Queue()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for text in self.process.stdout:
            line = json.loads(text)
            if "answer" in line:
                self.answers.put(line)
            else:
                self.events.append(line)

    def all(self, event, **fields):
        return [line for line in list(self.events) if line["event"] == event
                and all(line[key] == value for key, value in fields.items())]

    def wait(self, event, count=1, timeout=10, **fields):
        """The count-th such event."""
        found = wait_until(lambda: self.all(event, **fields)[count - 1:], timeout)
        assert found, f"no {event} {fields} among {self.events}"
        return found[0]

    def ask(self, path):
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        return self.answers.get(timeout=5)

    def close(self):
        """Ends it, which may not take longer than a second whatever the engines do."""
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        try:
            assert self.process.wait(5) == 0
        finally:
            self.process.kill()
            self.reader.join()
            self.process.stdout.close()
        assert self.events[-1]["took_ns"] < 1e9


@pytest.fixture(name="watch")
def watch_fixture(skink_bin, tmp_path):
    program = Path(skink_bin).parent / "tests" / "workload_dump"
    watches = []

    def start(*options, root=tmp_path / "state", **more):
        watches.append(Watch(program, "--root", root, *options, **more))
        return watches[-1]

    yield start
    for each in watches:
        each.close()


def test_runc(watch, program, tmp_path):
    runc = [program("runc", "runc"), "--root", tmp_path / "state"]
    labels = {"org.opencontainers.image.title": "shop", "org.opencontainers.image.version": "1.2"}
    labelled = make_bundle(tmp_path / "a", labels)
    other = make_bundle(tmp_path / "b", cgroup="/wl-test/elsewhere")
    plain = make_bundle(tmp_path / "c")
    with container(runc, labelled, "wl_shop_1"):
        # One runs already, the others start later.
        watcher = watch("--rule", "name=wl_ca*", "cache")
        first = watcher.wait("started", id="wl_shop_1")
        assert (first["service"], first["version"], first["engine"]) == ("shop", "1.2", "runc")
        assert first["pid"] > 0 and first["path"] == "/wl_shop_1"
        with container(runc, other, "wl_other_2"), container(runc, plain, "wl_cart-2"):
            chosen = watcher.wait("started", id="wl_other_2")
            assert (chosen["service"], chosen["version"]) == ("wl_other", "-")
            assert chosen["path"] == "/wl-test/elsewhere"
            assert watcher.wait("started", id="wl_cart-2")["service"] == "cache"
            known = watcher.ask("/wl_shop_1")
            assert (known["answer"], known["service"]) == ("known", "shop")
            assert known["cgroup"] == first["cgroup"] and known["took_ns"] < 5e6
            assert watcher.ask("/wl_shop_1/inner")["answer"] == "nobody"
            assert watcher.ask("/user.slice/user-0.slice/session-1.scope")["answer"] == "nobody"
        watcher.wait("stopped", id="wl_other_2")
    watcher.wait("stopped", id="wl_shop_1", cgroup=first["cgroup"])
    # The same name again is another run with another cgroup.
    with container(runc, labelled, "wl_shop_1"):
        assert watcher.wait("started", count=2, id="wl_shop_1")["pid"] != first["pid"]


def test_a_container_being_made(watch, tmp_path):
    """runc's state comes after the cgroup: until then the question stays open."""
    state = tmp_path / "state"
    watcher = watch()
    assert watcher.ask("/wl_late")["answer"] == "nobody"
    (state / "wl_late").mkdir(parents=True)
    assert watcher.ask("/wl_late")["answer"] == "asked"
    assert watcher.ask("/chosen/freely")["answer"] == "asked"
    (state / "wl_late" / "state.json").write_text("{")
    assert watcher.ask("/chosen/freely")["answer"] == "nobody"
    assert not watcher.events


def test_crun(watch, program, tmp_path):
    crun = [program("crun", "crun"), "--root", tmp_path / "state"]
    labels = {"app.kubernetes.io/name": "cart", "app.kubernetes.io/version": "7"}
    bundle = make_bundle(tmp_path / "a", labels)
    watcher = watch(within=PURE_V2)
    with container(crun, bundle, "wl_cart_1", within=PURE_V2):
        started = watcher.wait("started", id="wl_cart_1")
        assert (started["service"], started["version"], started["engine"]) == ("cart", "7", "crun")
        assert started["path"].endswith("wl_cart_1") and started["pid"] > 0
        known = watcher.ask(started["path"])
        assert (known["answer"], known["service"]) == ("known", "cart")
    watcher.wait("stopped", id="wl_cart_1")


@pytest.mark.parametrize("stale", [False, True])
def test_lxc(watch, program, tmp_path, stale):
    start = program("lxc-start", "lxc")
    rootfs = make_rootfs(tmp_path / "rootfs")
    (tmp_path / "lxc" / "wl-box-1").mkdir(parents=True)
    (tmp_path / "lxc" / "wl-box-1" / "config").write_text(
        f"lxc.uts.name = box\nlxc.rootfs.path = dir:{rootfs}\nlxc.net.0.type = empty\n"
        "lxc.mount.entry = /usr usr none ro,bind 0 0\nlxc.mount.auto = proc:mixed\n"
        "lxc.group = shop\nlxc.init.cmd = /bin/sleep 100\n")
    watcher = watch("--lxc", tmp_path / "lxc", "--rule", "label:lxc.group=shop", "shop")
    cgroup = "/lxc.payload.wl-box-1"
    left = HIERARCHY / cgroup[1:]
    try:
        if stale:  # of the last run; LXC takes the next number then
            left.mkdir()
            cgroup += "-1"
        run(start, "-P", tmp_path / "lxc", "-n", "wl-box-1", "-d")
        started = watcher.wait("started", engine="lxc", path=cgroup)
        assert (started["service"], started["id"]) == ("shop", "wl-box-1")
        pid = wait_until(lambda: [e["pid"] for e in watcher.all("started") if e["pid"]])[0]
        assert os.readlink(f"/proc/{pid}/exe").endswith("/sleep")
        known = watcher.ask(cgroup)
        assert (known["answer"], known["id"]) == ("known", "wl-box-1")
    finally:
        run("lxc-stop", "-k", "-P", tmp_path / "lxc", "-n", "wl-box-1", check=False)
        if left.exists():
            left.rmdir()
    watcher.wait("stopped", engine="lxc", id="wl-box-1")
    assert not watcher.all("started", id="wl-box-1-1")


def test_configured_workloads(watch):
    folders = [HIERARCHY / "system.slice", HIERARCHY / "user.slice", HIERARCHY / "wl-test"]
    made = [path for path in folders if not path.exists()]
    unit, fake, web = folders[0] / "wl.service", folders[1] / "wl.service", folders[2] / "web"
    try:
        fake.mkdir(parents=True)
        watcher = watch("--unit", "wl.service", "--cgroup", "wl-test/web")
        assert watcher.ask("/system.slice/wl.service")["answer"] == "known"
        assert watcher.ask("/user.slice/wl.service")["answer"] == "nobody"
        assert watcher.ask("/lxc.payload.x/wl.service")["answer"] == "nobody"
        unit.mkdir(parents=True)
        web.mkdir(parents=True)
        started = watcher.wait("started", engine="cgroup")
        assert (started["service"], started["path"]) == ("web", "/wl-test/web")
        later = watch("--unit", "wl.service")
        assert later.wait("started")["path"] == "/system.slice/wl.service"
        unit.rmdir()
        later.wait("stopped", engine="systemd", id="wl.service")
    finally:
        for path in (unit, fake, web, *made):
            if path.exists():
                path.rmdir()


# ---- Docker and Podman ----

SLEEP = ("--network=none", "-v", "/usr:/usr:ro", "skel:1", "sleep", "100")


@pytest.fixture(name="docker")
def docker_fixture(program, tmp_path):
    with dockerd(tmp_path / "d", program) as daemon:
        yield daemon


@pytest.fixture(name="podman")
def podman_fixture(program, tmp_path):
    with podman_service(tmp_path / "p", program) as daemon:
        yield daemon


def ask_until_known(watcher, path):
    def known():
        answer = watcher.ask(path)
        return answer if answer["answer"] == "known" else None

    answer = wait_until(known)
    assert answer, path
    return answer


def check_a_life(engine, watcher, name):
    """From before the watch to the end, with a restart of the container and of the engine."""
    early = engine("run", "-d", "--name", "wl_early_1", *SLEEP)
    watcher.wait("up", engine=name)
    first = watcher.wait("started", id=early)
    assert (first["service"], first["name"]) == ("skel", "wl_early_1")
    assert first["pid"] > 0 and early in first["path"] and len(first["version"]) == 12

    # What is only created has no cgroup, but is known from the moment that it gets one.
    label = ("--label", "com.docker.compose.service=web")
    late = engine("create", "--name", "wl_web_2", *label, *SLEEP)
    path = first["path"].replace(early, late)
    known = ask_until_known(watcher, path)
    assert (known["service"], known["version"]) == ("web", first["version"])
    assert known["took_ns"] < 5e6
    engine("start", late)
    started = watcher.wait("started", id=late)
    assert (started["service"], started["path"]) == ("web", path)
    assert watcher.ask(f"{path}/inner")["answer"] == "nobody"

    engine("restart", "-t", "0", late)
    watcher.wait("stopped", id=late, cgroup=started["cgroup"])
    assert wait_until(lambda: watcher.all("started", id=late)[-1]["pid"] != started["pid"])
    last = watcher.all("started", id=late)[-1]
    engine.remove(late)
    watcher.wait("stopped", id=late, cgroup=last["cgroup"])

    engine.end()
    watcher.wait("down", engine=name)
    engine.start()
    watcher.wait("up", engine=name, count=2, timeout=15)
    assert not watcher.all("stopped", id=early)  # it ran on without its engine
    assert len(watcher.all("down")) == 1
    engine.remove(early)
    watcher.wait("stopped", id=early)


def test_docker(docker, watch):
    check_a_life(docker, watch("--docker", docker.socket), "docker")


def test_podman(podman, watch):
    # Its containers are runc's too: they are reported once, by the engine that knows more.
    watcher = watch("--podman", podman.socket, root="/run/runc")
    check_a_life(podman, watcher, "podman")
    assert not watcher.all("started", engine="runc")


# ---- engines that misbehave ----

ID = "6253e32040d507a8c24f9c52b8d09b1d2c121df1f158cb8b5cda166b5b04a525"
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def reply(body, status="200 OK"):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def endless(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"[" * 65536)


LIES = {
    "mute": ({}, "no answer within"),
    "not-http": ({"/events": b"SSH-2.0-OpenSSH_9.2\r\n"}, ""),
    "not-there": ({"/events": reply(b"", "404 Not Found")}, "status 404"),
    "hanging-list": ({"/events": STREAM}, "no answer within"),
    "endless-list": ({"/events": STREAM, "/json": endless}, "no end"),
    "torn-list": ({"/events": STREAM, "/json": reply(b'{"a": [')}, "not JSON"),
    "no-list": ({"/events": STREAM, "/json": reply({"Id": ID})}, "not a JSON array"),
    "huge-list": ({"/events": STREAM, "/json": reply(b"[" + b"{}," * 300000 + b"{}]")},
                  "more than"),
    "failing-list": ({"/events": STREAM, "/json": reply(b"", "500 Sorry")}, "status 500"),
    "no-container": ({"/events": STREAM, f"/{ID}/": reply([1]), "/json": reply([{"Id": ID}])},
                     "has no id"),
    "garbage-event": ({"/events": STREAM + chunk(b"}{\n"), "/json": reply([])}, "not JSON"),
    "endless-event": ({"/events": STREAM + chunk(b"x" * 0x200000), "/json": reply([])}, "no end"),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_engine_that_lies_or_hangs(watch, program, tmp_path, lie):
    """It is reported once, with the reason, and disturbs neither the other engines nor the end."""
    answers, why = LIES[lie]
    timeout = "5s" if "no end" in why else "300ms"
    with FakeEngine(tmp_path / "socket", answers):
        watcher = watch("--docker", tmp_path / "socket", "--timeout", timeout)
        assert why in watcher.wait("down", engine="docker")["why"]
        runc = [program("runc", "runc"), "--root", tmp_path / "state"]
        with container(runc, make_bundle(tmp_path / "a"), "wl_beside_1"):
            watcher.wait("started", id="wl_beside_1", timeout=2)
        watcher.close()
        # One that gets as far as being up each time is down each time.
        assert len(watcher.all("down")) == max(1, len(watcher.all("up")))


def test_a_false_pid_makes_nobody_a_replica(watch, tmp_path):
    """An engine that names the host's first process does not get it watched, nor does an id become
    anything but an id."""
    inspect = {"Id": ID, "Name": "/liar\x1b[2J", "Config": {"Image": "nice:1", "Labels": [1, 2]},
               "State": {"Running": True, "Pid": 1}}
    start = json.dumps({"Type": "container", "Action": "start", "Actor": {"ID": ID}}) + "\n"
    ids = [{"Id": "../" + ID}, {"Id": 7}, {"Id": ID}, ID]
    answers = {"/events": STREAM + chunk(start.encode()), f"/{ID}/": reply(inspect),
               "/json": reply(ids)}
    with FakeEngine(tmp_path / "socket", answers) as fake:
        watcher = watch("--docker", tmp_path / "socket")
        watcher.wait("up")
        assert wait_until(lambda: sum(ID in path for path in fake.requests) >= 2)
        assert not watcher.all("started")
        assert not any(".." in path for path in fake.requests)
        known = watcher.ask(f"/docker/{ID}")
        assert (known["service"], known["version"]) == ("nice", "1")
        assert known["name"] == "liar?[2J"
        watcher.close()


def test_an_engine_that_comes_and_goes(watch, tmp_path):
    """No socket is no report; then up, down when it goes, up when it is back, each once."""
    answers = {"/events": STREAM, "/json": reply([]), "/_ping": reply(b"OK")}
    watcher = watch("--docker", tmp_path / "socket")
    time.sleep(1)
    assert not watcher.events
    for turn in (1, 2):
        with FakeEngine(tmp_path / "socket", answers):
            watcher.wait("up", count=turn, timeout=15)
        watcher.wait("down", count=turn)
    time.sleep(1.5)
    assert [line["event"] for line in watcher.events] == ["up", "down"] * 2
