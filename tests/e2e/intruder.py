"""An intruder in a container of the service web, and his machine."""

import socket
import threading
import time

import network
from conftest import wait_until

# What the intruder runs: he looks around, then speaks to his own machine a thousand times a second.
LOOK = "cat /etc/shadow; id; ls -l /proc/1/fd | sort | uniq; uname -a; hostname"
BEAT = ("/usr/bin/python3 -S -c 'import socket, time\n"
        "s = socket.create_connection((\"{address}\", {port}))\n"
        "while True: s.sendall(b\"x\"); time.sleep(0.001)'")


def attack(web, replica, command=LOOK):
    """The intrusion; whether it is answered is no matter, the replica may stand still before that."""
    def run():
        try:
            web.run(replica, command)
        except OSError:
            pass

    threading.Thread(target=run, daemon=True).start()


class Intruder:
    """His machine, to which his program in the container speaks."""

    def __init__(self, web):
        self.web, self.last, self.beats = web, 0.0, 0
        with network.inside(web.client):
            self.listener = socket.create_server(("0.0.0.0", 0))
        self.listener.settimeout(20)

    def expect(self):
        """Listens from now on; where, for BEAT."""
        threading.Thread(target=self._listen, daemon=True).start()
        return {"address": self.web.system.network.addresses[f"{self.web.service}-client"],
                "port": self.listener.getsockname()[1]}

    def break_in(self, replica, heard=True):
        """Returns when he is heard, unless he may be stopped before that."""
        attack(self.web, replica, f"({BEAT.format(**self.expect())}) & {LOOK}")
        assert not heard or wait_until(lambda: self.beats > 5), "the intruder never spoke"

    def _listen(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return  # he never came
        while data := connection.recv(4096):
            self.last, self.beats = time.monotonic(), self.beats + len(data)

    def is_silent(self, seconds=0.5):
        return time.monotonic() - self.last > seconds
