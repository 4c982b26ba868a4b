"""An OCI bundle from the host's /usr: real containers without an image or a registry.

The root is a folder with the links of a merged /usr; /usr is bound read-only; /etc holds only what
is written here, nothing of the host's but the linker's cache. The root is read-only, /tmp and /run
are tmpfs, all namespaces are the container's own.
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

USERS = {"root": 0, "www-data": 33, "redis": 70, "postgres": 71, "nobody": 65534}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"


@dataclass
class Image:
    """What an image would say: the program, whom it runs as, which service and version it is."""

    service: str
    version: str
    command: list[str]
    user: str = "nobody"
    environment: dict[str, str] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)  # copied to, from
    volumes: dict[str, Path] = field(default_factory=dict)  # mounted at, kept in
    secrets: dict[str, str] = field(default_factory=dict)  # path, text that only the user may read


def _write(root: Path, path: str, text: str, mode: int = 0o644, uid: int = 0) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    target.chmod(mode)
    os.chown(target, uid, uid)


def make_root(root: Path, image: Image, hosts: dict[str, str]) -> None:
    """What a container finds at /, but for the mounts."""
    root.mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for name in ("usr", "proc", "sys", "dev", "tmp", "run", "etc", *image.volumes):
        (root / name.lstrip("/")).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "run"):
        (root / name).chmod(0o1777)  # runc gives a tmpfs the mode of what it covers
    users = [f"{name}:x:{uid}:{uid}:{name}:/tmp:/bin/sh" for name, uid in USERS.items()]
    groups = [f"{name}:x:{uid}:" for name, uid in USERS.items()]
    addresses = [f"{address} {name}" for name, address in hosts.items()]
    _write(root, "/etc/passwd", "\n".join(users) + "\n")
    _write(root, "/etc/group", "\n".join(groups) + "\n")
    _write(root, "/etc/shadow", "root:$y$j9T$demo$notarealhash:19700:0:99999:7:::\n", 0o600)
    _write(root, "/etc/hosts", "\n".join(["127.0.0.1 localhost", *addresses]) + "\n")
    _write(root, "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
    shutil.copy("/etc/ld.so.cache", root / "etc/ld.so.cache")
    for path, text in image.secrets.items():
        _write(root, path, text, 0o400, USERS[image.user])
    for path, source in image.folders.items():
        _copy(source, root / path.lstrip("/"))


def _copy(source: Path, target: Path) -> None:
    """Whatever the umask of the clone was, everybody may read the copy."""
    target.mkdir(parents=True, exist_ok=True)
    target.chmod(0o755)
    for file in (entry for entry in source.iterdir() if entry.is_file()):
        shutil.copyfile(file, target / file.name)
        (target / file.name).chmod(0o644)


def _mount(target: str, kind: str, source: str, *options: str) -> dict:
    return {"destination": target, "type": kind, "source": source, "options": list(options)}


def _mounts(image: Image) -> list[dict]:
    safe = ("nosuid", "nodev")
    mounts = [
        _mount("/proc", "proc", "proc"),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "mode=755", "size=64k"),
        _mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666"),
        _mount("/dev/shm", "tmpfs", "shm", *safe, "noexec", "mode=1777", "size=64m"),
        _mount("/sys", "sysfs", "sysfs", *safe, "noexec", "ro"),
        _mount("/usr", "bind", "/usr", "rbind", "ro"),
        _mount("/tmp", "tmpfs", "tmpfs", *safe, "mode=1777", "size=64m"),
        _mount("/run", "tmpfs", "tmpfs", *safe, "mode=1777", "size=16m"),
    ]
    return mounts + [_mount(target, "bind", str(source), "bind", "rw")
                     for target, source in image.volumes.items()]


def make(directory: Path, name: str, image: Image, namespace: Path, cgroup: str,
         hosts: dict[str, str]) -> None:
    """Writes config.json and rootfs/ below the directory."""
    make_root(directory / "rootfs", image, hosts)
    uid = USERS[image.user]
    environment = {"PATH": PATH, "HOME": "/tmp", "HOSTNAME": name, **image.environment}
    spec = {
        "ociVersion": "1.0.2",
        "hostname": name,
        "root": {"path": "rootfs", "readonly": True},
        "process": {
            "user": {"uid": uid, "gid": uid},
            "args": image.command,
            "env": [f"{key}={value}" for key, value in environment.items()],
            "cwd": "/",
            "noNewPrivileges": True,
            "capabilities": {},
        },
        "mounts": _mounts(image),
        "annotations": {
            "org.opencontainers.image.title": image.service,
            "org.opencontainers.image.version": image.version,
        },
        "linux": {
            "cgroupsPath": cgroup,
            "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]
            + [{"type": "network", "path": str(namespace)}],
        },
    }
    (directory / "config.json").write_text(json.dumps(spec, indent=1))
