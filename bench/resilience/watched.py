"""What every part stands on: the service web in real containers, learned behind a balancer under
load, daemons that know it, and what they say of their measures."""

import json
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("bench", "demo", "tests/e2e")]

from agent import Skink  # noqa: E402
from containers import System  # noqa: E402
from haproxy import Balancer, starter  # noqa: E402
from intruder import LOOK, attack  # noqa: E402
from web import Web, copy_tools  # noqa: E402
from wrk import Load  # noqa: E402

BUILD = ROOT / "build"
PATIENCE = 60  # seconds, for what takes a moment
MANY = 1000  # measures in an hour: the attacks here come faster than any budget allows


def wait_for(condition, what: str, seconds: float = PATIENCE):
    """The first true value of condition()."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.02)
    return value


class Watched:
    """The service in runc's containers, and the profile that the daemons begin with."""

    def __init__(self, system: System):
        self.system = system
        self.web = Web(system, copy_tools(BUILD / "tests", system.directory / "tools"))
        self.measures: set[str] = set()
        self._learned = system.directory / "learned"
        self._made = 0
        self._prepare()
        self._learn()

    def _prepare(self) -> None:
        """What the engine needs."""

    @property
    def engines(self) -> dict:
        """The daemon's settings."""
        return {"oci": [str(self.system.oci_root)]}

    def next_path(self, what: str) -> Path:
        self._made += 1
        return self.system.directory / f"{what}-{self._made}"

    def replicas(self, count: int) -> list:
        """Started ones, with names of their own."""
        found = self.containers(count)
        for each in found:
            each.start()
        for each in found:
            each.wait_port(8000)
        return found

    def containers(self, count: int) -> list:
        """Ones that are yet to be started."""
        return [self.web.container(self.next_path("web").name) for _ in range(count)]

    def end(self, containers: list) -> None:
        """Removes them, whatever they do."""
        for each in containers:
            subprocess.run(["runc", "--root", str(self.system.oci_root), "delete", "--force", each.id],
                           start_new_session=True, stderr=subprocess.DEVNULL, check=False)

    def balancer(self, replicas: list) -> Balancer:
        haproxy = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
        return Balancer(haproxy, self.web, self.next_path("haproxy"), replicas)

    @contextmanager
    def load(self, replicas: list):
        """What the service learns from."""
        with self.balancer(replicas), Load(self.web, pause_ms=10):
            yield

    def replace(self, containers: list) -> dict:
        """The setting that has the next of them started."""
        return {"replace": starter(self.next_path("replace"), *containers)}

    def _learn(self) -> None:
        daemon = self.daemon()
        with daemon:
            first = self.replicas(1)  # its start is to be seen
            with self.load(first):
                daemon.wait_for("web", self._is_learned, PATIENCE)
            plan = json.loads(ask(daemon, "plan", "--dry-run", "web", "--json").splitlines()[0])
            self.measures = {one["measure"] for stage in plan["options"].values() for one in stage}
        shutil.copytree(daemon.state, self._learned)  # saved at its end
        self.end(first)

    @staticmethod
    def _is_learned(web: dict) -> bool:
        """Calls and files: one kind of detectors alone decides nothing that cannot be undone."""
        return web["mode"] == web["accesses"]["mode"] == "watching"

    def daemon(self, **respond) -> Skink:
        """To be used as a context manager."""
        web = {"harm": {"criticality": 1, "confidentiality_impact": "high"},
               "respond": {"budget": MANY, **respond}}
        daemon = Skink(str(BUILD / "skink"), self.next_path("agent"), self.engines, budget=MANY,
                       services={"web": web})
        daemon.tells = False
        if self._learned.exists():
            shutil.copytree(self._learned, daemon.state)
        return daemon

    def only(self, *names: str) -> dict:
        """The setting that leaves nothing but these measures to choose from."""
        return {"except": ",".join(sorted(self.measures - set(names)))}

    @contextmanager
    def responding(self, replicas: list, **respond):
        """A daemon that answers for these."""
        with self.daemon(**{"policy": "act", **respond}) as daemon:
            self.wait_watched(daemon, replicas)
            yield daemon

    @staticmethod
    def wait_watched(daemon: Skink, replicas: list) -> None:
        """Until every one of them is watched with the profile."""
        wanted = {each.id for each in replicas}

        def watched():
            service = daemon.service("web")
            return service and service["mode"] == "watching" and \
                wanted <= {each["id"] for each in service["replicas"]}

        wait_for(watched, "the replicas to be watched")

    def attack(self, daemon: Skink, replica, measure: str, command: str = LOOK) -> dict:
        """Breaks in, and waits for the measure: see wait_measure."""
        attack(self.web, replica, command)
        return wait_measure(daemon, replica, measure)


def ask(daemon: Skink, *words: str) -> str:
    return subprocess.run([daemon.program, *words, "--socket", str(daemon.socket)], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def said(daemon: Skink) -> list[dict]:
    """The plans and measures so far."""
    file = daemon.state / "measures.jsonl"
    lines = file.read_text().splitlines(True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def wait_plan(daemon: Skink, replica) -> dict:
    """The first one for a replica. alerted_ns is the moment of the alert, by time.monotonic_ns."""
    return wait_for(lambda: [line for line in said(daemon) if line["type"] == "plan"
                             and line["replica"] == replica.id], f"a plan for {replica.id}")[0]


def wait_measure(daemon: Skink, replica, measure: str) -> dict:
    """What the daemon says of the measure; in_force_ns is the moment from which it was in force."""
    found = wait_for(lambda: [line for line in said(daemon) if line["type"] == "measure" and
                              line["measure"] == measure and line["replica"] == replica.id],
                     f"{measure} of {replica.id}")[0]
    if found["state"] == "failed":
        raise RuntimeError(f"{measure} of {replica.id} failed: {found['why']}")
    return found


def contained(daemon: Skink, replica) -> float:
    """When the first measure on the replica was in force (time.monotonic)."""
    return min(line["in_force_ns"] for line in said(daemon)
               if "in_force_ns" in line and line["replica"] == replica.id) / 1e9
