"""Network namespaces joined by a bridge that lies in one of them: the host's network is not touched.

A namespace is kept by a bind mount on a file of the run's own directory, so that whoever finds the
directory can take everything away again, and `ip netns` (which mounts over /run/netns) is not needed.
"""

import ctypes
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000
LISTEN = "0A"  # a state, in /proc/net/tcp
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd: int) -> None:
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns: cannot enter a network namespace (are you root?)")


@contextmanager
def inside(namespace: Path):
    """The calling thread works in the namespace; sockets and children made meanwhile stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(there)
        yield
    finally:
        _setns(home)
        os.close(there)
        os.close(home)


def listens(port: int) -> bool:
    """Is there a listener on the TCP port, in the namespace that the thread is in?"""
    for name in ("tcp", "tcp6"):
        lines = Path(f"/proc/thread-self/net/{name}").read_text().splitlines()[1:]
        for _, local, _, state, *_ in map(str.split, lines):
            if state == LISTEN and int(local.rpartition(":")[2], 16) == port:
                return True
    return False


def _ip(namespace: Path, *lines: str) -> None:
    """Runs lines of `ip` in one go."""
    with inside(namespace):
        subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True,
                       start_new_session=True)


class Network:
    """A bridge in a namespace of its own, and one namespace for each host attached to it."""

    def __init__(self, directory: Path, subnet: str = "10.77.0"):
        self.directory = directory
        self.subnet = subnet
        self.addresses: dict[str, str] = {}
        directory.mkdir()
        self.hub = self._create("hub")
        _ip(self.hub, "link set lo up", "link add br0 type bridge", "link set br0 up")

    def _create(self, name: str) -> Path:
        path = self.directory / name
        path.touch()
        subprocess.run(["unshare", f"--net={path}", "true"], check=True, start_new_session=True)
        return path

    def attach(self, name: str) -> Path:
        """A namespace with loopback and an eth0 on the bridge; its address is in `addresses`."""
        number = len(self.addresses) + 1
        address = f"{self.subnet}.{number}"
        namespace = self._create(name)
        _ip(self.hub, f"link add port{number} master br0 type veth peer name eth0 netns {namespace}",
            f"link set port{number} up")
        _ip(namespace, f"address add {address}/24 dev eth0", "link set lo up", "link set eth0 up")
        self.addresses[name] = address
        return namespace


def remove(directory: Path) -> None:
    """Takes away every namespace below the directory. Links vanish with their namespaces."""
    for path in directory.iterdir() if directory.is_dir() else ():
        while os.path.ismount(path) or _is_namespace(path):
            if subprocess.run(["umount", "--lazy", path], start_new_session=True,
                              stderr=subprocess.DEVNULL).returncode != 0:
                break
        path.unlink()


def _is_namespace(path: Path) -> bool:
    """A namespace file lies on nsfs, another device than its directory (ismount misses files)."""
    return path.stat().st_dev != path.parent.stat().st_dev
