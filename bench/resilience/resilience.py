#!/usr/bin/env python3
"""`./do resilience`: measures how well a service withstands an intruder, on real containers.

    ./do resilience                    everything but `availability`, about six minutes
    ./do resilience contain runc       some parts
    ./do resilience availability --attacks 5 --period 20
    ./do resilience --save [PART...]   also into docs/results/resilience.json

build/resilience.json has the figures of the last run; docs/results/resilience.json those of the last
saved run of each part. docs/resilience.md explains the parts.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from watched import BUILD, ROOT, System

import availability
import contain
import migrate
import replace
import result
import shoppers
import tampering

PARTS = {
    "contain": contain.contain,
    "runc": replace.runc,
    "docker": replace.docker,
    "variant": replace.variant,
    "migrate": migrate.migrate,
    "breaches": shoppers.breaches,
    "remap": shoppers.remap,
    "tamper": tampering.tampering,
    "availability": None,
}
LONG = {"availability"}
SAVED = ROOT / "docs" / "results" / "resilience.json"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./do resilience", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART",
                        help=f"of {', '.join(PARTS)}; default: all but {', '.join(LONG)}")
    parser.add_argument("--attacks", type=int, default=30, metavar="N",
                        help="attacks of the part availability (30), on each side")
    parser.add_argument("--period", type=float, default=60, metavar="SECONDS",
                        help="from one of them to the next (60)")
    parser.add_argument("--save", action="store_true",
                        help="write into docs/results/resilience.json, too")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: no such part (there are: {', '.join(PARTS)})")
    return arguments


def _measure(names: list[str], arguments: argparse.Namespace) -> tuple[list[result.Row], list]:
    """The figures as rows, and as they are written."""
    rows, written = [], []
    for name in names:
        begin, load = time.monotonic(), round(os.getloadavg()[0], 1)
        print(f"\n{name}, load {load}", flush=True)
        with System() as system:
            if name == "availability":
                new = availability.availability(system, arguments.attacks, arguments.period)
            else:
                new = PARTS[name](system)
        for row in new:
            print(row.line())
        print(f"  ({time.monotonic() - begin:.0f} s)", flush=True)
        rows += new
        made = result.facts(ROOT)
        written += [{**row.json(), "note": row.note, "part": name, "date": made["date"],
                     "commit": made["commit"], "load": load} for row in new]
    return rows, written


def _kept(path: Path, names: list[str]) -> list[dict]:
    """The figures of the other parts that were saved before."""
    figures = json.loads(path.read_text())["figures"] if path.exists() else []
    return [figure for figure in figures if figure["part"] not in names]


def main() -> int:
    arguments = _arguments()
    if os.geteuid() != 0:
        print("resilience: needs root, for containers and BPF (sudo)", file=sys.stderr)
        return 3
    names = arguments.parts or [name for name in PARTS if name not in LONG]
    try:
        rows, figures = _measure(names, arguments)
    except KeyboardInterrupt:
        print("\nresilience: interrupted; everything was taken away")
        return 130
    print("\nall")
    for row in rows:
        print(row.line())
    facts = result.facts(ROOT)
    result.write_json(BUILD / "resilience.json", {**facts, "figures": figures})
    if arguments.save:
        figures = sorted(_kept(SAVED, names) + figures, key=lambda one: list(PARTS).index(one["part"]))
        result.write_json(SAVED, {**facts, "figures": figures})
    return result.verdict(rows)


if __name__ == "__main__":
    sys.exit(main())
