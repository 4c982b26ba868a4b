"""A service with a client whose connection stays open, and the place at another site that a replica
of it is moved to."""

import socket
import subprocess
import threading
import time

import network
from conftest import SLOW, wait_until
from containers import Image

PORT = 8000
# Answers each line with itself; a line that begins with "!" is the hole: it is run.
SERVER = """
import socket, subprocess
server = socket.create_server(("0.0.0.0", 8000))
while True:
    connection, _ = server.accept()
    lines = connection.makefile("rb")
    while line := lines.readline():
        if line.startswith(b"!"):
            subprocess.run(line[1:], shell=True, stdout=subprocess.DEVNULL)
        connection.sendall(line)
"""
LOOK = b"!cat /etc/shadow; id; ls -l /proc/1/fd | sort | uniq; uname -a; hostname\n"


def criu_fault(program):
    """Why CRIU does not work on this kernel; "" if it does. Debian 12's does not on kernels much
    younger than itself."""
    checked = subprocess.run([program, "check"], capture_output=True, text=True, check=False)
    return "" if checked.returncode == 0 else f"criu check: {checked.stderr.splitlines()[0]}"


def make_replica(system, name):
    """To be begun. It is root since reading another user's limits needs a right
    (CAP_SYS_RESOURCE) that a test machine may lack."""
    return system.container(name, Image("web", "1", ["/usr/bin/python3", "-S", "-c", SERVER],
                                        user="root"))


def begin(replica):
    """Its streams are no files of the host: CRIU could not restore those."""
    replica.make()
    subprocess.run(["runc", "--root", replica.system.oci_root, "run", "--detach", "--bundle",
                    replica.directory, replica.id], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    replica.wait_port(PORT)


def make_place(system, name):
    """A place at another site: a network namespace with an eth0 without an address."""
    place = system.host(name)
    with network.inside(place):
        subprocess.run(["ip", "address", "del", f"{system.network.addresses[name]}/24", "dev", "eth0"],
                       check=True)
    return place


class Talk:
    """A client that speaks to the server a few hundred times a second over one connection."""

    def __init__(self, host, address):
        with network.inside(host):
            self.connection = socket.create_connection((address, PORT), timeout=20 * SLOW)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers, self.longest, self.failed, self.over = 0, 0.0, "", False
        self.thread = threading.Thread(target=self._run)
        self.waiting = []

    def _run(self):
        last = time.monotonic()
        try:
            while not self.over:
                line = self.waiting.pop() if self.waiting else b"ping\n"
                self.connection.sendall(line)
                got = b""
                while not got.endswith(b"\n"):
                    part = self.connection.recv(4096)
                    assert part, "the connection was closed"
                    got += part
                assert got == line
                now = time.monotonic()
                self.longest = max(self.longest, now - last)
                self.answers, last = self.answers + 1, now
                time.sleep(0.003)
        except (OSError, AssertionError) as error:
            self.failed = str(error)

    def goes_on(self, answers=100, timeout=20):
        wanted = self.answers + answers
        return wait_until(lambda: self.failed or self.answers >= wanted, timeout) and not self.failed

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()
        self.connection.close()
