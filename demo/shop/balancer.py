"""HAProxy's runtime API: a server comes, serves for a while and goes, with the commands that Skink
gives when it replaces a replica. So the balancer has done it before."""

import socket
import time
from pathlib import Path

PATIENCE = 20  # seconds until the balancer's checks of a new server pass


class Rotation:
    """The servers of one backend."""

    def __init__(self, admin: Path, backend: str):
        self.admin = admin
        self.backend = backend

    def add(self, name: str, address: str) -> None:
        """Returns when customers are sent to the new server."""
        server = f"{self.backend}/{name}"
        self._tell(f"add server {server} {address} check inter 50ms rise 1")
        self._tell(f"set server {server} state drain")
        self._tell(f"enable health {server}")
        end = time.monotonic() + PATIENCE
        while "OK" not in self._field(name, "check_status"):
            if time.monotonic() > end:
                raise TimeoutError(f"the balancer's checks of {name} do not pass")
            time.sleep(0.01)
        self._tell(f"set server {server} state ready")

    def drain(self, name: str, grace: float = 0.1) -> None:
        """No new customer is sent to the server; it may finish what it does, for a moment."""
        self._tell(f"set server {self.backend}/{name} state drain")
        end = time.monotonic() + grace
        while self._field(name, "scur") != "0" and time.monotonic() < end:
            time.sleep(0.002)

    def ready(self, name: str) -> None:
        """It is sent customers again."""
        self._tell(f"set server {self.backend}/{name} state ready")

    def remove(self, name: str) -> None:
        self._tell(f"set server {self.backend}/{name} state maint")
        self._tell(f"del server {self.backend}/{name}")

    def _field(self, server: str, field: str) -> str:
        """From "show stat", which is CSV below a line of names."""
        head, *lines = self._tell(f"show stat {self.backend} 4 -1").lstrip("# ").splitlines()
        names = head.split(",")
        rows = (dict(zip(names, line.split(","))) for line in lines)
        return next((row[field] for row in rows if row.get("svname") == server), "")

    def _tell(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(5)
            control.connect(str(self.admin))
            control.sendall(f"{command}\n".encode())
            return control.makefile().read()
