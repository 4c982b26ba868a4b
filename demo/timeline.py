"""The time line of a break-in: what the attacker did, what Skink did, what the customers got."""

from dataclasses import dataclass
from datetime import datetime

import exploit
from breakin import BreakIn

ATTACKER, SKINK, SHOP = "attacker", "Skink", "shop"
DONE = {"stop": "foreign calls end their process, in the kernel", "pause": "is frozen",
        "quarantine": "is cut off the network", "kill": "is ended", "throttle": "is throttled",
        "redirect": "gets no more requests", "evidence": "what is known of it was copied",
        "replace": "the balancer sends customers to the new one; the old one stays frozen",
        "decoy": "the balancer sends customers to the new one; the old one is alone"}


@dataclass
class Moment:
    """time: seconds since 1970."""

    time: float
    who: str
    what: str


def seconds(text: str) -> float:
    """Of a time as alerts tell it."""
    return datetime.fromisoformat(text).timestamp()


def of_attacker(attempt: BreakIn) -> list[Moment]:
    moments = [Moment(attempt.began, ATTACKER, "the malicious request, to the balancer")]
    for shell, where in zip(attempt.all("shell"), ("the web service", "the mailer")):
        moments.append(Moment(shell["time"], ATTACKER, f"a shell in {where} has called"))
    gains = {exploit.PAYMENT_KEY: "has read the payment key",
             exploit.COPY: f"has copied the database, {attempt.copied:,} bytes",
             exploit.MAIL_PASSWORD: "has read the mailer's password"}
    moments += [Moment(step["time"], ATTACKER, gains[step["command"]])
                for step in attempt.all("answer") if step["command"] in gains]
    return moments


def of_alerts(alerts: list[dict], began: float) -> list[Moment]:
    """Each as it was first told. What was foreign before the break-in was not his."""
    moments = []
    for alert in alerts:
        first, replica = alert["first_unknown"], alert["replica"]["name"]
        time = seconds(first["time"])
        moments.append(Moment(time, ATTACKER if time > began else SHOP,
                              f"the first foreign call in {short(replica)}, {first['call']} by "
                              f"{first['command']}"))
        moments.append(Moment(seconds(alert["time"]), SKINK,
                              f"alert: {alert['message'].replace(replica, short(replica))}"))
    return moments


def of_measures(measures: dict[str, dict]) -> list[Moment]:
    moments = []
    for name, one in measures.items():
        done = DONE.get(name, "done") if one["state"] != "failed" else f"failed: {one['why']}"
        moments.append(Moment(one["begun"] / 1e9, SKINK,
                              f"{name}, {one['latency_ms']:.0f} ms after the alert: "
                              f"{short(one['replica_name'])}: {done}"))
    return moments


def of_replica(name: str, answers: float | None, serves: float | None) -> list[Moment]:
    """The new one."""
    moments = []
    if answers:
        moments.append(Moment(answers, SHOP, f"{name}, the new replica, listens"))
    if serves:
        moments.append(Moment(serves, SHOP, f"the first customer is served by {name}"))
    return moments


def short(name: str) -> str:
    """A replica's name without the run's prefix: skink-demo-PID-web-1."""
    return name.split("-", 3)[-1] if name.startswith("skink-demo-") else name


def in_order(*parts: list[Moment]) -> list[Moment]:
    return sorted((moment for part in parts for moment in part), key=lambda moment: moment.time)
