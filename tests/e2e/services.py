"""One small service, a web server under load, as each kind of engine runs it."""

import http.client
import socket
import subprocess
import threading
from pathlib import Path

from conftest import wait_until
from engines import make_bundle, make_rootfs, run

# One thread only: several that wait for Python's lock make other calls whenever the machine is busy.
SERVER = ("cd /etc && exec /usr/bin/python3 -c 'from http.server import *; "
          'HTTPServer(("127.0.0.1", {port}), SimpleHTTPRequestHandler).serve_forever()\' '
          ">/dev/null 2>&1")
# Moves itself into a cgroup before it becomes something else.
ENTER = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"']


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Load:
    """A client that asks all the time, also while nobody answers."""

    def __init__(self, port):
        self.port, self.answered, self._over = port, 0, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._over.wait(0.02):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/shadow")
                self.answered += connection.getresponse().status == 200
                connection.close()
            except (OSError, http.client.HTTPException):
                pass

    def wait(self, answers=50, timeout=20):
        """Until so many more have come."""
        wanted = self.answered + answers
        assert wait_until(lambda: self.answered >= wanted, timeout), "the server does not answer"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


class Service:
    """The server in one container, and what Skink should take it for. What its engines are to Skink:
    settings of the daemon's configuration."""

    engine, name, service, version = "", "", "web", "-"
    settings, extra, within = {}, (), ()

    def __init__(self, name):
        self.name, self.port = name, free_port()
        self.command = ["sh", "-c", SERVER.format(port=self.port)]

    def start(self):
        raise NotImplementedError

    def end(self):
        raise NotImplementedError

    def restart(self):
        self.end()
        self.start()

    def enter(self, *command):
        """Runs a command in the container, as a person with the engine's tool does."""
        raise NotImplementedError

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()


class InDaemon(Service):
    """Docker's or Podman's."""

    options = ()

    def __init__(self, name, engine, daemon):
        super().__init__(name)
        self.engine, self.daemon = engine, daemon
        self.service = f"{engine}-web"
        self.settings = {engine: str(daemon.socket)}
        self.version = daemon("images", "-q", "--no-trunc", "skel:1").split(":")[-1][:12]

    def start(self):
        self.daemon("run", "-d", "--name", self.name, "--network=host", "-v", "/usr:/usr:ro",
                    "--label", f"com.docker.compose.service={self.service}", *self.options,
                    "skel:1", *self.command)

    def inspect(self, field):
        return self.daemon("inspect", "--format", "{{." + field + "}}", self.name)

    def restart(self):
        self.daemon("restart", "-t", "0", self.name)

    def enter(self, *command):
        self.daemon("exec", self.name, *command)

    def end(self):
        self.daemon.remove(self.name)


class InBundle(Service):
    """runc's or crun's."""

    version = "1.2"

    def __init__(self, name, runtime, path, within=()):
        super().__init__(name)
        self.engine, self.within = Path(runtime).name, within
        self.service = f"{self.engine}-web"
        self.runtime = [runtime, "--root", path / "state"]
        self.settings = {"oci": [str(path / "state")]}
        self.bundle = make_bundle(
            path / "bundle", {"org.opencontainers.image.title": self.service,
                              "org.opencontainers.image.version": self.version},
            command=self.command)

    def start(self):
        run(*self.within, *self.runtime, "run", "--detach", "--bundle", self.bundle, self.name,
            stdout=subprocess.DEVNULL)

    def enter(self, *command):
        run(*self.within, *self.runtime, "exec", self.name, *command)

    def _call(self, *words):
        return run(*self.within, *self.runtime, *words, check=False, stderr=subprocess.DEVNULL)

    def state(self):
        return self._call("state", self.name)

    def end(self):
        # Its processes first: runc gives up on a cgroup that they take too long to leave.
        self._call("kill", self.name, "KILL")
        assert wait_until(lambda: '"running"' not in self.state())
        self._call("delete", "--force", self.name)


class InLxc(Service):
    engine, service = "lxc", "box"

    def __init__(self, name, path):
        super().__init__(name)
        self.path, self.settings = path, {"lxc": str(path)}
        rootfs = make_rootfs(path / name / "root")
        server = path / name / "root" / "server"
        server.write_text(f"#!/bin/sh\n{self.command[-1]}\n")
        server.chmod(0o755)
        (path / name / "config").write_text(
            f"lxc.uts.name = box\nlxc.rootfs.path = dir:{rootfs}\nlxc.net.0.type = none\n"
            "lxc.mount.entry = /usr usr none ro,bind 0 0\nlxc.mount.auto = proc:mixed\n"
            "lxc.init.cmd = /server\n")

    def _lxc(self, tool, *words, **options):
        run(tool, "-P", self.path, "-n", self.name, *words, **options)

    def start(self):
        self._lxc("lxc-start", "-d", stdout=subprocess.DEVNULL)

    def enter(self, *command):
        self._lxc("lxc-attach", "--", *command)

    def end(self):
        self._lxc("lxc-stop", "-k", check=False)


class InCgroup(Service):
    """A systemd unit, or any cgroup: here the test does what systemd does."""

    def __init__(self, engine, cgroup, hierarchy):
        super().__init__(Path(cgroup).name)
        self.engine, self.service, self.process = engine, f"{engine}-web", None
        self.folder = hierarchy / cgroup.lstrip("/")
        self.settings = {}
        named = {"unit": self.name} if engine == "systemd" else {"cgroup": cgroup}
        self.extra = [{**named, "service": self.service}]
        self.made = []

    def start(self):
        for folder in (self.folder.parent, self.folder):
            if not folder.exists():
                folder.mkdir()
                self.made.append(folder)
        self.process = subprocess.Popen([*ENTER, self.folder, *self.command])

    def enter(self, *command):
        run(*ENTER, self.folder, *command)

    def end(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        while self.made:
            # The kernel empties a cgroup a moment after its last process was reaped.
            assert wait_until(lambda: not (self.made[-1] / "cgroup.procs").read_text())
            self.made.pop().rmdir()
