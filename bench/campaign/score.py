#!/usr/bin/env python3
"""Scores campaigns that were played: what was found, what was not, how many false alarms, and where
the rankers put the entry. `./do campaign` plays and scores; this scores what lies there:

    bench/campaign/score.py [DIRECTORY] [--out FILE] [--save]
"""

import argparse
import json
from pathlib import Path

import entry
import intervals
from cases import DataSet, read

ROOT = Path(__file__).resolve().parents[2]
SAVED = ROOT / "docs/results/campaign.json"
SEED = 1
DAY = 86400


def share(part: int, of: int) -> dict:
    return {"value": part / of if of else None, "count": part, "of": of,
            "interval": intervals.share(part, of) if of else None}


def rate(count: int, days: float) -> dict:
    return {"value": count / days if days else None, "count": count, "service_days": days,
            "interval": intervals.rate(count, days) if days else None}


def false_alarms(benign: list[DataSet]) -> dict:
    """Each alert of a benign stretch is a false one. The rate is that over the time in which
    services were judged, though those still learned count with their alerts; and that over all."""
    false = [alert for data in benign for alert in data.opened(*data.stretch())]
    exposures = [data.exposure() for data in benign]
    days = {kind: sum(one[kind] for one in exposures) / DAY for kind in ("judged", "watched")}
    learning = {name: sum(one["learning"].get(name, 0) for one in exposures) / 3600
                for name in sorted({name for one in exposures for name in one["learning"]})}
    hours = sum(end - begin for begin, end in (data.stretch() for data in benign)) / 3600
    return {
        "false_alarms_per_service_day": rate(len(false), days["judged"]) | {
            "hours": hours, "services": max((data.services for data in benign), default=0),
            "hours_learning": learning,
            "alerts": [{"service": a.service, "detector": a.detector, "message": a.message}
                       for a in false]},
        "false_alarms_per_watched_service_day": rate(len(false), days["watched"])}


def rows(data: DataSet, found: dict) -> list[dict]:
    """One an attack."""
    table = []
    for attack in sorted(data.attacks, key=lambda attack: attack.name):
        first = attack.found[0] if attack.found else None
        table.append({
            "attack": attack.name, "entry": attack.entry, "path": attack.path,
            "aside": attack.aside, "found": bool(first),
            "service": first and first.service, "detector": first and first.detector,
            "opened": first and first.opened,
            "seconds_to_alert": first and round(first.time - attack.begin, 4),
            "foreign_to_alert_ms": first and round((first.time - first.first) * 1000, 3),
            "elsewhere": sorted({a.service for a in attack.alerts} - set(attack.taken)),
            "entry_place": {ranker: places[0] for ranker, places in
                            found.get(attack.name, {}).items()},
            "message": first and first.message})
    return table


def score(attacks: DataSet, benign: list[DataSet], program: Path) -> dict:
    found = {variant: entry.places(program, attacks, variant, SEED) for variant in entry.VARIANTS}
    several = {a.name for a in attacks.attacks if a.several}
    aside = {a.name for a in attacks.attacks if a.aside}
    rankers = {variant: entry.figures(places, several, SEED) for variant, places in found.items()}
    ours = next(iter(rankers["as_seen"]), None)
    best = rankers["as_seen"].get(ours, {})
    caught = {a.name for a in attacks.attacks if a.found}
    return {
        "attacks": len(attacks.attacks),
        "failed_attacks": attacks.failed,
        "found": share(len(caught), len(attacks.attacks)),
        "found_aside": share(len(caught & aside), len(aside)),
        "found_others": share(len(caught - aside), len(attacks.attacks) - len(aside)),
        **false_alarms(benign),
        "ranker": ours,
        "entry_ac1": best.get("entry_ac1"), "entry_ac3": best.get("entry_ac3"),
        "entry_mean_rank": best.get("entry_mean_rank"),
        "rankers": rankers,
        "entry_all": entry.figures(entry.with_undetected(found["as_seen"], attacks), several, SEED),
        "entry_spread": entry.figures(found["as_seen"],
                                      {a.name for a in attacks.attacks if a.spread}, SEED),
        "rankers_aside": entry.figures(found["as_seen"], several & aside, SEED),
        "rows": rows(attacks, found["as_seen"])}


def part(name: str, data: DataSet) -> dict:
    """When and from which commit it was played, and on what load: of the shoppers, and of the
    machine (the one-minute average, sampled)."""
    machine = sorted(sample["load"] for _, sample in data.samples)
    load = data.about.get("load") or {}
    return {"part": name, **{key: data.about.get(key) for key in ("begin", "end", "commit")},
            **{key: load.get(key) for key in ("shoppers", "requests", "failures")},
            "machine_load": {"median": machine[len(machine) // 2], "most": machine[-1]}
                            if machine else None}


def circumstances(parts: dict[str, DataSet]) -> dict:
    """Of the playing, whenever it is scored."""
    attacks = parts["attacks"]
    return {"date": attacks.about.get("begin"), "commit": attacks.about.get("commit"),
            "kernel": attacks.about.get("kernel"), "not_learned": attacks.learning,
            "parts": [part(name, data) for name, data in parts.items()]}


def _interval(figure: dict | None) -> str:
    if not figure or figure["value"] is None:
        return "not measured"
    low, high = figure["interval"]
    return f"{figure['value']:.3f} ({low:.3f} to {high:.3f})"


def show(result: dict) -> None:
    for row in result["rows"]:
        said = (f"{row['seconds_to_alert']:9.3f} s  {row['service']} by {row['detector']}"
                if row["found"] else "   MISSED")
        place = row["entry_place"].get(result["ranker"])
        print(f"{'*' if row['aside'] else ' '} {row['attack']:26} {row['entry']:9} "
              f"{'' if place is None else f'{place:4.1f}':>5} {said}")
    print("(* kept aside while thresholds were tuned; the number is the place of the true entry)\n")
    for name in ("found", "found_aside", "found_others", "false_alarms_per_service_day",
                 "false_alarms_per_watched_service_day", "entry_ac1", "entry_ac3", "entry_mean_rank"):
        print(f"{name:37} {_interval(result[name])}")
    tables = result["rankers"] | {name: result[name] for name in ("entry_all", "entry_spread")}
    for variant, rankers in tables.items():
        print(f"\n{variant:12} {'first':>24} {'first three':>24} {'mean place':>24}")
        for ranker, figures in rankers.items():
            print(f"  {ranker:10}", *(f"{_interval(figures[name]):>24}" for name in
                                      ("entry_ac1", "entry_ac3", "entry_mean_rank")))


def write(directory: Path, out: Path, save: bool = False) -> list[Path]:
    """Scores the attacks and all benign runs in the directory; tells it, and writes it: where to."""
    folders = [directory / "learn", *sorted(directory.glob("benign-*")), directory / "attacks"]
    parts = {each.name: read(each) for each in folders if each.exists()}
    benign = [data for name, data in parts.items() if name.startswith("benign-")]
    result = circumstances(parts) | score(parts["attacks"], benign, ROOT / "build/bench/rank")
    show(result)
    files = [out, SAVED] if save else [out]
    for file in files:
        file.write_text(json.dumps(result, indent=1) + "\n")
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, nargs="?", default=ROOT / "build/campaign",
                        help="where the data sets lie")
    parser.add_argument("--out", type=Path, default=ROOT / "build/campaign.json",
                        help="where the figures go, as JSON")
    parser.add_argument("--save", action="store_true", help=f"write them into {SAVED}, too")
    options = parser.parse_args()
    write(options.directory, options.out, options.save)


if __name__ == "__main__":
    main()
