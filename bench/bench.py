#!/usr/bin/env python3
"""`./do bench`: measures what Skink costs and how fast it is, and says which promises were held.

    ./do bench                    everything, about six minutes; build/bench.json
    ./do bench getpid redis       some parts
    ./do bench --save             also docs/results/bench.json, with date, commit and kernel

docs/performance.md explains what is measured and how.
"""

import argparse
import os
import sys
import time

import machine
import result
from rig import BUILD, ROOT, System

import cost
import fleet
import flow
import traces

PARTS = {
    "getpid": cost.getpid,
    "redis": cost.redis,
    "lost": flow.lost_calls,
    "cpu": flow.agent_cpu,
    "memory": fleet.memory,
    "alerts": fleet.alerts,
    "detect": traces.detect,
    "detectors": traces.detectors,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./do bench", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART",
                        help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--save", action="store_true", help="write docs/results/bench.json, too")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: no such part (there are: {', '.join(PARTS)})")
    if arguments.save and arguments.parts:
        parser.error("--save wants every part")
    return arguments


def _say_strangers(strangers: set[str]) -> None:
    for what in sorted(strangers):
        print(f"\n!!! ANOTHER TRACER IS ATTACHED: {what}\n"
              "!!! The figures below are spoiled by it: end it and measure again.", flush=True)


def _measure(names: list[str], strangers: set[str]) -> list[result.Row]:
    rows = []
    for name in names:
        begin = time.monotonic()
        print(f"\n{name}", flush=True)
        with System() as system:
            new = PARTS[name](system, strangers)
        for row in new:
            print(row.line())
        print(f"  ({time.monotonic() - begin:.0f} s)", flush=True)
        rows += new
    return rows


def main() -> int:
    arguments = _arguments()
    if os.geteuid() != 0:
        print("bench: needs root, for containers and BPF (sudo)", file=sys.stderr)
        return 3
    strangers = set(machine.tracers_that_stay())
    _say_strangers(strangers)
    try:
        rows = _measure(arguments.parts or list(PARTS), strangers)
    except KeyboardInterrupt:
        print("\nbench: interrupted; everything was taken away")
        return 130
    print("\nall")
    _say_strangers(strangers)
    for row in rows:
        print(row.line())
    rows.append(result.Row("other_tracers", len(strangers), "programs"))
    result.write(BUILD / "bench.json", rows)
    if arguments.save:
        result.save(ROOT / "docs" / "results" / "bench.json", rows, sorted(strangers))
    return result.verdict(rows)


if __name__ == "__main__":
    sys.exit(main())
