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
    """HAProxy before the replicas, which it checks ten times a second."""

    def __init__(self, program, web, directory, replicas):
        self.web = web
        directory.mkdir()
        servers = [f"    server {each.name} {each.address}:8000 check inter 100ms"
                   for each in replicas]
        file, self.socket = directory / "haproxy.cfg", directory / "admin"
        file.write_text(HAPROXY.format(directory=directory, servers="\n".join(servers)))
        self.process = web.system.spawn([program, "-db", "-q", "-f", str(file)], web.client)

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self.socket))
            admin.sendall(command.encode() + b"\n")
            return admin.makefile().read()

    def servers(self):
        """What HAProxy says of each server, by name."""
        return {row["svname"]: row for row in self._statistics("shop 4 -1")}

    def requests(self):
        """That have come so far."""
        return int(self._statistics("in 1 -1")[0]["req_tot"])

    def _statistics(self, what):
        lines = self.ask(f"show stat {what}").splitlines()
        names = lines[0].lstrip("# ").split(",")
        return [dict(zip(names, line.split(","))) for line in lines[1:] if line]

    def states(self):
        """The servers and their states."""
        return {name: row["status"] for name, row in self.servers().items()}

    def __enter__(self):
        assert wait_until(lambda: self.socket.exists() and
                          all(state == "UP" for state in self.states().values()))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Client:
    """Asks the balancer all the time."""

    def __init__(self, web):
        self.web, self.asked, self.failed, self.stop = web, 0, [], threading.Event()
        self.thread = threading.Thread(target=self._load)

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
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def starter(path, *containers):
    """A command that starts the next of the containers and says where it is, as `respond.replace`
    is to."""
    lines = ["#!/bin/sh"]
    for each in containers:
        each.make()
        lines.append(f"mkdir {each.directory}/started 2>/dev/null && "
                     f"exec sh -c 'runc --root {each.system.oci_root} run --detach --bundle "
                     f"{each.directory} {each.id} </dev/null >/dev/null 2>&1 && echo {each.address}'")
    path.write_text("\n".join([*lines, "exit 1\n"]))
    path.chmod(0o755)
    return str(path)
