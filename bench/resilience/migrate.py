"""A replica that goes on at another site, with the connection that it has."""

import math
import statistics
from contextlib import contextmanager

from result import Row
from talk import LOOK, Talk, begin, criu_fault, make_place, make_replica
from watched import System, Watched, wait_measure

MIGRATIONS = 5
REACH = 1000  # ms


class Talking(Watched):
    """The service whose clients stay connected."""

    def containers(self, count: int) -> list:
        return [make_replica(self.system, self.next_path("web").name) for _ in range(count)]

    def replicas(self, count: int) -> list:
        found = self.containers(count)
        for each in found:
            begin(each)
        return found

    @contextmanager
    def load(self, replicas: list):
        with Talk(self.web.client, replicas[0].address):
            yield


def _moved(watched: Talking) -> tuple[float, str]:
    """Breaks in; milliseconds in which the client got no answer, and why its connection broke."""
    replica, = watched.replicas(1)
    place = make_place(watched.system, watched.next_path("place").name)
    with watched.responding([replica], minimum=0, migrate=str(place),
                            **watched.only("migrate")) as daemon:
        with Talk(watched.web.client, replica.address) as talk:
            talk.goes_on()
            talk.longest = 0
            talk.waiting.append(LOOK)
            wait_measure(daemon, replica, "migrate")
            talk.goes_on()
    watched.end([replica])
    return talk.longest * 1e3, talk.failed


def migrate(system: System) -> list[Row]:
    """Each of a replica of its own, to a place of its own."""
    name, unit = "migration_pause_ms", "ms"
    if fault := criu_fault("criu"):
        return [Row(name, math.inf, unit, REACH, note=f"not measured: {fault}")]
    watched = Talking(system)
    found = [_moved(watched) for _ in range(MIGRATIONS)]
    took, broken = [pause for pause, _ in found], [failed for _, failed in found if failed]
    value = math.inf if broken else statistics.median(took)
    return [Row(name, value, unit, REACH,
                note=f"median of {MIGRATIONS}, longest {max(took):.0f}; {len(broken)} connections "
                     "broken")]
