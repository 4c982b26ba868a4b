"""HAProxy in front of the replicas of the service web, and clients that count what fails."""

import socket
import threading
from http.client import HTTPConnection

import network
from conftest import wait_until

HAPROXY = """
global
    stats socket {directory}/admin level admin
defaults
    mode http
    timeout connect 500ms
    timeout client 5s
    timeout server 1s
    retries 3
    option redispatch 1
    retry-on all-retryable-errors
frontend in
    bind :8080
    default_backend shop
backend shop
    balance roundrobin
{servers}
"""


class Balancer:
    """HAProxy before the replicas, and clients that count what fails."""

    def __init__(self, program, web, directory, replicas):
        self.web, self.asked, self.failed, self.stop = web, 0, [], threading.Event()
        directory.mkdir()
        servers = [f"    server {each.name} {each.address}:8000 check inter 100ms"
                   for each in replicas]
        file, self.socket = directory / "haproxy.cfg", directory / "admin"
        file.write_text(HAPROXY.format(directory=directory, servers="\n".join(servers)))
        self.process = web.system.spawn([program, "-db", "-f", str(file)], web.client)
        self.client = threading.Thread(target=self._load)

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self.socket))
            admin.sendall(command.encode() + b"\n")
            return admin.makefile().read()

    def states(self):
        """The servers and their states."""
        lines = self.ask("show stat shop 4 -1").splitlines()
        names = lines[0].lstrip("# ").split(",")
        rows = [dict(zip(names, line.split(","))) for line in lines[1:] if line]
        return {row["svname"]: row["status"] for row in rows}

    def _load(self):
        with network.inside(self.web.client):
            while not self.stop.wait(0.002):
                connection = HTTPConnection("127.0.0.1", 8080, timeout=10)
                self.asked += 1
                try:
                    connection.request("GET", "/")
                    answer = connection.getresponse()
                    if answer.status != 200 or answer.read() != b"hello\n":
                        self.failed.append(answer.status)
                except OSError as error:
                    self.failed.append(error)
                finally:
                    connection.close()

    def __enter__(self):
        assert wait_until(lambda: self.socket.exists() and
                          all(state == "UP" for state in self.states().values()))
        self.client.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.client.join()
        self.process.terminate()
        self.process.wait()


def starter(path, container):
    """A command that starts the container and says where it is, as `respond.replace` is to."""
    container.make()
    path.write_text(f"#!/bin/sh\nrunc --root {container.system.oci_root} run --detach --bundle "
                    f"{container.directory} {container.id} </dev/null >/dev/null 2>&1 && "
                    f"echo {container.address}\n")
    path.chmod(0o755)
    return str(path)
