"""What every benchmark stands on: cgroups, shared pages and agents of a System
(demo/containers.py), which takes all of it away again whatever ends the run."""

import json
import mmap
import os
import socket
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "demo"))

from containers import CGROUPS, System, wait_for  # noqa: E402

BUILD = ROOT / "build"
SKINK = BUILD / "skink"
LEARNING_LIMIT = 120  # seconds

CONFIGURATION = """\
state_dir: {directory}/state
socket: {directory}/skink.sock
guardian: false
quota: {quota}
learn: {{interval: {interval}s, sigma: {sigma}, steady: 3, min_calls: 1000}}
engines: {{docker: off, podman: off, lxc: off, oci: [{oci}]}}
extra: [{extra}]
alerts: {{file: {directory}/alerts.jsonl}}
"""


def program(name: str) -> str:
    """One of this directory's C programs."""
    return str(BUILD / "bench" / name)


def key_hierarchy() -> Path:
    """Where Skink looks for cgroups (src/workload/cgroup.c): a v1 controller, else the v2 mount."""
    for name in ("pids", "memory", "devices", "freezer", "cpu"):
        if (CGROUPS / name / "cgroup.procs").exists():
            return CGROUPS / name
    return CGROUPS


class Cgroup:
    """A cgroup of the run, which Skink watches as a service of the same name."""

    def __init__(self, system: System, name: str):
        self.name = name
        self.path = f"/{system.name}/{name}"
        directory = key_hierarchy() / self.path[1:]
        directory.mkdir(parents=True, exist_ok=True)
        self.procs = directory / "cgroup.procs"
        self._system = system

    def spawn(self, command: list[str], **options) -> subprocess.Popen:
        """A child that is in the cgroup before its program begins."""
        join = ["sh", "-c", f'echo $$ >{self.procs}; exec "$@"', "sh"]
        return self._system.spawn([*join, *command], **options)


class Page:
    """bench/calls.h's struct page, in a file."""

    FIELDS = ("stop", "calls", "order", "done", "first")

    def __init__(self, path: Path):
        self.path = path
        path.write_bytes(bytes(mmap.PAGESIZE))
        path.chmod(0o666)
        with open(path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def get(self, field: str) -> int:
        return struct.unpack_from("Q", self._memory, 8 * self.FIELDS.index(field))[0]

    def set(self, field: str, value: int) -> None:
        struct.pack_into("Q", self._memory, 8 * self.FIELDS.index(field), value)


class Agent:
    """`skink run` with a state, a socket and a configuration of its own and a short training."""

    def __init__(self, system: System, name: str, cgroups: list[Cgroup] = (), *, quota: int = 100,
                 interval: float = 1, sigma: float = 5):
        self.directory = system.directory / f"agent-{name}"
        self.directory.mkdir(mode=0o700)
        self.log = self.directory / "log"
        self.alerts = self.directory / "alerts.jsonl"
        extra = ", ".join(f"{{cgroup: {one.path}, service: {one.name}}}" for one in cgroups)
        self._configuration = self.directory / "skink.yml"
        self._configuration.write_text(CONFIGURATION.format(
            directory=self.directory, quota=quota, interval=interval, sigma=sigma,
            oci=system.oci_root, extra=extra))
        self._system = system
        self.process: subprocess.Popen | None = None

    @contextmanager
    def running(self):
        with open(self.log, "ab") as log:
            self.process = self._system.spawn(
                [str(SKINK), "run", "--config", str(self._configuration)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_for(self._answers, 30, "skink run to answer")
            yield self
        finally:
            self.process.terminate()
            self.process.wait(30)

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"skink run ended with {self.process.returncode}:\n"
                               f"{self.log.read_text()[-2000:]}")
        try:
            return bool(self.status())
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def status(self) -> dict:
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.directory / "skink.sock"))
            control.sendall(b'{"verb": "status"}\n')
            with control.makefile() as answer:
                return json.loads(answer.readline())

    def service(self, name: str) -> dict | None:
        services = {service["service"]: service for service in self.status()["services"]}
        return services.get(name)

    def replica(self, name: str) -> dict:
        """The one replica of a service that has only one."""
        (replica,) = self.service(name)["replicas"]
        return replica

    def learn(self, names: list[str], behave) -> None:
        """Calls behave() until the services are learned."""
        deadline = time.monotonic() + LEARNING_LIMIT
        while not all(self.watching(name) for name in names):
            if time.monotonic() > deadline:
                raise RuntimeError(f"not learned within {LEARNING_LIMIT} s:\n"
                                   f"{json.dumps(self.status()['services'], indent=1)}")
            behave()

    def watching(self, name: str) -> bool:
        service = self.service(name)
        return service is not None and service["mode"] == "watching"


def losses(replica: dict) -> int:
    return sum(replica["lost"].values())


def pin(pid: int, cpu: int) -> None:
    """On a machine of one CPU there is no choice."""
    if cpu in os.sched_getaffinity(0):
        os.sched_setaffinity(pid, {cpu})
