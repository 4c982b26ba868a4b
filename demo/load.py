#!/usr/bin/env python3
"""A closed-loop load on the shop: every client waits for its answer before it asks again.

Every kind of request comes in its share of each hundred, shuffled: a rare page is asked for as
surely as a frequent one. Twice a second, and at the end, a line of JSON on standard output says what
was counted since the beginning; `slowest_ms` and `replicas`, who answered and when first, are since
the line before.
"""

import argparse
import json
import random
import signal
import socket
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlencode

# Shares per hundred requests. The first client buys, the others look around; the last one is a
# passer-by, who comes for one page at a time on a connection of its own.
LOOKING = {"home": 24, "product": 38, "search": 18, "prices": 3, "status": 3, "status_unknown": 1,
           "health": 3, "missing_product": 3, "missing_page": 3, "bad_search": 2, "bad_order": 2}
BUYING = {**LOOKING, "home": 16, "product": 24, "search": 12, "order": 16, "review": 8}
PAUSE_OF_PASSER_BY = 0.05
PAUSE_AFTER_FAILURE = 0.05
TELLING = 0.5  # seconds
MONITORING = {"status", "status_unknown"}  # the shop's own: it asks twice before it says anything
WORDS = ("lamp", "lizard", "no. 7", "LAMP", "12", "nothing of this kind", "€")


def _request(kind: str, dice: random.Random) -> tuple[str, str, dict | None, tuple[int, ...]]:
    """Method, path, form, and the answers that are right."""
    number = dice.randint(1, 200)
    match kind:
        case "home":
            return "GET", "/", None, (200,)
        case "product":
            return "GET", f"/product/{number}", None, (200,)
        case "search":
            return "GET", "/search?" + urlencode({"q": dice.choice(WORDS)}), None, (200,)
        case "order":
            address = "17 Sunny Rock Lane " * 16
            return "POST", "/order", {"product": number, "address": address}, (303,)
        case "review":
            words = "fine " * dice.randint(1, 30)
            return "POST", "/review", {"product": number, "stars": 4, "words": words}, (303,)
        case "prices":
            return "GET", "/prices.csv", None, (200,)
        case "status":
            return "GET", f"/status?host={dice.choice(('db', 'front', 'web-1'))}", None, (200,)
        case "status_unknown":
            return "GET", "/status?host=nowhere", None, (200,)
        case "health":
            return "GET", "/health", None, (200,)
        case "missing_product":
            return "GET", "/product/9999", None, (404,)
        case "missing_page":
            return "GET", "/no/such/page", None, (404,)
        case "bad_search":
            return "GET", "/search", None, (400,)
        case "bad_order":
            return "POST", "/order", {"product": "many"}, (400,)
    raise ValueError(kind)


class Connection:
    """As much HTTP/1.1 as the load needs, and as cheap: keep-alive, Content-Length. `replica` is who
    answered last, by its own word."""

    def __init__(self, address: tuple[str, int], timeout: float = 15):
        self.address = address
        self.timeout = timeout
        self.socket: socket.socket | None = None
        self.replica = ""

    def ask(self, method: str, path: str, form: dict | None = None) -> tuple[int, bytes]:
        body = urlencode(form).encode() if form else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: shop\r\n"
        if method == "POST":
            head += ("Content-Type: application/x-www-form-urlencoded\r\n"
                     f"Content-Length: {len(body)}\r\n")
        if self.socket is None:
            self.socket = socket.create_connection(self.address, self.timeout)
        try:
            self.socket.sendall(head.encode() + b"\r\n" + body)
            return self._answer()
        except OSError:
            self.close()
            raise

    def _answer(self) -> tuple[int, bytes]:
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        head, body = data[:end].lower(), data[end + 4:]
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        self.replica = fields.get(b"x-replica", b"").decode()
        length = int(fields[b"content-length"])
        while len(body) < length:
            body += self._receive()
        if b"\r\nconnection: close" in head:
            self.close()
        return int(head[9:12]), body

    def _receive(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed by the balancer")
        return data

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


@dataclass
class Counts:
    """What one client saw. Written by that client alone."""

    requests: int = 0
    failures: int = 0
    seconds: float = 0
    took: deque = field(default_factory=deque)  # seconds of each request, until they are told
    # When each answered first, until it is told.
    replicas: dict[str, float] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)


class Load:
    """`clients` threads that ask until stop() or until about `limit` requests have been made."""

    def __init__(self, address: tuple[str, int], clients: int = 3, limit: int = 0, seed: int = 1):
        self.address = address
        self.limit = limit
        self.stopping = threading.Event()
        self.counts = [Counts() for _ in range(clients)]
        self.threads = [threading.Thread(target=self._client, args=(
            counts, random.Random(seed + n), LOOKING if n else BUYING, 0 < n == clients - 1))
            for n, counts in enumerate(self.counts)]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def finished(self) -> bool:
        return not any(thread.is_alive() for thread in self.threads)

    def requests(self) -> int:
        return sum(counts.requests for counts in self.counts)

    def total(self) -> dict:
        requests = self.requests()
        wrong: dict[str, int] = {}
        for counts in self.counts:
            for what, number in list(counts.wrong.items()):
                wrong[what] = wrong.get(what, 0) + number
        replicas: dict[str, float] = {}
        for counts in self.counts:
            answered, counts.replicas = counts.replicas, {}
            for name, first in answered.items():
                replicas[name] = min(first, replicas.get(name, first))
        return {"time": time.time(), "requests": requests,
                "failures": sum(c.failures for c in self.counts),
                "mean_ms": round(1e3 * sum(c.seconds for c in self.counts) / max(1, requests), 3),
                "slowest_ms": round(1e3 * self._slowest(), 1), "replicas": replicas, "wrong": wrong}

    def _slowest(self) -> float:
        """Since it was asked last."""
        slowest = 0.0
        for counts in self.counts:
            for _ in range(len(counts.took)):
                slowest = max(slowest, counts.took.popleft())
        return slowest

    def _client(self, counts: Counts, dice: random.Random, shares: dict[str, int],
                passes_by: bool) -> None:
        deck = [kind for kind, share in shares.items() for _ in range(share)]
        connection = Connection(self.address)
        while not self.stopping.is_set():
            dice.shuffle(deck)
            for kind in deck:
                if self.stopping.is_set() or 0 < self.limit <= self.requests():
                    connection.close()
                    return
                self._one(connection, kind, counts, dice)
                if passes_by:
                    connection.close()
                    time.sleep(PAUSE_OF_PASSER_BY)

    @staticmethod
    def _one(connection: Connection, kind: str, counts: Counts, dice: random.Random) -> None:
        method, path, form, right = _request(kind, dice)
        begin = time.monotonic()
        for _ in range(2 if kind in MONITORING else 1):
            try:
                code, _ = connection.ask(method, path, form)
            except OSError as error:
                code = type(error).__name__
            if code in right:
                break
        took = time.monotonic() - begin
        counts.requests += 1
        counts.seconds += took
        counts.took.append(took)
        if connection.replica:
            counts.replicas.setdefault(connection.replica, time.time())
        if code not in right:
            counts.failures += 1
            what = f"{kind} {code}"
            counts.wrong[what] = counts.wrong.get(what, 0) + 1
            time.sleep(PAUSE_AFTER_FAILURE)


def main() -> int:
    parser = argparse.ArgumentParser(description="A closed-loop load on the shop.")
    parser.add_argument("address", help="HOST:PORT of the balancer")
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--requests", type=int, default=0, help="end after so many (0: no limit)")
    parser.add_argument("--seconds", type=float, default=600, help="end after so long")
    options = parser.parse_args()
    host, _, port = options.address.rpartition(":")
    load = Load((host, int(port)), options.clients, options.requests)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: load.stopping.set())
    deadline = time.monotonic() + options.seconds
    load.start()
    while not load.finished() and time.monotonic() < deadline:
        print(json.dumps(load.total()), flush=True)
        load.stopping.wait(TELLING)
        if load.stopping.is_set():
            break
    load.stop()
    print(json.dumps(load.total()), flush=True)
    return 1 if load.total()["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
