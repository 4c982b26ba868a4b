"""Container engines for the tests: runc, crun, dockerd and Podman of the test's own, and a socket
that only pretends to be an engine."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from conftest import wait_until

# Whose cgroups tell containers apart here, as Skink chooses it.
HIERARCHY = next(path for path in (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))
                 if path.is_dir())
# A view of the cgroups as on a pure v2 host, for one command.
PURE_V2 = ["unshare", "-m", "--propagation", "private", "sh", "-c",
           'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec "$@"', "_"]


def run(*command, **options):
    options = {"check": True, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True,
               "timeout": 60, **options}
    return subprocess.run([*map(str, command)], **options).stdout


def make_rootfs(path):
    for name in ("usr", "proc", "sys", "dev", "etc", "tmp", "run"):
        (path / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (path / name).symlink_to(f"usr/{name}")
    (path / "etc" / "shadow").write_text("root:secret:1::::::\n")
    return path


def make_bundle(path, annotations=None, cgroup=None, command=("sleep", "100")):
    """A container that sleeps, or does what it is told, with the host's /usr."""
    make_rootfs(path / "rootfs")
    spec = {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs", "readonly": True},
        "process": {"user": {"uid": 0, "gid": 0}, "args": [*command], "cwd": "/",
                    "env": ["PATH=/usr/bin"]},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]},
        ],
        "annotations": annotations or {},
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]},
    }
    if cgroup:
        spec["linux"]["cgroupsPath"] = cgroup
    (path / "config.json").write_text(json.dumps(spec))
    return path


@contextmanager
def container(runtime, bundle, name, within=()):
    """A running container of runc or crun."""
    run(*within, *runtime, "run", "--detach", "--bundle", bundle, name, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        run(*within, *runtime, "delete", "--force", name)


def ping(path):
    """Does the engine behind the socket answer?"""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(str(path))
            connection = http.client.HTTPConnection("localhost")
            connection.sock = client
            connection.request("GET", "/_ping")
            return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


class Daemon:
    """An engine of the test's own, which can be ended and started again. Calling it runs its
    command line."""

    def __init__(self, path, command, client, environment):
        self.path, self.socket = path, path / "socket"
        self.command, self.client = [*map(str, command)], [*map(str, client)]
        self.environment = {**os.environ, **environment}
        self.process = None

    def start(self):
        with open(self.path / "log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.environment)
        assert wait_until(lambda: ping(self.socket), 20), (self.path / "log").read_text()

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait(20)

    def __enter__(self):
        try:
            self.start()
            self.import_image("skel:1")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def __call__(self, *words, **options):
        return run(*self.client, *words, env=self.environment, **options).strip()

    def import_image(self, name):
        """An image of nothing but the folders and links of a root."""
        tar = self.path / "image.tar"
        run("tar", "-C", make_rootfs(self.path / "image"), "-cf", tar, ".")
        self("import", tar, name)

    def remove(self, name):
        # Killed first: Podman waits 10 s for a first process that ignores SIGTERM.
        self("kill", name, check=False, stderr=subprocess.DEVNULL)
        self("rm", "-f", name)

    def close(self):
        try:
            if self.process and self.process.poll() is None:
                for name in self("ps", "-aq").split():
                    self.remove(name)
                self.end()
        finally:
            for pid in self._processes():
                os.kill(pid, signal.SIGKILL)
            for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
                if line.split()[4].startswith(f"{self.path}/"):
                    run("umount", line.split()[4], check=False)

    def _processes(self):
        """What a daemon that broke has left: by its arguments, or by its container's root."""
        ours = os.readlink("/proc/self/ns/mnt")
        for process in Path("/proc").glob("[0-9]*"):
            try:
                text = (process / "cmdline").read_text()
                if os.readlink(process / "ns/mnt") != ours:
                    # Others have copies of the daemon's mounts, but only its own have such a root.
                    mounts = map(str.split, (process / "mountinfo").read_text().splitlines())
                    text += "".join(" ".join(mount) for mount in mounts if mount[4] == "/")
            except OSError:
                continue
            if f"{self.path}/" in text:
                yield int(process.name)


def dockerd(path, program, bridge="none"):
    """Docker with all that it keeps below path; bridge None: with one of its own."""
    path.mkdir()
    network = [f"--bridge={bridge}"] if bridge else []
    return Daemon(
        path,
        [program("dockerd", "docker.io"), "--data-root", path / "data", "--exec-root", path / "x",
         "-p", path / "pid", "-H", f"unix://{path}/socket", "--iptables=false", "--live-restore",
         *network],
        [program("docker", "docker.io"), "-H", f"unix://{path}/socket"], {})


def podman_service(path, program):
    """Podman with all that it keeps below path."""
    path.mkdir()
    (path / "conf").write_text(
        '[containers]\ndefault_ulimits=["nofile=20000:20000","nproc=32768:32768"]\n'
        '[engine]\nruntime="runc"\ncgroup_manager="cgroupfs"\nevents_logger="file"\n')
    client = [program("podman", "podman"), "--root", path / "root", "--runroot", path / "run",
              "--tmpdir", path / "tmp"]
    return Daemon(path, [*client, "system", "service", "-t", "0", f"unix://{path}/socket"],
                  client, {"CONTAINERS_CONF": str(path / "conf")})


class LateSocket:
    """Stands before an engine's socket: what the engine says comes later by so many seconds."""

    def __init__(self, path, target, delay):
        self.path, self.target, self.delay = str(path), str(target), delay
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen(16)
        self.sockets, self.threads = [self.server], []
        self._run(self._accept)

    def _run(self, work, *arguments):
        self.threads.append(threading.Thread(target=work, args=arguments))
        self.threads[-1].start()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, engine = self.server.accept()[0], socket.socket(socket.AF_UNIX)
                self.sockets += [client, engine]
                engine.connect(self.target)
                self._run(self._pass, client, engine, 0)
                self._run(self._pass, engine, client, self.delay)

    def _pass(self, source, sink, delay):
        with suppress(OSError):
            while data := source.recv(65536):
                time.sleep(delay)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self.sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for each in self.sockets:
            each.close()
        os.unlink(self.path)


class LyingSocket(LateSocket):
    """Stands before an engine's socket, which answers everything but requests whose first line has
    one of these words: those get what lies[word] is, b"" for no answer at all."""

    def __init__(self, path, target, lies):
        self.lies, self.told = lies, []
        super().__init__(path, target, 0)

    def _pass(self, source, sink, delay):
        with suppress(OSError):
            while data := source.recv(65536):
                line = data.split(b"\r\n", 1)[0].decode(errors="replace")
                word = next((word for word in self.lies if line.endswith("HTTP/1.1") and word in line), None)
                if word is None:
                    sink.sendall(data)
                    continue
                self.told.append(line)
                if self.lies[word]:
                    source.sendall(self.lies[word])
                    return
            sink.shutdown(socket.SHUT_WR)


class FakeEngine:
    """A socket that answers as told: answers[part of the path] is what it sends, or a function that
    is given the connection; None, or no such part: it never answers."""

    def __init__(self, path, answers):
        self.path, self.answers, self.requests = str(path), answers, []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen(16)
        self.connections, self.threads = [], [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def _accept(self):
        while True:
            try:
                connection = self.server.accept()[0]
            except OSError:
                return
            self.connections.append(connection)
            self.threads.append(threading.Thread(target=self._serve, args=[connection]))
            self.threads[-1].start()

    def _serve(self, connection):
        try:
            while request := connection.recv(65536):
                path = request.split()[1].decode()
                self.requests.append(path)
                part = next((part for part in self.answers if part in path), None)
                answer = self.answers.get(part)
                if callable(answer):
                    answer(connection)
                elif answer:
                    connection.sendall(answer)
        except OSError:
            pass

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.threads[0].join()
        self.server.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join()
        for connection in self.connections:
            connection.close()
        os.unlink(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
