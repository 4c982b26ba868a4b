"""Two ways to run the same images: runc with namespaces of our own, and Docker.

Both keep everything below one directory and under one name, so that a later command, and `down`,
find it again. A *place* is an address on the shop's network with a namespace: each container has
one, and so have those outside of the shop.
"""

import json
import os
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bundle
import containers
import network
from bundle import Image

SUBNET = "10.78.0"


def _run(*command, **options) -> str:
    return subprocess.run([*map(str, command)], check=True, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, start_new_session=True, **options).stdout


def _remove_if_empty(directory: Path) -> None:
    if not os.listdir(directory):
        directory.rmdir()


class _Network(network.Network):
    """The demo's network, which a later command finds again."""

    def __init__(self, directory: Path):
        self._file = directory.parent / "addresses"
        if not directory.is_dir():
            super().__init__(directory, SUBNET)
            return
        self.directory, self.subnet, self.hub = directory, SUBNET, directory / "hub"
        self.addresses = json.loads(self._file.read_text())

    def attach(self, name: str) -> Path:
        """The same name has the same address for ever."""
        if name not in self.addresses:
            super().attach(name)
            self._file.write_text(json.dumps(self.addresses))
        return self.directory / name


class Runc:
    """Bundles from the host's /usr (demo/bundle.py) on a bridge in a namespace."""

    def __init__(self, directory: Path):
        self.name, self.directory = directory.name, directory
        self.oci_root = directory / "oci"
        self.oci_root.mkdir(exist_ok=True)
        self.network = _Network(directory / "net")

    def place(self, name: str) -> Path:
        """The namespace of this name; it is made when there is none."""
        return self.network.attach(name)

    def outside(self, name: str) -> None:
        """A place that is no part of the shop."""
        self.place(name)

    def address(self, name: str) -> str:
        return self.network.addresses[name]

    def start(self, name: str, image: Image) -> None:
        """Replaces what the container left, if it ran before; its log goes on."""
        shutil.rmtree(self.directory / name / "rootfs", ignore_errors=True)
        containers.Container(self, name, image).start()

    def _id(self, name: str) -> str:
        return f"{self.name}-{name}"

    def _runc(self, *words) -> str:
        return _run("runc", "--root", self.oci_root, *words)

    def stop(self, name: str) -> None:
        containers.Container(self, name, None).stop()
        shutil.rmtree(self.directory / name / "rootfs")

    def kill(self, name: str) -> None:
        self._runc("delete", "--force", self._id(name))

    def pause(self, name: str) -> None:
        self._runc("pause", self._id(name))

    def resume(self, name: str) -> None:
        self._runc("resume", self._id(name))

    def slow(self, name: str, share: float) -> None:
        """At most so many processors; 0: no limit."""
        self._runc("update", "--cpu-period", 100000, "--cpu-quota", int(share * 100000) or -1,
                   self._id(name))

    def pid(self, name: str) -> int:
        return json.loads(self._runc("state", self._id(name)))["pid"]

    def log(self, name: str) -> str:
        return (self.directory / name / "log").read_text(errors="replace")

    def remove(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda state: subprocess.run(
                ["runc", "--root", self.oci_root, "delete", "--force", state.name],
                start_new_session=True, stderr=subprocess.DEVNULL, check=False),
                self.oci_root.iterdir()))
        # remove() takes this folder, if it is empty, for its own
        containers.BASE.mkdir(exist_ok=True)
        containers.remove(self.directory)
        _remove_if_empty(self.directory.parent)


class Docker:
    """The same images imported into the Docker of this host, on an internal network of its own."""

    def __init__(self, directory: Path):
        self.name, self.directory = directory.name, directory
        if not _run("docker", "network", "ls", "-q", "--filter", f"name=^{self.name}$"):
            _run("docker", "network", "create", "--internal", "--subnet", f"{SUBNET}.0/24",
                 self.name)
        self._importing = threading.Lock()
        self._file = directory / "addresses"
        self.addresses = json.loads(self._file.read_text()) if self._file.exists() else {}

    def place(self, name: str) -> Path:
        """Namespaces are Docker's; one outside of the shop belongs to a container that sleeps."""
        if name not in self.addresses:
            self.addresses[name] = f"{SUBNET}.{len(self.addresses) + 2}"
            self._file.write_text(json.dumps(self.addresses))
        if not self._docker("ps", "-q", "--filter", f"name=^{self._id(name)}$"):
            return Path("/proc/thread-self/ns/net")
        return Path(f"/proc/{self.pid(name)}/ns/net")

    def outside(self, name: str) -> None:
        """A place that is no part of the shop: a container that sleeps."""
        self.place(name)
        self.start(name, Image(name, "1", ["sleep", "infinity"]))

    def address(self, name: str) -> str:
        return self.addresses[name]

    def _id(self, name: str) -> str:
        return f"{self.name}-{name}"

    def _docker(self, *words) -> str:
        return _run("docker", *words)

    def start(self, name: str, image: Image) -> None:
        tag = f"{self.name}/{image.service}:{image.version}"
        self._import(tag, image)
        subprocess.run(["docker", "rm", "-f", self._id(name)], check=False, capture_output=True)
        uid = bundle.USERS[image.user]
        environment = {"PATH": bundle.PATH, "HOME": "/tmp", **image.environment}
        words = ["run", "-d", "--name", self._id(name), "--hostname", name, "--network", self.name,
                 "--ip", self.address(name), "--read-only", "--user", f"{uid}:{uid}",
                 "-v", "/usr:/usr:ro",
                 "--tmpfs", "/tmp:mode=1777", "--tmpfs", "/run:mode=1777", "--cap-drop", "ALL",
                 "--security-opt", "no-new-privileges", "--label", f"{self.name}=1",
                 "--label", f"com.docker.compose.service={image.service}",
                 "--label", f"org.opencontainers.image.version={image.version}"]
        for key, value in {**environment, "HOSTNAME": name}.items():
            words += ["-e", f"{key}={value}"]
        for path, folder in image.volumes.items():
            words += ["-v", f"{folder}:{path}"]
        for other, address in self.addresses.items():
            words += ["--add-host", f"{other}:{address}"]
        self._docker(*words, tag, *image.command)

    def _import(self, tag: str, image: Image) -> None:
        """The root of a bundle is all that an image needs."""
        with self._importing:
            if self._docker("images", "-q", tag):
                return
            root = self.directory / "image"
            bundle.make_root(root, image, {})
            with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as packed:
                subprocess.run(["docker", "import", "-", tag], stdin=packed.stdout, check=True,
                               stdout=subprocess.DEVNULL)
            shutil.rmtree(root)

    def stop(self, name: str) -> None:
        self._docker("stop", "-t", 5, self._id(name))
        self.kill(name)

    def kill(self, name: str) -> None:
        self._docker("rm", "-f", self._id(name))

    def pause(self, name: str) -> None:
        self._docker("pause", self._id(name))

    def resume(self, name: str) -> None:
        self._docker("unpause", self._id(name))

    def slow(self, name: str, share: float) -> None:
        """At most so many processors; 0: no limit."""
        self._docker("update", "--cpu-period", 100000, "--cpu-quota", int(share * 100000) or -1,
                     self._id(name))

    def pid(self, name: str) -> int:
        return int(self._docker("inspect", "-f", "{{.State.Pid}}", self._id(name)))

    def log(self, name: str) -> str:
        return _run("docker", "logs", self._id(name), stderr=subprocess.STDOUT)

    def remove(self) -> None:
        for kind, listed, label in (("rm", "ps -aq", f"label={self.name}"),
                                    ("rmi", "images -q", f"reference={self.name}/*")):
            if found := self._docker(*listed.split(), "--filter", label).split():
                self._docker(kind, "-f", *set(found))
        self._docker("network", "rm", self.name)
        shutil.rmtree(self.directory)
        _remove_if_empty(self.directory.parent)


ENGINES = {"runc": Runc, "docker": Docker}
