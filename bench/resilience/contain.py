"""From an alert to an intruder who can do no more."""

import statistics
import time

from result import Row
from watched import System, Watched, wait_measure
from intruder import Intruder

BREACHES = 20
MOMENT = 0.1  # seconds: what was on its way when the measure came
# Name, reach in ms, and whether the intruder cannot speak any more.
MEASURES = (("hold", 1, True), ("stop", None, True), ("quarantine", 20, True), ("pause", None, True),
            ("throttle", None, False))


def _breach(watched: Watched, daemon, replica, measure: str) -> tuple[float, bool]:
    """Milliseconds from the alert to the measure; is the intruder heard after it?"""
    intruder = Intruder(watched.web)
    intruder.break_in(replica, heard=False)
    found = wait_measure(daemon, replica, measure)
    time.sleep(3 * MOMENT)
    intruder.listener.close()
    return found["latency_ms"], intruder.last > found["in_force_ns"] / 1e9 + MOMENT


def contain(system: System) -> list[Row]:
    """Each measure on replicas of its own."""
    watched, rows = Watched(system), []
    for measure, reach, silences in MEASURES:
        replicas = watched.replicas(BREACHES)
        with watched.responding(replicas, minimum=0, **watched.only(measure)) as daemon:
            found = [_breach(watched, daemon, each, measure) for each in replicas]
        watched.end(replicas)
        heard = sum(spoke for _, spoke in found)
        took = [latency for latency, _ in found]
        value = float("inf") if silences and heard else statistics.median(took)
        rows.append(Row(f"contain_{measure}", value, "ms", reach,
                        note=f"median of {BREACHES}, longest {max(took):.1f}; {heard} intruders "
                             "heard afterwards"))
    return rows
