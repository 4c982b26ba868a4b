"""A service of real containers with a hole, its clients, and the intrusion through the hole."""

import itertools
import shutil
import threading
import urllib.parse
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import network
from containers import Image

SERVER = Path(__file__).parent / "server"
PORT = 8000


class Web:
    """A service of containers that run server/app.py, and clients that ask it."""

    def __init__(self, system, tools, service="web"):
        self.system, self.service, self.tools = system, service, tools
        self.client = system.host(f"{service}-client")

    def container(self, name, version="1", **environment):
        """A container, yet to be started, with the programs of tests/tools in /tools."""
        image = Image(self.service, version, ["/usr/bin/python3", "-S", "-B", "/app/app.py"],
                      folders={"/app": SERVER}, volumes={"/tools": self.tools},
                      environment=environment)
        return self.system.container(name, image)

    def replica(self, name, version="1"):
        """A started one."""
        container = self.container(name, version)
        container.start()
        container.wait_port(PORT)
        return container

    def get(self, container, path="/"):
        with network.inside(self.client):
            connection = HTTPConnection(container.address, PORT, timeout=20)
            connection.connect()
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def run(self, container, command):
        """The intrusion: a command through the server's hole."""
        return self.get(container, "/run?" + urllib.parse.quote(command))

    @contextmanager
    def load(self, *containers, pages=("/",)):
        """Clients that ask all the time."""
        stop = threading.Event()

        def ask():
            while not stop.wait(0.01):
                for container, page in itertools.product(containers, pages):
                    try:
                        self.get(container, page)
                    except OSError:
                        pass  # it is being restarted

        client = threading.Thread(target=ask)
        client.start()
        try:
            yield
        finally:
            stop.set()
            client.join()


def copy_tools(source, target):
    """The programs of tests/tools where every user may run them."""
    target.mkdir(mode=0o755)
    for name in ("caller",):
        shutil.copy(source / name, target / name)
        (target / name).chmod(0o755)
    return target
