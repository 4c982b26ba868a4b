"""The rows of the table: how they are judged, shown and written."""

import json
import math
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Row:
    """One figure. reach: what it must reach (None: it is there for comparison)."""

    name: str
    value: float
    unit: str
    reach: float | None = None
    at_least: bool = False  # reach is a lower bound
    note: str = ""

    @property
    def held(self) -> bool | None:
        if self.reach is None:
            return None
        return self.value >= self.reach if self.at_least else self.value <= self.reach

    def json(self) -> dict:
        value = round(self.value, 4) if math.isfinite(self.value) else None
        return {"name": self.name, "value": value, "unit": self.unit, "reach": self.reach,
                "held": self.held}

    def line(self) -> str:
        mark = {True: "held  ", False: "MISSED", None: ""}[self.held]
        sign = "≥" if self.at_least else "≤"
        bound = "" if self.reach is None else f"{sign} {_number(self.reach)}"
        return (f"  {self.name:26}{_number(self.value):>12} {self.unit:11}{bound:>12}  {mark:6}  "
                f"{self.note}").rstrip()


def _number(value: float) -> str:
    if math.isinf(value):
        return "never"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def write(path: Path, rows: list[Row]) -> None:
    write_json(path, [row.json() for row in rows])


def write_json(path: Path, document) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def facts(tree: Path) -> dict:
    """What one must know to compare a run."""
    def git(*words: str) -> str:
        return subprocess.run(["git", "-c", "safe.directory=*", *words], cwd=tree,
                              capture_output=True, text=True, check=True).stdout.strip()
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpus = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain") else ""),
        "kernel": platform.release(),
        "machine": f"{len(cpus)} x {cpus[0] if cpus else platform.machine()}",
    }


def save(path: Path, rows: list[Row], strangers: list[str]) -> None:
    """The run on what is committed."""
    write_json(path, {**facts(path.parents[2]), "other_tracers": strangers,
                      "results": [row.json() for row in rows]})


def verdict(rows: list[Row]) -> int:
    """Says how many figures were held; an exit code."""
    missed = [row.name for row in rows if row.held is False]
    print(f"\n{len([row for row in rows if row.held])} figures held, {len(missed)} missed"
          + f": {', '.join(missed)}" * bool(missed))
    return 1 if missed else 0
