"""Real containers by runc, and a System of them that leaves nothing behind.

    with System() as system:
        web = system.container("web-1", Image("web", "1.0", ["python3", "-m", "http.server"]))
        web.start()

Everything of a run has its name, skink-demo-PID, and is found again through /run/skink-demo/NAME:
whatever ends a run, an exception, Ctrl-C, SIGTERM or kill -9, the end of it or the beginning of the
next one takes away its processes, containers, namespaces, mounts and cgroups.
"""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import bundle
import network
from bundle import Image

BASE = Path("/run/skink-demo")
CGROUPS = Path("/sys/fs/cgroup")


class Container:
    """One container. Stopping it keeps its address, its volumes and its log."""

    def __init__(self, system: "System", name: str, image: Image):
        self.system = system
        self.name = name
        self.image = image
        self.id = f"{system.name}-{name}"
        self.directory = system.directory / name
        self.log = self.directory / "log"
        self.namespace = system.network.attach(name)
        self.address = system.network.addresses[name]
        self.made = False

    def make(self) -> None:
        """Writes its bundle."""
        if not self.made:
            bundle.make(self.directory, self.name, self.image, self.namespace,
                        f"/{self.system.name}/{self.name}", self.system.network.addresses)
            self.made = True

    def start(self) -> None:
        self.make()
        with open(self.log, "ab") as log:
            self._runc("run", "--detach", "--bundle", str(self.directory), self.id, stdout=log,
                       stderr=log, stdin=subprocess.DEVNULL)

    def stop(self, seconds: float = 5) -> None:
        """SIGTERM, as an engine does, and SIGKILL when that did not help in time."""
        self._runc("kill", self.id, "TERM", check=False, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.state() in ("stopped", None), seconds, f"{self.name} to end",
                 fail=False)
        self._runc("delete", "--force", self.id)

    def restart(self) -> None:
        self.stop()
        self.start()

    def hold(self, seconds: float) -> None:
        """Stops it for a moment, as a busy machine may; not by runc, which takes a longer one."""
        v1 = CGROUPS / "freezer" / self.system.name / self.name / "freezer.state"
        v2 = CGROUPS / self.system.name / self.name / "cgroup.freeze"
        file, stop, go = (v1, "FROZEN", "THAWED") if v1.exists() else (v2, "1", "0")
        file.write_text(stop)
        try:
            time.sleep(seconds)
        finally:
            file.write_text(go)

    def exec(self, *command: str) -> str:
        """Runs a command in the container and returns what it printed."""
        return self._runc("exec", self.id, *command, stdout=subprocess.PIPE, text=True).stdout

    def state(self) -> str | None:
        """As runc says: created, running, stopped; None when it does not know the container."""
        answer = self._runc("state", self.id, check=False, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)
        return json.loads(answer.stdout)["status"] if answer.returncode == 0 else None

    def wait_port(self, port: int, seconds: float = 20) -> None:
        """Waits until something accepts connections there."""
        def answers() -> bool:
            with network.inside(self.namespace), socket.socket() as probe:
                return probe.connect_ex((self.address, port)) == 0
        self._wait(answers, seconds, f"answer on port {port}")

    def listens(self, port: int) -> bool:
        """Does something listen there? Nobody connects to find out, which a service might notice."""
        with network.inside(self.namespace):
            return network.listens(port)

    def wait_listens(self, port: int, seconds: float = 20) -> None:
        """Waits until something listens there."""
        self._wait(lambda: self.listens(port), seconds, f"listen on port {port}")

    def _wait(self, condition, seconds: float, what: str) -> None:
        try:
            wait_for(condition, seconds, f"{self.name} to {what}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; its log ends:\n{self.log.read_text()[-1500:]}") from None

    def _runc(self, *arguments: str, check: bool = True, **options):
        command = ["runc", "--root", str(self.system.oci_root), *arguments]
        return subprocess.run(command, check=check, start_new_session=True, **options)


class System:
    """A context manager that holds containers, hosts and processes and takes them all away."""

    def __init__(self):
        self.name = f"skink-demo-{os.getpid()}"
        self.directory = BASE / self.name
        self.oci_root = self.directory / "oci"
        self.containers: list[Container] = []

    def __enter__(self) -> "System":
        sweep()
        os.umask(0o022)  # the containers' users read what is made here
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        self.directory.mkdir(parents=True)
        try:
            (self.directory / "owner").write_text(_identity(os.getpid()))
            self.oci_root.mkdir()
            self.network = network.Network(self.directory / "net")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Removes everything; a second Ctrl-C does not interrupt it."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
        try:
            remove(self.directory)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def host(self, name: str) -> Path:
        """A place on the network without a container: its namespace."""
        return self.network.attach(name)

    def container(self, name: str, image: Image) -> Container:
        container = Container(self, name, image)
        self.containers.append(container)
        return container

    def spawn(self, command: list[str], namespace: Path | None = None, **options) -> subprocess.Popen:
        """A child that ends with this run at the latest; namespace: where on the network it is."""
        command = ["setpriv", "--pdeathsig", "TERM", *command]
        with network.inside(namespace or Path("/proc/thread-self/ns/net")):
            child = subprocess.Popen(command, start_new_session=True, **options)
        with open(self.directory / "processes", "a", encoding="ascii") as file:
            file.write(_identity(child.pid))
        return child


def wait_for(condition, seconds: float, what: str, fail: bool = True) -> bool:
    """Polls until the condition holds; TimeoutError names what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            if fail:
                raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
            return False
        time.sleep(0.02)
    return True


# What a run left, and how it goes away. Only the directory's name and content are used, so that a
# run which was killed is removed in the same way as one that ends by itself.


def _identity(pid: int) -> str:
    """A line that tells this process from a later one with the same number; "" if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return f"{pid} {stat.rpartition(')')[2].split()[19]}\n"


def _end(pid: int, seconds: float) -> None:
    """SIGTERM, then SIGKILL when that did not help in time."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(process, number)
            if select.select([process], [], [], seconds)[0]:
                return
    except ProcessLookupError:
        pass
    finally:
        os.close(process)


def _cgroups(name: str) -> list[Path]:
    """The run's cgroup in every hierarchy (v1, hybrid or pure v2)."""
    return [path for path in (CGROUPS / name, *CGROUPS.glob(f"*/{name}")) if path.is_dir()]


def _remove_cgroup(path: Path) -> None:
    for child in [entry for entry in path.iterdir() if entry.is_dir()]:
        _remove_cgroup(child)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for pid in (path / "cgroup.procs").read_text().split():
            _end(int(pid), 0)
        try:
            path.rmdir()
            return
        except OSError:  # busy until its last process has been reaped
            time.sleep(0.02)


def _processes(name: str) -> list[int]:
    """Living processes that have the run's name in their command line or cgroup."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "cgroup").read_bytes()
            alive = (entry / "stat").read_text().rpartition(") ")[2][0] not in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            continue
        if alive and name.encode() in words and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def remove(directory: Path) -> None:
    """Takes away the run that the directory belongs to."""
    processes = directory / "processes"
    for line in reversed(processes.read_text().splitlines(True) if processes.exists() else []):
        pid = int(line.split()[0])
        if _identity(pid) == line:
            _end(pid, 10)
    for state in (directory / "oci").iterdir() if (directory / "oci").is_dir() else ():
        subprocess.run(["runc", "--root", str(state.parent), "delete", "--force", state.name],
                       start_new_session=True, stderr=subprocess.DEVNULL, check=False)
    for path in _cgroups(directory.name):
        _remove_cgroup(path)
    network.remove(directory / "net")
    shutil.rmtree(directory)
    if not any(BASE.iterdir()):
        BASE.rmdir()


def sweep() -> None:
    """Removes the runs whose owner is gone, as after a kill -9."""
    for directory in BASE.iterdir() if BASE.is_dir() else ():
        owner = directory / "owner"
        now = _identity(int(directory.name.rpartition("-")[2]))
        if not now or owner.exists() and owner.read_text() not in ("", now):
            remove(directory)


def leftovers(name: str) -> list[str]:
    """What a run left behind, in words; none after a clean end."""
    found = [f"cgroup {path}" for path in _cgroups(name)]
    if (BASE / name).exists():
        found.append(f"directory {BASE / name}")
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [f"mount {line.split()[4]}" for line in mounts if name in line]
    return found + [f"process {pid}" for pid in _processes(name)]
