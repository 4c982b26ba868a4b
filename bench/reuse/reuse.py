#!/usr/bin/env python3
"""Does a new version learn sooner when it starts from the old one's profile, and does it detect as
well? Records real versions of Node.js and Express under one load, then learns each from nothing and
from its predecessor, and prints the table of docs/results/reuse.md."""

import argparse
import json
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path

import load
import record

SOURCE = Path(__file__).resolve().parent
SKINK = SOURCE.parents[1] / "build" / "skink"


def skink(*words):
    """What it prints, as JSON; detect exits with 1 when it found something."""
    done = subprocess.run([SKINK, *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout or "null")


class Experiment:
    """Profiles and verdicts for the recordings in a directory, under one rule of learning."""

    def __init__(self, traces, work, options):
        self.traces, self.work = traces, work
        self.rule = ["--stop", "--interval", options.interval, "--sigma", options.sigma,
                     "--window", options.window, "--bag", options.window]

    def learn(self, version, reused=None):
        """The profile of a version, from nothing or from another's; and how its learning went."""
        profile = self.work / f"{version}{'.reused' if reused else ''}.profile"
        rule = self.rule[:-4] + ["--reuse", reused] if reused else \
            self.rule + ["--service", "shop"]
        subprocess.run([SKINK, "learn", *map(str, rule), "--service-version", version, "-o",
                        profile, self.traces / f"{version}.training.trace"],
                       check=True, stdout=subprocess.DEVNULL)
        grown = skink("profile", "growth", "--json", profile)
        points, end = grown["points"], grown.get("learned_at")
        return profile, {"steady": points[end]["seconds"] if end else None,
                         "learned": points[-1]["patterns"] - points[0]["patterns"],
                         "aside": skink("profile", "show", "--json", profile)["laid_aside"]}

    def alarms(self, profile, version, *options):
        """Alarms during normal work that no profile has seen."""
        verdict, = skink("detect", "--json", *options, profile,
                         self.traces / f"{version}.normal.trace")
        return verdict["windows"]["crossings"] + verdict["bags"]["crossings"]

    def found(self, profile, version, *options):
        """Attacks whose first alarm came at or after their beginning."""
        began = json.loads((self.traces / f"{version}.attacks.json").read_text())
        hits = 0
        for name in load.ATTACKS:
            verdict, = skink("detect", "--json", *options, profile,
                             self.traces / f"{version}.{name.replace(' ', '-')}.trace")
            first = verdict["first_crossing"]
            hits += bool(first) and datetime.fromisoformat(
                first["time"].replace("Z", "+00:00")).timestamp() >= began[name]
        return hits

    def row(self, old, new):
        """One line of the table: from the old version to the new one."""
        before, _ = self.learn(old)
        scratch, alone = self.learn(new)
        reused, together = self.learn(new, before)
        alike = skink("profile", "diff", "--json", before, scratch)
        return {
            "from": old, "to": new, "similarity": alike["windows"]["similarity"],
            "scratch": alone, "reused": together,
            "alarms": {"old": self.alarms(before, new), "scratch": self.alarms(scratch, new),
                       "reused": self.alarms(reused, new),
                       "recalled": self.alarms(reused, new, "--recall")},
            "found": {"old": self.found(before, new), "scratch": self.found(scratch, new),
                      "reused": self.found(reused, new),
                      "recalled": self.found(reused, new, "--recall")}}


def print_table(rows):
    """The rows as Markdown."""
    def seconds(value):
        return f"{value:.0f} s" if value else "not yet"

    print("| from → to | similarity | steady: anew → reused | learned: anew → reused | laid aside |"
          " alarms: old / anew / reused (new only) | attacks found: the same |\n"
          "|---|---|---|---|---|---|---|")
    for row in rows:
        scratch, reused = row["scratch"], row["reused"]
        alarms, found = row["alarms"], row["found"]
        print(f"| {row['from']} → {row['to']} | {row['similarity']:.2f} | "
              f"{seconds(scratch['steady'])} → {seconds(reused['steady'])} | "
              f"{scratch['learned']} → {reused['learned']} | {reused['aside']} | "
              f"{alarms['old']} / {alarms['scratch']} / {alarms['reused']} ({alarms['recalled']}) | "
              f"{found['old']} / {found['scratch']} / {found['reused']} ({found['recalled']}) "
              f"of {len(load.ATTACKS)} |")


def main():
    """Records, unless there are recordings, and compares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=Path, help="where the recordings are, or will be")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/skink-reuse",
                        help="where npm's packages are kept")
    parser.add_argument("--seconds", type=float, default=200, help="length of a training")
    parser.add_argument("--interval", default="10s")
    parser.add_argument("--sigma", default="2", help="patterns a second")
    parser.add_argument("--window", default="3", help="calls in a window, and in a bag")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="skink-reuse-") as work:
        traces = options.traces or Path(work)
        traces.mkdir(parents=True, exist_ok=True)
        if not list(traces.glob("*.attacks.json")):
            record.fetch(options.cache)
            record.record(SKINK, SOURCE, options.cache, traces, options.seconds)
        experiment = Experiment(traces, Path(work), options)
        versions = list(record.VERSIONS)
        rows = [experiment.row(old, new) for old, new in zip(versions, versions[1:])]
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        print_table(rows)


if __name__ == "__main__":
    main()
