"""The daemon's whole job with every engine: a container is found, named and learned, its restart is
no alarm, and a foreign command in it is one."""

import json
import subprocess
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from agent import Skink
from conftest import wait_until
from engines import HIERARCHY, PURE_V2, LateSocket, LyingSocket, dockerd, podman_service
from services import InBundle, InCgroup, InDaemon, InLxc, Load

pytestmark = pytest.mark.usefixtures("root", "engines_cgroups")

ENGINES = ["docker", "podman", "lxc", "runc", "crun", "systemd", "cgroup"]

# Of what no web server does: it reads the passwords and looks who else is there.
FOREIGN = ["sh", "-c", "/usr/bin/python3 -c \"import subprocess; print(open('/etc/shadow').read()); "
           "subprocess.run(['ls', '-l', '/proc', '/proc/1'])\"; true"]


@pytest.fixture(name="stack")
def stack_fixture():
    """What a test enters is left again at its end, the last one first."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(name="prepare")
def prepare_fixture(program, tmp_path, stack):
    """A service in a container of an engine, not started yet: prepare("docker")."""
    def prepare(engine):
        # Not tmp_path: Podman allows its directory 50 characters.
        path = Path(stack.enter_context(TemporaryDirectory(prefix="skink-"))) / engine
        if engine == "docker":
            return InDaemon("sk_web_1", engine, stack.enter_context(dockerd(path, program)))
        if engine == "podman":
            return InDaemon("sk_web_1", engine, stack.enter_context(podman_service(path, program)))
        if engine == "lxc":
            program("lxc-start", "lxc")
            return InLxc("box-1", path)
        if engine == "runc":
            return InBundle("sk_runc_1", program("runc", "runc"), path)
        if engine == "crun":
            return InBundle("sk_crun_1", program("crun", "crun"), path, within=PURE_V2)
        cgroup = "/system.slice/sk.service" if engine == "systemd" else "/sk-test/web"
        return InCgroup(engine, cgroup, HIERARCHY)

    return prepare


@pytest.fixture(name="skink_run")
def skink_run_fixture(skink_bin, tmp_path, stack):
    """`skink run` for these services: skink_run(service, ...)."""

    def start(*services):
        engines, extra = {}, []
        for service in services:
            engines |= service.settings
            extra += service.extra
        path = tmp_path / f"skink-{services[0].engine}-{len(services)}"
        return stack.enter_context(Skink(skink_bin, path, engines, extra=extra,
                                         within=services[0].within))

    return start


def watching(service):
    return service["mode"] == "watching"


def check_alert(skink, service):
    assert wait_until(lambda: skink.alerts(service.service)), skink.service(service.service)
    alert = skink.alerts(service.service)[-1]
    assert alert["version"] == service.version
    assert (alert["replica"]["name"], alert["replica"]["engine"]) == (service.name, service.engine)
    trees = [alert["process_tree"], *alert["other_trees"]]
    assert {tree[0]["command"] for tree in trees} <= {"sh", "python3"}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_life(engine, prepare, skink_run, stack):
    service = prepare(engine)
    skink = skink_run(service)
    stack.enter_context(service)
    load = stack.enter_context(Load(service.port))
    learned = skink.wait_for(service.service, watching, 30)
    (replica,) = learned["replicas"]
    assert learned["version"] == service.version
    assert (replica["name"], replica["engine"]) == (service.name, service.engine)
    assert replica["start_seen"] and learned["state"] == "complete"

    service.restart()
    load.wait()
    skink.wait_for(service.service, lambda now: now["replicas"][0]["calls"] > 1000)
    (again,) = skink.service(service.service)["replicas"]
    assert again["start_seen"] and not again["learning_start"]
    assert not skink.alerts(service.service)

    service.enter(*FOREIGN)
    check_alert(skink, service)


def test_containers_that_run_already(prepare, skink_run, stack):
    """All engines side by side. No start was seen: the first one is learned, not judged."""
    services = [prepare(engine) for engine in ENGINES]
    loads = [stack.enter_context(Load(stack.enter_context(service).port)) for service in services]
    for load in loads:
        load.wait()
    everywhere = skink_run(*[service for service in services if not service.within])
    pure = skink_run(*[service for service in services if service.within])
    skinks = [pure if service.within else everywhere for service in services]
    for skink, service in zip(skinks, services):
        found = skink.wait_for(service.service, watching, 40)
        assert found["state"] == "incomplete: no start seen"
        assert [each["start_seen"] for each in found["replicas"]] == [False]

    for service, load in zip(services, loads):
        service.restart()
        load.wait()
    for skink, service in zip(skinks, services):
        found = skink.wait_for(service.service, lambda now: now["state"] == "complete", 40)
        assert [each["start_seen"] for each in found["replicas"]] == [True]
        assert not skink.alerts(service.service)


def test_an_engine_that_answers_late(prepare, skink_run, stack, tmp_path):
    """Until it has answered, nobody knows whose the calls are; they count all the same."""
    web = prepare("docker")
    late = stack.enter_context(LateSocket(tmp_path / "late", web.daemon.socket, 1.5))
    web.settings = {"docker": late.path}
    skink = skink_run(web)
    assert wait_until(lambda: skink.status()["engines"], 10)
    stack.enter_context(web)
    assert wait_until(lambda: any("docker" in path for path in skink.status()["unrecognised"]), 2)
    stack.enter_context(Load(web.port))
    found = skink.wait_for(web.service, watching, 30)
    assert found["state"] == "complete" and found["replicas"][0]["start_seen"]

    web.restart()
    skink.wait_for(web.service, lambda now: now["replicas"] and now["replicas"][0]["calls"] > 1000)
    assert not skink.alerts(web.service)

    intruded = InDaemon("sk_web_2", "docker", web.daemon)
    intruded.command = ["sh", "-c", f"{FOREIGN[2]}; sleep 100; true"]
    stack.enter_context(intruded)
    check_alert(skink, intruded)


class Answering:
    """A learned service under load that Skink answers for, into which a foreign command comes."""

    def __init__(self, stack, skink_bin, path, web, excepted, **respond):
        self.web, self.program = web, skink_bin
        respond = {"policy": "act", "minimum": 0, "except": excepted, **respond}
        harm = {"criticality": 1, "confidentiality_impact": "high"}
        self.skink = stack.enter_context(Skink(
            skink_bin, path, web.settings, within=web.within,
            services={web.service: {"harm": harm, "respond": respond}}))
        stack.enter_context(web)
        self.load = stack.enter_context(Load(web.port))
        self.skink.wait_for(web.service, watching, 30)
        # It waits for whom it has entered, who may stand still.
        self.entered = threading.Thread(target=self._enter)
        self.entered.start()
        stack.callback(self.entered.join)

    def _enter(self):
        with suppress(subprocess.SubprocessError):
            self.web.enter(*FOREIGN)

    def ask(self, *words):
        return subprocess.run([self.program, *words, "--socket", self.skink.socket], text=True,
                              check=False, capture_output=True, timeout=40).stdout

    def wait_measure(self, name):
        def found():
            lines = map(json.loads, self.ask("measures", "--all", "--json").splitlines())
            return [each for each in lines if each["measure"] == name]

        assert wait_until(found, 20, 0.2), self.skink.said()
        return found()[0]


def test_docker_replaces(prepare, stack, skink_bin, tmp_path):
    """Through the Engine API: a second container like the first, of another image, then the first
    one stands still. The second one has aged soon, and is ended for a third one."""
    web = prepare("docker")
    web.command[2] = web.command[2].replace(
        "HTTPServer((", "HTTPServer.allow_reuse_port = True; HTTPServer((")
    web.daemon("tag", "skel:1", "skel:next")
    answering = Answering(stack, skink_bin, tmp_path / "skink", web, "hold,stop,kill,throttle",
                          budget=20, variants={"next": "image=skel:next"})

    def running():
        return set(web.daemon("ps", "--format", "{{.Names}} {{.Image}}").splitlines())

    replace = answering.wait_measure("replace")
    assert replace["state"] == "in force" and replace["token"]["variant"] == "next", replace
    new = replace["token"]["new"]
    assert running() == {f"{web.name} skel:1", f"{new} skel:next"}

    def version_next():
        return [each["name"] for service in answering.skink.status()["services"]
                if service["version"] == "next" for each in service["replicas"]]

    assert wait_until(lambda: version_next() == [new]), answering.skink.status()
    # A few seconds of learning do not always know a third listener on one port. Nobody intrudes any
    # more: what is left is that it ages.
    answering.skink.reload(tolerance={"eta": "2s", "beta": 3}, detect={
        "frame_threshold": "off", "epoch_threshold": "off", "file_threshold": 0, "flow_threshold": 0})
    renew = answering.wait_measure("renew")
    assert renew["state"] == "done" and renew["replica_name"] == new, renew
    assert running() == {f"{web.name} skel:1", f"{renew['token']['new']} skel:next"}
    answering.ask("undo", str(replace["number"]))


def answer(status, body):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


ID = "5" * 64
LIES = {
    "names no container": {"/containers/create": answer("201 Created", '{"Id": 7}')},
    "starts what is not there": {"/containers/create": answer("201 Created", f'{{"Id": "{ID}"}}'),
                                 f"/containers/{ID}/start": answer("204 No Content", "")},
    "never answers": {"/containers/create": b""},
}


@pytest.mark.parametrize("lie", LIES)
def test_an_engine_that_lies(lie, prepare, stack, skink_bin, tmp_path):
    """No replica takes over then, which is said; the next-best measure stands, and nobody is ended."""
    web = prepare("docker")
    lying = stack.enter_context(LyingSocket(tmp_path / "lying", web.daemon.socket, LIES[lie]))
    web.settings = {"docker": lying.path}
    answering = Answering(stack, skink_bin, tmp_path / "skink", web, "hold,stop,kill,throttle,decoy")

    pause, replace = answering.wait_measure("pause"), answering.wait_measure("replace")
    assert pause["state"] == "in force"
    assert replace["state"] == "failed" and replace["why"] and lying.told
    answering.ask("undo", str(pause["number"]))
    answering.load.wait()
    assert web.inspect("State.Running") == "true"
    assert web.daemon("ps", "--all", "--format", "{{.Names}}").split() == [web.name]
    assert [each["name"] for each in answering.skink.replicas(web.service)] == [web.name]


# Nothing need take over where it is about the one that is kept.
KEPT = {"replace": "echo 127.0.0.1:1"}
POLICY = "HostConfig.RestartPolicy.Name"


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_a_breached_container_is_not_started_again(engine, prepare, stack, skink_bin, tmp_path):
    """Its engine would, with what the intruder left in its writable layer."""
    web = prepare(engine)
    web.options = ["--restart", "always"]
    answering = Answering(stack, skink_bin, tmp_path / "skink", web, "hold,stop,kill,throttle,decoy",
                          expiry="4s", **KEPT)
    replace = answering.wait_measure("replace")
    assert replace["state"] == "in force" and replace["token"]["restart"]["Name"] == "always"
    assert web.inspect(POLICY) == ("no" if engine == "docker" else "always")
    assert wait_until(lambda: answering.wait_measure("replace")["state"] == "expired", 20, 0.2), \
        answering.skink.said()
    assert not wait_until(lambda: web.inspect("State.Running") == "true", 3, 0.2)
    assert web.inspect("State.Status") == "exited"


def test_undo_gives_the_restart_policy_back(prepare, stack, skink_bin, tmp_path):
    web = prepare("docker")
    web.options = ["--restart", "on-failure:7"]
    answering = Answering(stack, skink_bin, tmp_path / "skink", web, "hold,stop,kill,throttle,decoy",
                          **KEPT)
    replace = answering.wait_measure("replace")
    assert web.inspect(POLICY) == "no"
    answering.ask("undo", str(replace["number"]))
    assert wait_until(lambda: web.inspect(POLICY) == "on-failure")
    assert web.inspect("HostConfig.RestartPolicy.MaximumRetryCount") == "7"
    assert wait_until(lambda: answering.wait_measure("replace")["state"] == "undone")
    answering.load.wait()


def test_pause_on_a_pure_v2_host(prepare, stack, skink_bin, tmp_path):
    web = prepare("crun")
    answering = Answering(stack, skink_bin, tmp_path / "skink", web, "hold,stop,kill")
    pause = answering.wait_measure("pause")
    assert pause["state"] == "in force" and pause["token"]["cgroup_v2"], pause
    answered = answering.load.answered
    assert not wait_until(lambda: answering.load.answered > answered + 1, 1)
    answering.ask("undo", str(pause["number"]))
    answering.load.wait()


def test_kill_on_a_pure_v2_host(prepare, stack, skink_bin, tmp_path):
    web = prepare("crun")
    answering = Answering(stack, skink_bin, tmp_path / "skink", web, "hold,stop,pause,redirect,throttle")
    assert answering.wait_measure("evidence")["state"] == "done"  # before the eviction
    assert answering.wait_measure("kill")["state"] == "done"
    assert wait_until(lambda: not answering.skink.replicas(web.service) or
                      '"stopped"' in web.state())


def test_a_cgroup_that_turns_out_to_be_nobodys(skink_bin, tmp_path):
    """While runc makes a container any new cgroup may be its. What was not is let go again."""
    making = tmp_path / "state" / "sk_late"
    making.mkdir(parents=True)
    session = HIERARCHY / "sk-session"
    with Skink(skink_bin, tmp_path / "skink", {"oci": [str(making.parent)]}) as skink:
        session.mkdir()
        try:
            assert wait_until(lambda: skink.status()["unrecognised"] == ["/sk-session"], 2)
            making.rmdir()
            assert wait_until(lambda: not skink.status()["unrecognised"], 15, 0.5)
        finally:
            session.rmdir()


BUSY = ("import os, threading, time\n"
        "threading.Thread(target=lambda: [(os.getppid(), time.sleep(.001)) for _ in range(9999)])"
        ".start()\ntime.sleep(10)\n")


def test_a_process_that_joins_with_its_threads(skink_bin, tmp_path):
    cgroup = HIERARCHY / "sk-joined"
    busy = subprocess.Popen(["/usr/bin/python3", "-c", BUSY])
    try:
        with Skink(skink_bin, tmp_path / "skink", {}, extra=[{"cgroup": "/sk-joined"}]) as skink:
            cgroup.mkdir()
            (cgroup / "cgroup.procs").write_text(str(busy.pid))
            skink.wait_for("sk-joined", lambda now: now["replicas"][0]["calls"] > 500, 5)
    finally:
        busy.kill()
        busy.wait()
        assert wait_until(lambda: not (cgroup / "cgroup.procs").read_text())
        cgroup.rmdir()
