"""The daemon's whole job with every engine: a container is found, named and learned, its restart is
no alarm, and a foreign command in it is one."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from agent import Skink
from conftest import wait_until
from engines import PURE_V2, dockerd, podman_service
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
    hierarchy = next(path for path in (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))
                     if path.is_dir())

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
        return InCgroup(engine, cgroup, hierarchy)

    return prepare


@pytest.fixture(name="skink_run")
def skink_run_fixture(skink_bin, tmp_path, stack):
    """`skink run` for these services: skink_run(service, ...)."""

    def start(*services):
        engines, extra = {}, []
        for service in services:
            engines |= service.settings
            extra += service.extra
        return stack.enter_context(Skink(skink_bin, tmp_path / "skink", engines, extra=extra,
                                         within=services[0].within))

    return start


def watching(service):
    return service["mode"] == "watching"


def runs_anew(before):
    """Another run of the replica, well past its start."""
    ended = before["replicas"][0]["cgroup"], before["replicas"][0]["pid"]

    def condition(service):
        return any((each["cgroup"], each["pid"]) != ended or each["calls"] < before["calls"]
                   for each in service["replicas"])

    return condition


def check_alert(skink, service):
    assert wait_until(lambda: skink.alerts(service.service), 2), skink.service(service.service)
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
