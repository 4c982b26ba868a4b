"""Many real containers: what the agent needs of memory, and how soon it tells of an intruder."""

import ctypes
import json
import os
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path

import machine
from result import Row
from rig import BUILD, Agent, Page, key_hierarchy
from bundle import Image
from containers import Container, System, wait_for

REPLICAS = 10  # of each of the five services
ALERTS = 50
JOB, BREAK_IN = 1, 2  # enum order of bench/worker.c
ALERT_WAIT = 5  # seconds
MIB = 1 << 20
# What the kernel keeps of one followed thread: struct thread (144 bytes) with its head in a slab of
# 256, and the task's own record of its storages with its cache, a slab of 256 more. No map's memory
# tells of it.
THREAD_BYTES = 512

HAPROXY = """\
defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 10s
frontend all
    bind :8080
    http-request return status 200 content-type text/plain string ok
"""
FLASK = """\
from flask import Flask, request
app = Flask(__name__)
@app.get("/")
def hello():
    return "hello " + request.args.get("name", "you")
"""
POSTGRES = """\
set -e
bin=$(echo /usr/lib/postgresql/*/bin)
if [ ! -s /data/pg/PG_VERSION ]; then
    "$bin/initdb" -D /data/pg --auth=trust --no-sync >/dev/null
    echo host all all all trust >>/data/pg/pg_hba.conf
fi
exec "$bin/postgres" -D /data/pg -h 0.0.0.0 -k /tmp -c shared_buffers=4MB -c fsync=off
"""


def _folder(system: System, name: str, text: str) -> Path:
    folder = system.directory / f"image-{name}"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder


def _images(system: System, number: int) -> dict[int, Image]:
    """The five services by the port that they answer on."""
    data = system.directory / f"data-{number}"
    data.mkdir()
    data.chmod(0o1777)
    static = ["/usr/bin/python3", "-m", "http.server", "8000"]
    return {
        6379: Image("redis", "7.0", ["redis-server", "--save", "", "--protected-mode", "no"]),
        8080: Image("haproxy", "2.6", ["haproxy", "-db", "-f", "/app/haproxy.cfg"],
                    folders={"/app": _folder(system, "haproxy.cfg", HAPROXY)}),
        8000: Image("static", "3.11", static, "www-data"),
        8001: Image("flask", "2.2", ["gunicorn", "-b", "0.0.0.0:8001", "--chdir", "/app", "app:app",
                                     "--worker-tmp-dir", "/dev/shm"], "www-data",
                    {"PYTHONDONTWRITEBYTECODE": "1"},
                    folders={"/app": _folder(system, "app.py", FLASK)}),
        5432: Image("postgres", "15", ["sh", "/app/start.sh"], "postgres", {"LANG": "C.UTF-8"},
                    {"/app": _folder(system, "start.sh", POSTGRES)}, {"/data": data}),
    }


class _Load:
    """A client of every container, on their network: a request to each, again and again."""

    def __init__(self, system: System, targets: list[tuple[str, int]]):
        self._process = system.spawn(
            [sys.executable, str(Path(__file__).with_name("ask.py"))], system.host("clients"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._targets = json.dumps(targets)

    def once(self) -> None:
        print(self._targets, file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        if answer["failures"]:
            raise RuntimeError(f"the load failed: {answer['failures']}")


def _start_all(system: System) -> list[tuple[Container, int]]:
    """Ten containers of each service, and the ports that they answer on."""
    containers = []
    for number in range(1, REPLICAS + 1):
        for port, image in _images(system, number).items():
            container = system.container(f"{image.service}-{number}", image)
            container.start()
            containers.append((container, port))
    for container, port in containers:
        container.wait_port(port, 60)
    return containers


def memory(system: System, _strangers: set[str]) -> list[Row]:
    agent = Agent(system, "fleet")
    with agent.running():
        containers = _start_all(system)
        load = _Load(system, [(container.address, port) for container, port in containers])
        names = sorted({container.image.service for container, _ in containers})
        agent.learn(names, load.once)
        status = agent.status()
        services = [service for service in status["services"] if service["service"] in names]
        replicas = [replica for service in services for replica in service["replicas"]]
        if len(replicas) != len(containers):
            raise RuntimeError(f"{len(replicas)} replicas watched of {len(containers)}")
        patterns = sum(service["windows"] + service["bags"] for service in services)
        private = machine.private_bytes(agent.process.pid)
        maps = machine.map_bytes(agent.process.pid)
        threads = sum(_threads(replica["cgroup"]) for replica in replicas)
    followed = threads * THREAD_BYTES
    return [Row("agent_memory", (private + maps + followed) / MIB, "MiB", 64,
                note=f"{len(replicas)} replicas, {len(services)} services, {patterns:,} patterns"),
            Row("agent_memory_private", private / MIB, "MiB", note="resident, the agent's own"),
            Row("agent_memory_maps", maps / MIB, "MiB", note="kernel memory of its maps"),
            Row("agent_memory_threads", followed / MIB, "MiB", note=f"{threads} threads followed")]


def _threads(cgroup: str) -> int:
    directory = key_hierarchy() / cgroup[1:]
    names = ("cgroup.threads", "tasks")  # v2, v1
    return sum(len((directory / name).read_text().split())
               for name in names if (directory / name).exists())


# ---- alerts ----


class _Watch:
    """Tells when a file was written to (inotify), at the moment that it is."""

    IN_MODIFY = 2

    def __init__(self, path: Path):
        libc = ctypes.CDLL(None, use_errno=True)
        path.touch()
        self._fd = libc.inotify_init1(os.O_CLOEXEC)
        if self._fd < 0 or libc.inotify_add_watch(self._fd, bytes(path), self.IN_MODIFY) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def forget(self) -> None:
        while select.select([self._fd], [], [], 0)[0]:
            os.read(self._fd, 4096)

    def wait(self) -> int:
        """CLOCK_MONOTONIC of the next write, ns."""
        if not select.select([self._fd], [], [], ALERT_WAIT)[0]:
            raise RuntimeError(f"no alert within {ALERT_WAIT} s")
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class _Worker:
    """bench/worker.c in a container; every start is a new replica."""

    def __init__(self, system: System):
        shared = system.directory / "shared"
        shared.mkdir()
        shared.chmod(0o755)
        self.page = Page(shared / "page")
        self._container = system.container("worker", Image(
            "worker", "1", ["/bench/worker", "/shared/page"],
            volumes={"/bench": BUILD / "bench", "/shared": shared}))
        self._orders = 0

    def start(self) -> None:
        self._container.start()

    def stop(self) -> None:
        self._container.stop()

    def order(self, what: int) -> None:
        self._orders += 1
        self.page.set("order", 4 * self._orders + what)

    def work(self) -> None:
        time.sleep(0.03)  # its idling is part of what is learned
        self.order(JOB)
        wait_for(lambda: self.page.get("done") == self.page.get("order"), 10, "the worker's job")


def _recognised(agent: Agent) -> bool:
    service = agent.service("worker")
    return bool(service and service["mode"] == "watching" and len(service["replicas"]) == 1
                and service["replicas"][0]["start_seen"] and service["replicas"][0]["calls"])


def _one_alert(agent: Agent, worker: _Worker, watch: _Watch) -> float:
    """A fresh replica, some work, an intruder: ms from the first foreign call to the alert."""
    worker.start()
    wait_for(lambda: _recognised(agent), 20, "the new replica to be watched")
    worker.work()
    watch.forget()
    size = agent.alerts.stat().st_size
    worker.order(BREAK_IN)
    written = watch.wait()
    with open(agent.alerts, "rb") as file:
        file.seek(size)
        alert = json.loads(file.readline())
    if alert["state"] != "open" or alert["service"] != "worker":
        raise RuntimeError(f"another alert than expected: {alert}")
    latency = (written - worker.page.get("first")) / 1e6
    worker.stop()
    return latency


def alerts(system: System, _strangers: set[str]) -> list[Row]:
    agent, worker = Agent(system, "alerts"), _Worker(system)
    with agent.running():
        watch = _Watch(agent.alerts)
        for _ in range(3):  # starts and ends are part of what is learned
            worker.start()
            worker.work()
            worker.stop()
        worker.start()
        agent.learn(["worker"], worker.work)
        worker.stop()
        latencies = [_one_alert(agent, worker, watch) for _ in range(ALERTS)]
    return [Row("alert_ms_median", statistics.median(latencies), "ms", 5,
                note=f"first foreign call to the alert's line, {ALERTS} times"),
            Row("alert_ms_worst", max(latencies), "ms", 50)]
