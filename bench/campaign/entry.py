"""How well each ranker finds the entry of the attacks of a campaign, from the alerts that they
raised; also when some of those alerts are missing, and when false ones come in between."""

import json
import random
import subprocess
from pathlib import Path

import intervals
from cases import GRACE, Alert, Attack, DataSet, when

DRAWS = 20  # of what is removed or added, each attack
REMOVED = 0.3
ADDED = 2
WINDOW = 600  # seconds before the attack in which a call from outside still matters
US = 1_000_000
OUTSIDE = "(outside)"


def _removed(attack: Attack, _names: list[str], draw: random.Random) -> list[Alert]:
    return [alert for alert in attack.alerts if draw.random() >= REMOVED]


def _added(attack: Attack, names: list[str], draw: random.Random) -> list[Alert]:
    """False alarms just pass their threshold: 0.5 is the least that a whole profile's alert has."""
    span = (attack.begin, attack.end + GRACE)
    return attack.alerts + [Alert(draw.choice(names), "", 0, draw.uniform(*span),
                                  draw.uniform(0.5, 0.75), "") for _ in range(ADDED)]


VARIANTS = {
    "as_seen": (1, lambda attack, _names, _draw: attack.alerts),
    "removed": (DRAWS, _removed),
    "added": (DRAWS, _added),
}


def names_of(data: DataSet) -> list[str]:
    ends = {flow[end] for flow in data.flows for end in ("from", "to")}
    return sorted((ends | {alert.service for alert in data.alerts}) - {OUTSIDE})


def case(data: DataSet, attack: Attack, alerts: list[Alert]) -> dict:
    """What rank.c reads: the flows as they were by then."""
    names, until = names_of(data), attack.end + GRACE
    flows = [flow for flow in data.flows if when(flow["first_seen"]) <= until]
    outside = {flow["to"] for flow in flows if flow["from"] == OUTSIDE and flow["count"]
               and when(flow["last_seen"]) > attack.begin - WINDOW}
    carried = {(alert.on_behalf_of, alert.service) for alert in alerts}
    services = []
    for name in names:
        own = [alert for alert in alerts if alert.service == name]
        services.append({"name": name, "outside": name in outside, "alarmed": bool(own),
                         "alarms": len(own), "score": max((a.score for a in own), default=0),
                         "time": int(min((a.first for a in own), default=0) * US)})
    return {"entry": attack.entry, "services": services, "flows": [
        {"from": names.index(flow["from"]), "to": names.index(flow["to"]),
         "first": int(when(flow["first_seen"]) * US),
         "last": int(min(when(flow["last_seen"]), until) * US), "new": flow["new"],
         "carried": (flow["from"], flow["to"]) in carried, "port": flow["port"]}
        for flow in flows if OUTSIDE not in (flow["from"], flow["to"])]}


def _ask(program: Path, cases: list[dict]) -> list[dict[str, float]]:
    said = subprocess.run([program], input="".join(json.dumps(one) + "\n" for one in cases),
                          capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in said.splitlines()]


def _figure(values: list[float], seed: int) -> dict:
    return {"value": sum(values) / len(values), "interval": intervals.mean(values, seed)}


def places(program: Path, data: DataSet, variant: str, seed: int) -> dict[str, dict]:
    """By attack: by ranker the places of the true entry, one a draw. Draws that leave no alert are
    left out: there is nothing to rank."""
    draws, change = VARIANTS[variant]
    draw, names, asked, cases = random.Random(seed), names_of(data), [], []
    for attack in data.attacks:
        for _ in range(draws):
            alerts = change(attack, names, draw)
            if attack.alerts and alerts and attack.entry in names:
                asked.append(attack.name)
                cases.append(case(data, attack, alerts))
    found: dict[str, dict] = {}
    for name, answer in zip(asked, _ask(program, cases), strict=True):
        for ranker, place in answer.items():
            found.setdefault(name, {}).setdefault(ranker, []).append(place)
    return found


def with_undetected(found: dict[str, dict], data: DataSet) -> dict[str, dict]:
    """The places, and for attacks that raised no alert the last one, with every ranker."""
    rankers = next(iter(found.values()), {})
    last = {ranker: [float(len(names_of(data)))] for ranker in rankers}
    return {attack.name: found.get(attack.name, last) for attack in data.attacks}


def figures(found: dict[str, dict], names: set[str], seed: int) -> dict[str, dict]:
    """By ranker: how often the entry is first, among the first three, and its mean place, over the
    attacks of these names."""
    rankers: dict[str, dict] = {}
    chosen = [places for name, places in found.items() if name in names]
    for ranker in chosen[0] if chosen else ():
        by_attack = [one[ranker] for one in chosen]
        rankers[ranker] = {
            "attacks": len(by_attack),
            "entry_ac1": _figure([_share(p, 1) for p in by_attack], seed),
            "entry_ac3": _figure([_share(p, 3) for p in by_attack], seed),
            "entry_mean_rank": _figure([sum(p) / len(p) for p in by_attack], seed)}
    return rankers


def _share(values: list[float], most: int) -> float:
    return sum(place <= most for place in values) / len(values)
