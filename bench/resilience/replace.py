"""From an alert to a clean replica that answers, behind a balancer under load."""

import statistics
import time
from dataclasses import dataclass

import network
from engines import dockerd
from haproxy import starter
from intruder import LOOK, attack
from result import Row
from watched import ROOT, System, Watched, wait_measure, wait_plan
from wrk import Load

BREACHES = 10
VARIANTS = 5  # breaches that bring up another version
POLL = 0.005  # seconds


def answering(balancer, known: set) -> tuple[str, float]:
    """The server that is none of the known ones, and when its first answer was seen."""
    while True:
        for name, server in balancer.servers().items():
            if name not in known and server["hrsp_2xx"] not in ("", "0"):
                return name, time.monotonic()
        time.sleep(POLL)


def replaced(watched: Watched, daemon, balancer, victim) -> float:
    """Breaks in; milliseconds from the alert to the first answer of the new replica."""
    known = set(balancer.servers())
    attack(watched.web, victim)
    _, answered = answering(balancer, known)
    wait_measure(daemon, victim, "replace")
    return answered * 1e3 - wait_plan(daemon, victim)["alerted_ns"] / 1e6


def runc(system: System) -> list[Row]:
    watched = Watched(system)
    serving, fresh = watched.replicas(2), watched.containers(BREACHES)
    took = []
    balancer = watched.balancer(serving)
    with balancer, watched.responding(serving, expiry="10s", balancer=str(balancer.socket),
                                      backend="shop", **watched.replace(fresh)) as daemon:
        with Load(watched.web, pause_ms=10):
            for each in fresh:
                took.append(replaced(watched, daemon, balancer, serving.pop(0)))
                serving.append(each)
                watched.wait_watched(daemon, serving)
    return [_row("replace_runc", took, 500)]


def variant(system: System) -> list[Row]:
    """What replaces a replica is a patched version; the same attack is tried on that."""
    watched = Watched(system)
    serving = watched.replicas(VARIANTS + 1)
    patched = [watched.web.container(watched.next_path("patched").name, "2", PATCHED="1")
               for _ in range(VARIANTS)]
    variants = {"2": starter(watched.next_path("variant"), *patched)}
    balancer, failed = watched.balancer(serving), 0
    with balancer, watched.responding(serving, balancer=str(balancer.socket), backend="shop",
                                      variants=variants) as daemon:
        with Load(watched.web, pause_ms=10):
            for victim, new in zip(serving, patched):
                replaced(watched, daemon, balancer, victim)
                failed += watched.web.run(new, LOOK) == "hello\n"
    return [Row("repeated_failed", failed, "attacks", VARIANTS, at_least=True,
                note=f"of {VARIANTS}, each on the patched variant that replaced what it had opened")]


def _row(name: str, took: list[float], reach: float) -> Row:
    return Row(name, statistics.median(took), "ms", reach,
               note=f"median of {len(took)}, {min(took):.0f} to {max(took):.0f}")


@dataclass
class Container:
    """One of Docker's."""

    name: str
    id: str
    address: str


class InDocker(Watched):
    """The service in containers of a Docker that lives in a network namespace of its own."""

    def _prepare(self) -> None:
        def program(name: str, _package: str) -> str:
            return name

        self._docker = dockerd(self.system.directory / "docker", program, bridge=None)
        with network.inside(self.web.client):
            self._docker.__enter__()

    def close(self) -> None:
        self._docker.close()

    @property
    def engines(self) -> dict:
        return {"docker": str(self._docker.socket)}

    def replicas(self, count: int) -> list:
        return [self._start(self.next_path("web").name) for _ in range(count)]

    def _start(self, name: str) -> Container:
        code = ROOT / "tests" / "e2e" / "server"
        made = self._docker("run", "-d", "--name", name, "-v", "/usr:/usr:ro", "-v", f"{code}:/app:ro",
                            "--label", "com.docker.compose.service=web", "skel:1",
                            "/usr/bin/python3", "-S", "-B", "/app/app.py").strip()
        return self.find(name, made)

    def find(self, name: str, made: str = "") -> Container:
        """A container, by its name."""
        ask = "{{.Id}} {{.NetworkSettings.IPAddress}}"
        number, address = self._docker("inspect", "-f", ask, made or name).split()
        return Container(name, number, address)

    def end(self, containers: list) -> None:
        for each in containers:
            self._docker.remove(each.name)


def docker(system: System) -> list[Row]:
    watched = InDocker(system)
    try:
        return [_row("replace_docker", _in_docker(watched), 1500)]
    finally:
        watched.close()


def _in_docker(watched: InDocker) -> list[float]:
    serving, took = watched.replicas(2), []
    balancer = watched.balancer(serving)
    with balancer, watched.responding(serving, expiry="1h", balancer=str(balancer.socket),
                                      backend="shop") as daemon:
        with Load(watched.web, pause_ms=10):
            for _ in range(BREACHES // 2):
                known = set(balancer.servers())
                took.append(replaced(watched, daemon, balancer, serving.pop(0)))
                (new,) = set(balancer.servers()) - known
                serving.append(watched.find(new))
                watched.wait_watched(daemon, serving)
    return took
