"""A data set of `skink inject` (docs/campaigns.md) as the scores need it."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import exposure

GRACE = 10  # seconds after an attack's end in which an alert still counts as caused by it


def when(text: str) -> float:
    """Unix time."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@dataclass
class Alert:
    """As it was first told, or told again for a new fact, with the score and the caller that
    incidents gave it in the end."""

    service: str
    detector: str
    time: float  # told
    first: float  # the first thing foreign
    score: float
    message: str
    opened: bool = True  # else it was open already, and grew
    on_behalf_of: str | None = None  # on whose connection it was done, as far as that was found


@dataclass
class Attack:
    name: str
    entry: str
    path: list[str]
    begin: float
    end: float
    aside: bool
    alerts: list[Alert] = field(default_factory=list)  # of its time, of any service

    @property
    def taken(self) -> list[str]:
        """The services that did the intruder's will: the entry, and where he went from there."""
        return self.path[self.path.index(self.entry):]

    @property
    def several(self) -> bool:
        """Are services besides the entry and the edge on the way?"""
        return len(self.path) > 2

    @property
    def spread(self) -> bool:
        """Was the intruder's will done in several services, or did another one than the entry
        alarm? Else the one service that alarmed is the entry."""
        return len(self.taken) > 1 or any(a.service != self.entry for a in self.alerts)

    @property
    def found(self) -> list[Alert]:
        """What was said of the services that were taken, in order."""
        return sorted((a for a in self.alerts if a.service in self.taken), key=lambda a: a.time)


@dataclass
class DataSet:
    about: dict  # campaign.json
    steps: list[dict]
    alerts: list[Alert]
    flows: list[dict]
    attacks: list[Attack]
    failed: list[str]  # attacks that did not succeed
    services: int = 0  # that were watched
    learning: list[str] = field(default_factory=list)  # of these, still learned in the end
    samples: list[tuple[float, dict]] = field(default_factory=list)  # exposure.look, Unix times

    def stretch(self) -> tuple[float, float]:
        """From the beginning of the first step after learning to the end of the last one."""
        steps = [s for s in self.steps if s["name"] not in ("training", "waiting", "validation")]
        return (when(steps[0]["from"]), when(steps[-1]["until"])) if steps else (0, 0)

    def exposure(self) -> dict:
        """Service-seconds of the stretch (exposure.seconds). Without samples, the end stands for
        all of it."""
        samples = self.samples or [(0, {"watched": self.services, "learning": self.learning})]
        return exposure.seconds(samples, *self.stretch())

    def between(self, begin: float, end: float) -> list[Alert]:
        """What was said then of what began then: alerts that were opened, and those, open already,
        that name a program, a file or a call of another service new since."""
        return [alert for alert in self.alerts if begin <= alert.time <= end
                and (alert.opened or alert.first >= begin)]

    def opened(self, begin: float, end: float) -> list[Alert]:
        return [alert for alert in self.between(begin, end) if alert.opened]


def _told(line: dict, filed: dict[str, dict], opened: bool, first: float) -> Alert:
    own = filed.get(line["id"], {})
    return Alert(line["service"], line["detector"], when(line["time"]), first,
                 own.get("score", 0.5), line["message"], opened, own.get("on_behalf_of"))


def _alerts(directory: Path) -> list[Alert]:
    filed: dict[str, dict] = {}  # as incidents told it in the end
    for incident in _lines(directory / "incidents.jsonl"):
        filed |= {alert["id"]: alert for alert in incident["alerts"]}
    told, latest = [], {}  # latest: fact of an alert that was told
    for line in _lines(directory / "alerts.jsonl"):
        facts = sorted(when(fact["time"]) for fact in line.get("facts", []))
        before = latest.get(line["id"])
        if before is None:
            told.append(_told(line, filed, True, when(line["first_seen"])))
        else:
            told += [_told(line, filed, False, time) for time in facts if time > before][:1]
        latest[line["id"]] = max([*facts, before or 0])
    return told


def read(directory: Path) -> DataSet:
    steps = _lines(directory / "truth.jsonl")
    data = DataSet(json.loads((directory / "campaign.json").read_text()), steps,
                   _alerts(directory), _lines(directory / "flows.jsonl"), [], [])
    watched = json.loads((directory / "services.json").read_text())
    data.services, data.learning = watched["watched"], watched["learning"]
    data.samples = [(when(sample["time"]), sample) for sample in watched.get("samples", [])]
    for step in steps:
        if step["kind"] == "attack" and not step.get("succeeded"):
            data.failed.append(step["name"])
        elif step["kind"] == "attack":
            attack = Attack(step["name"], step["entry"], step["path"], when(step["begin"]),
                            when(step["end"]), step["aside"])
            attack.alerts = data.between(attack.begin, attack.end + GRACE)
            data.attacks.append(attack)
    return data
