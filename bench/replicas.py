#!/usr/bin/env python3
"""`./do bench replicas`: one service with 1 to 100 replicas, their number fixed or variable: what the
agent costs, how soon the service is learned, whether an intruder is found meanwhile, and how many
false alarms there are.

    ./do bench replicas           ten minutes; a table in Markdown
    ./do bench replicas 2 10      some numbers of replicas

docs/results/replicas.md shows one run and explains the columns.
"""

import argparse
import json
import random
import socket
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import machine
from rig import Agent
from bundle import Image
from containers import System, wait_for
import network

NUMBERS = (1, 2, 5, 10, 20, 50, 100)
SERVICE, PORT = "redis", 6379
REDIS = Image(SERVICE, "7.0", ["redis-server", "--save", "", "--protected-mode", "no", "--dir",
                               "/tmp"])
WATCHED = 15  # seconds of learning before the intruder comes
PATIENCE = 20  # seconds until the alert
TURNOVER = 4  # seconds between two restarts where replicas come and go
# What one does who has come in: looks around, and for what there is to take.
INTRUSION = """id; uname -a; hostname; cat /etc/shadow; ls -l /proc/1/fd | sort | uniq; df; env | grep -i pass
find /etc -perm -4000 -o -name '*.key' | head; tar c /etc | gzip | wc -c"""
# What clients send; the last one comes once in a while.
USUAL = (b"SET k v", b"GET k", b"INCR n", b"LPUSH l 1", b"LRANGE l 0 9", b"INFO", b"DBSIZE")
RARE, RARELY = b"BGSAVE", 1 / 300


class Load:
    """Clients of the replicas that are there, four times a second each, by turns."""

    def __init__(self, system, replicas):
        self._client, self._replicas = system.host("clients"), replicas
        self._random, self._over = random.Random(1), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _ask(self, replica):
        commands = self._random.sample(USUAL, 3)
        if self._random.random() < RARELY:
            commands.append(RARE)
        try:
            with network.inside(self._client), socket.create_connection((replica.address, PORT),
                                                                        1) as connection:
                for command in commands:
                    connection.sendall(command + b"\r\n")
                    connection.recv(65536)
        except OSError:
            pass  # it is being restarted

    def _run(self):
        while not self._over.is_set():
            begin = time.monotonic()
            for replica in list(self._replicas):
                self._ask(replica)
            self._over.wait(max(0, 0.25 - (time.monotonic() - begin)))

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


class Turnover:
    """One replica after the other goes, and another comes in its place."""

    def __init__(self, replicas):
        self._replicas, self._over = replicas, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        random_ = random.Random(2)
        while self._replicas and not self._over.wait(TURNOVER):
            random_.choice(self._replicas).restart()

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


class Fixed:
    """Nothing comes or goes."""

    def __init__(self, _replicas):
        pass

    def __enter__(self):
        pass

    def __exit__(self, *_):
        pass


def alerts_of(agent, replica=None):
    """How many alerts there were, of all replicas or one."""
    lines = agent.alerts.read_text().splitlines() if agent.alerts.exists() else []
    alerts = [json.loads(line) for line in lines]
    return len({alert["id"] for alert in alerts
                if replica is None or alert["replica"]["name"] == replica.id})


@contextmanager
def replicas_of(system, number):
    """The started replicas under load."""
    replicas = [system.container(f"r{one}", REDIS) for one in range(number)]
    with ThreadPoolExecutor(2) as starters:
        list(starters.map(lambda replica: replica.start(), replicas))
    for replica in replicas:
        replica.wait_port(PORT, 60)
    with Load(system, replicas):
        yield replicas


def learned(system, replicas, kind):
    """Seconds until an agent that finds the replicas running has learned the service, by the short
    training of the benchmarks; and the false alarms."""
    agent = Agent(system, "learned")
    with agent.running(), kind(replicas):
        begin = time.monotonic()
        wait_for(lambda: agent.watching(SERVICE), 100, "the service to be learned")
        return time.monotonic() - begin, alerts_of(agent)


def watched(system, replicas, kind):
    """An agent that goes on learning, and after a while the intruder, in one replica."""
    agent, row, victim = Agent(system, "watched", interval=3600), {}, replicas[0]
    with agent.running():
        wait_for(lambda: agent.service(SERVICE), 10, "the replicas to be known")
        with kind(replicas[1:]):
            cpu, begin = machine.run_time_ns(agent.process.pid), time.monotonic()
            time.sleep(WATCHED)
            spent = time.monotonic() - begin
            row["cpu"] = (machine.run_time_ns(agent.process.pid) - cpu) / spent / 1e7
            row["memory"] = (machine.private_bytes(agent.process.pid) +
                             machine.map_bytes(agent.process.pid)) / (1 << 20)
            row["false"] = alerts_of(agent)
            begin = time.monotonic()
            victim.exec("sh", "-c", f"exec 2>/dev/null; {INTRUSION}")
            patience = PATIENCE if len(replicas) > 1 else 1
            row["found"] = wait_for(lambda: alerts_of(agent, victim), patience, "", fail=False)
            row["after"] = time.monotonic() - begin
    return row


def measure(number, kind):
    with System() as system, replicas_of(system, number) as replicas:
        row = watched(system, replicas, kind)
        row["learned"], false = learned(system, replicas, kind)
    row["false"] += false
    return row


def line(number, kind, row):
    found = f"{row['after']:.0f} s" if row["found"] else "no"
    return (f"| {number} | {kind} | {row['cpu']:.2f} % | {row['memory']:.1f} MiB | "
            f"{row['learned']:.1f} s | {found} | {row['false']} |")


def main():
    parser = argparse.ArgumentParser(prog="./do bench replicas", description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, help="of replicas")
    numbers = parser.parse_args().numbers or NUMBERS
    for stranger in machine.tracers_that_stay():
        print(f"!!! another tracer is attached: {stranger}", file=sys.stderr)
    print("| replicas | their number | agent CPU | memory | learned after | intruder found after | "
          "false alarms |\n|--:|---|--:|--:|--:|--:|--:|", flush=True)
    rows = []
    for number in numbers:
        for name, kind in (("fixed", Fixed), ("variable", Turnover)):
            rows.append((number, measure(number, kind)))
            print(line(number, name, rows[-1][1]), flush=True)
    several = [row for number, row in rows if number > 1]
    found = sum(row["found"] for row in several)
    print(f"\nIntruders found: {found} of {len(several)} (with two replicas or more), "
          f"after {statistics.median(row['after'] for row in several):.0f} s (median).")


if __name__ == "__main__":
    main()
