"""The shop as a whole: up, down, and what changes while it runs."""

import fcntl
import http.client
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo"))
# pylint: disable=wrong-import-position
import balancer  # noqa: E402
import bundle  # noqa: E402
import catalogue  # noqa: E402
import network  # noqa: E402
from catalogue import PORT, SERVICES, STORES  # noqa: E402
from containers import wait_for  # noqa: E402
from hosts import ENGINES  # noqa: E402

BASE = Path("/run/skink-testbed")
OUTSIDE = ("shoppers", "attacker")
EDGE_PORT = 8080


class Shop:
    """One shop, by name. Every command makes its own object of what the directory says."""

    def __init__(self, name: str = "shop"):
        self.directory = BASE / f"skink-testbed-{name}"
        self._file = self.directory / "state"
        self.engine, self.replicas = None, {}
        if self._file.exists():
            state = json.loads(self._file.read_text())
            self.replicas = state["replicas"]
            self.engine = ENGINES[state["engine"]](self.directory)

    def _save(self) -> None:
        kind = next(name for name, kind in ENGINES.items() if isinstance(self.engine, kind))
        self._file.write_text(json.dumps({"engine": kind, "replicas": self.replicas}))

    @contextmanager
    def changing(self):
        """One change at a time; it begins with what the one before has left."""
        with open(self.directory / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.replicas = json.loads(self._file.read_text())["replicas"]
            yield
            self._save()

    @property
    def volumes(self) -> Path:
        """Where the volumes are."""
        return self.directory / "volumes"

    @property
    def edge(self) -> tuple[str, int]:
        """Where the shop is asked."""
        return self.engine.address("edge"), EDGE_PORT

    def up(self, engine: str, count: int) -> None:
        """Brings up everything, and returns when every service answers."""
        os.umask(0o022)  # the containers' users read what is made here
        self.directory.mkdir(parents=True)
        self.engine = ENGINES[engine](self.directory)
        self._save()  # from here on `down` knows what to take away
        self._make_volumes()
        # Names first: a container knows the addresses that are there when it starts.
        for name in (*STORES, *SERVICES, "edge", *OUTSIDE):
            self.engine.place(name)
        numbers = range(1, count + 1)
        self.replicas = {name: {f"{name}-{n}": "1.0" for n in numbers} for name in SERVICES}
        for name in (name for group in self.replicas.values() for name in group):
            self.engine.place(name)
        self._save()
        self._start_all()

    def _start_all(self) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self.engine.outside, OUTSIDE))
            built = pool.submit(catalogue.build, self.directory / "c")
            list(pool.map(self._start_store, STORES))
            built.result()
            list(pool.map(self._start_balancer, SERVICES))
            self.engine.start("edge", catalogue.edge())
            list(pool.map(lambda replica: self.start(replica.rpartition("-")[0], replica),
                          [replica for group in self.replicas.values() for replica in group]))
        wait_for(lambda: self.get("/")[0] == 200, 20, "the shop to open")

    def _make_volumes(self) -> None:
        owners = {volume: service.user for service in SERVICES.values()
                  for volume in service.volumes.values()}
        owners |= {"db": "postgres"} | {f"{name}-lb": "nobody" for name in SERVICES}
        for volume in owners:
            (self.volumes / volume).mkdir(parents=True)
        catalogue.fill(self.volumes)
        for volume, user in owners.items():
            for path in (self.volumes / volume, *(self.volumes / volume).iterdir()):
                os.chown(path, bundle.USERS[user], bundle.USERS[user])

    def _start_store(self, name: str) -> None:
        self.engine.start(name, catalogue.store(name, self.volumes))
        self._wait_port(name, STORES[name])

    def _start_balancer(self, name: str) -> None:
        self.engine.start(name, catalogue.balance(name, self.volumes))
        self._wait_port(name, PORT)

    def start(self, service: str, replica: str) -> None:
        """Starts a replica, and returns when its balancer asks it."""
        version = self.replicas[service][replica]
        image = catalogue.replica(service, version, self.volumes, self.directory / "c")
        self.engine.start(replica, image)
        self._wait_port(replica, PORT)
        volume, slot = self._slot(service, replica)
        balancer.add(volume, service, slot, self.engine.address(replica))
        wait_for(lambda: slot in balancer.serving(volume, service), 20, f"{replica} to be well")

    def _slot(self, service: str, replica: str) -> tuple[Path, int]:
        return self.volumes / f"{service}-lb", int(replica.rpartition("-")[2])

    def _stop(self, service: str, replica: str) -> None:
        volume, slot = self._slot(service, replica)
        balancer.drain(volume, service, slot)
        time.sleep(0.3)  # what it is being asked it answers
        self.engine.stop(replica)

    def _wait_port(self, name: str, port: int) -> None:
        try:
            wait_for(lambda: self._answers(name, port), 30, f"{name} to answer")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; its log ends:\n{self.engine.log(name)[-1500:]}") from None

    def _answers(self, name: str, port: int) -> bool:
        with network.inside(self.engine.place("shoppers")):
            connection = http.client.HTTPConnection(self.engine.address(name), port, timeout=2)
            try:
                connection.connect()
                return True
            except OSError:
                return False
            finally:
                connection.close()

    def get(self, path: str) -> tuple[int, bytes]:
        """What a shopper is answered; (0, b""): nothing."""
        connection = http.client.HTTPConnection(*self.edge, timeout=10)
        try:
            with network.inside(self.engine.place("shoppers")):
                connection.connect()
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()

    def scale(self, service: str, count: int) -> None:
        """So many replicas; new ones are of the version of the first, the last go first."""
        with self.changing():
            group = self.replicas[service]
            version = next(iter(group.values()))
            for replica in list(group)[count:]:
                self._stop(service, replica)
                del group[replica]
            for number in range(len(group) + 1, count + 1):
                replica = f"{service}-{number}"
                self.engine.place(replica)
                group[replica] = version
                self.start(service, replica)

    def deploy(self, service: str, version: str) -> None:
        """Replaces one replica after the other."""
        with self.changing():
            for replica in self.replicas[service]:
                self._stop(service, replica)
                self.replicas[service][replica] = version
                self.start(service, replica)

    @contextmanager
    def only(self, replica: str):
        """While the block runs, the balancer sends every request for the service to this replica.
        Nothing else is changed meanwhile."""
        service = replica.rpartition("-")[0]
        with self.changing():
            if replica not in self.replicas.get(service, ()):
                raise SystemExit(f"shop: {replica}: no such replica (testbed/shop status)")
            slots = [self._slot(service, other) for other in self.replicas[service]
                     if other != replica]
            try:
                for volume, slot in slots:
                    balancer.drain(volume, service, slot)
                yield
            finally:
                for volume, slot in slots:
                    balancer.resume(volume, service, slot)

    def down(self) -> None:
        """Takes everything away, also what an interrupted `up` has left."""
        (self.engine or ENGINES["runc"](self.directory)).remove()
