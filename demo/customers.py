"""The customers of a run: load.py as a process of its own, and what they met at which time."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from containers import System

LOAD = Path(__file__).resolve().parent / "load.py"


@dataclass
class Phase:
    """A stretch of the run, and what the customers met in it."""

    name: str
    begin: float
    end: float
    requests: int
    failures: int
    slowest_ms: float
    wrong: dict[str, int] = field(default_factory=dict)  # how often each kind of failure

    @property
    def rate(self) -> float:
        return self.requests / max(1e-3, self.end - self.begin)


class Customers:
    """`counts` is the latest line that load.py wrote, `told` all of them."""

    def __init__(self, system: System, address: tuple[str, int]):
        host, port = address
        self.process = system.spawn([sys.executable, str(LOAD), f"{host}:{port}"],
                                    system.host("customers"), stdout=subprocess.PIPE, text=True)
        self.told: list[dict] = []
        self.counts = {"time": time.time(), "requests": 0, "failures": 0, "mean_ms": 0.0,
                       "slowest_ms": 0.0, "replicas": {}, "wrong": {}}
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        for line in self.process.stdout:
            self.counts = json.loads(line)
            self.told.append(self.counts)

    def phase(self, name: str, begin: float, end: float) -> Phase:
        """From the first line after the beginning to the first one after the end."""
        lines = [line for line in self.told if line["time"] >= begin] or [self.counts]
        last = next((at for at, line in enumerate(lines) if line["time"] >= end), len(lines) - 1)
        met = lines[1:last + 1] or lines[:1]
        return Phase(name, lines[0]["time"], lines[last]["time"],
                     lines[last]["requests"] - lines[0]["requests"],
                     lines[last]["failures"] - lines[0]["failures"],
                     max(line["slowest_ms"] for line in met),
                     {what: number - lines[0]["wrong"].get(what, 0)
                      for what, number in lines[last]["wrong"].items()
                      if number > lines[0]["wrong"].get(what, 0)})

    def served_by(self, replica: str, since: float) -> float | None:
        """When it answered its first customer after that."""
        times = (line["replicas"].get(replica, 0) for line in self.told)
        return next((time for time in times if time > since), None)

    def is_over(self) -> bool:
        return self.process.poll() is not None

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
