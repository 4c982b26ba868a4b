"""What shoppers notice: breaches of a replicated service, and an address that leads elsewhere."""

import subprocess
import time

import network
from intruder import LOOK, attack
from replace import replaced
from result import Row
from watched import System, Watched, wait_for, wait_measure
from wrk import Load

BREACHES, REPLICAS = 20, 3
REQUESTS = 100_000
REMAPS = 10
ADDRESS = "10.88.0.1"
NAT = """
add table ip nat
add map ip nat vips {{ type ipv4_addr : ipv4_addr; elements = {{ {address} : {first} }}; }}
add chain ip nat out {{ type nat hook output priority -100; }}
add rule ip nat out dnat to ip daddr map @vips
"""


def breaches(system: System) -> list[Row]:
    """One replica after the other is broken into, new ones as well; each is replaced."""
    watched = Watched(system)
    serving, fresh = watched.replicas(REPLICAS), watched.containers(BREACHES)
    known = {each.id for each in serving}
    again = 0  # new replicas that were broken into and reported
    balancer, load = watched.balancer(serving), None
    with balancer, watched.responding(serving, expiry="10s", balancer=str(balancer.socket),
                                      backend="shop", **watched.replace(fresh)) as daemon:
        with Load(watched.web, connections=6, pause_ms=2) as load:
            for each in fresh:
                victim = serving.pop(0)
                replaced(watched, daemon, balancer, victim)
                again += victim.id not in known
                serving.append(each)
                watched.wait_watched(daemon, serving)
            wait_for(lambda: balancer.requests() >= REQUESTS, f"{REQUESTS} requests", 600)
    said = ", ".join(f"{number} {kind}" for kind, number in load.failures.items() if number)
    return [Row("shoppers_failed", load.failed, "requests", 0,
                note=f"over {BREACHES} breaches; {said or 'the longest answer took'} "
                     f"{load.found['max_ms']:.0f} ms"),
            Row("shoppers_requests", load.found["requests"], "requests", REQUESTS, at_least=True),
            Row("repeated_reported", again / (BREACHES - REPLICAS), "of attacks", 1, at_least=True,
                note=f"the same attack on {BREACHES - REPLICAS} replicas that had replaced others")]


def _lead(watched: Watched, first) -> None:
    """An address of their own leads the clients to the first replica, by a map of nftables."""
    with network.inside(watched.web.client):
        subprocess.run(["ip", "route", "add", f"{ADDRESS}/32", "dev", "eth0"], check=True)
        subprocess.run(["nft", "-f", "-"], check=True, text=True,
                       input=NAT.format(address=ADDRESS, first=first.address))


def _led_to(watched: Watched, replicas: list):
    """The replica that the address leads to."""
    with network.inside(watched.web.client):
        table = subprocess.run(["nft", "list", "map", "ip", "nat", "vips"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout
    return next(each for each in replicas if f": {each.address} " in table)


def remap(system: System) -> list[Row]:
    """Breaches of the replica that the address leads to: each time it leads to another one."""
    watched = Watched(system)
    replicas = watched.replicas(REMAPS + 1)
    _lead(watched, replicas[0])
    with watched.responding(replicas, map="ip nat vips", map_network=str(watched.web.client),
                            **watched.only("remap")) as daemon:
        with Load(watched.web, connections=6, pause_ms=3, url=f"http://{ADDRESS}:8000/") as load:
            for _ in range(REMAPS):
                victim = _led_to(watched, replicas)
                attack(watched.web, victim, LOOK)
                wait_measure(daemon, victim, "remap")
                time.sleep(1)  # under load as before
    return [Row("remap_failed", load.failed, "connections", 0,
                note=f"over {REMAPS} remaps; {load.found['requests']:,} connections")]
