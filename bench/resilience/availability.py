"""A service under one attack a minute, beside the same with a daemon that only observes: what
shoppers get, and how long intruders are there.

The intruder speaks to his own machine all the time. After ten seconds he does harm: the replica takes
requests and answers none. Nobody but Skink does anything about it.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

import network
from intruder import BEAT, LOOK, Intruder, attack
from result import Row
from watched import System, Watched, contained, wait_measure

REPLICAS = 3
EVERY = 0.1  # seconds between two requests
PATIENCE = 2  # seconds in which one must be answered
# The server has one thread, which waits for whoever has connected and says nothing.
HARM = ("/usr/bin/python3 -S -c 'import socket, time\n"
        "time.sleep(10)\n"
        "s = socket.create_connection((\"127.0.0.1\", 8000))\n"
        "time.sleep(1e6)'")


class Shoppers:
    """Requests at a steady rate, however long the answers take."""

    def __init__(self, web):
        self._web, self._over = web, threading.Event()
        self._pool = ThreadPoolExecutor(int(PATIENCE / EVERY) + 4)
        self._thread = threading.Thread(target=self._run)
        self._answers = []

    def _ask(self) -> bool:
        with network.inside(self._web.client):
            connection = HTTPConnection("127.0.0.1", 8080, timeout=PATIENCE)
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                return answer.status == 200 and answer.read() == b"hello\n"
            except (OSError, HTTPException):
                return False
            finally:
                connection.close()

    def _run(self) -> None:
        while not self._over.wait(EVERY):
            self._answers.append(self._pool.submit(self._ask))

    def available(self) -> float:
        """The share of requests that were answered."""
        return sum(answer.result() for answer in self._answers) / len(self._answers)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        self._pool.shutdown()


@dataclass
class Foothold:
    """An intruder who has come in."""

    begun: float
    intruder: Intruder
    contained: float = 0.0

    @property
    def end(self) -> float:
        """He was heard so long; who was not may have been there until he was contained."""
        return max(self.intruder.last, self.contained)


def _break_in(web, replica) -> Foothold:
    foothold = Foothold(time.monotonic(), Intruder(web))
    beat = BEAT.format(**foothold.intruder.expect())
    attack(web, replica, f"({beat}) >/dev/null 2>&1 & ({HARM}) >/dev/null 2>&1 & {LOOK}")
    return foothold


def _exposed(footholds: list[Foothold]) -> float:
    """Seconds in which there was at least one."""
    total = end = 0.0
    for each in footholds:
        total += max(0, each.end - max(each.begun, end))
        end = max(end, each.end)
        each.intruder.listener.close()
    return total


def _play(watched: Watched, policy: str, attacks: int, period: float) -> tuple[float, float]:
    """The share of answered requests, and the seconds of exposure."""
    serving, fresh = watched.replicas(REPLICAS), watched.containers(attacks)
    balancer, footholds = watched.balancer(serving), []
    with balancer, watched.responding(serving, policy=policy, expiry="30s", backend="shop",
                                      balancer=str(balancer.socket),
                                      **watched.replace(fresh)) as daemon:
        with Shoppers(watched.web) as shoppers:
            for each in fresh:
                next_one = time.monotonic() + period
                victim = serving.pop(0)
                footholds.append(_break_in(watched.web, victim))
                if policy == "act":
                    wait_measure(daemon, victim, "replace")
                    footholds[-1].contained = contained(daemon, victim)
                    serving.append(each)
                else:
                    serving.append(victim)
                time.sleep(max(0, next_one - time.monotonic()))
        found = shoppers.available(), _exposed(footholds)
    watched.end(serving)
    return found


def availability(system: System, attacks: int, period: float) -> list[Row]:
    """Acting, then observing."""
    watched, rows = Watched(system), []
    note = f"{attacks} attacks, one in {period:g} s"
    for policy, name in (("act", "acting"), ("observe", "observing")):
        available, exposed = _play(watched, policy, attacks, period)
        rows += [Row(f"available_{name}", 100 * available, "%", note=note),
                 Row(f"exposed_{name}", exposed, "s", note=f"of {attacks * period:g} s")]
    return rows
