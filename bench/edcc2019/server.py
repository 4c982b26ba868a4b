"""MariaDB in a container of runc, Docker or LXC, from Debian's own package.

The container's root has the links of a merged /usr, the host's /usr read-only, and an /etc of three
files. Its network namespace has nothing but loopback: a client enters it. All that an engine keeps
lies below the folder that it is given, and all that it starts ends with it.
"""

import json
import os
import pwd
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

NAME = f"skink-edcc-{os.getpid()}"
CGROUPS = Path("/sys/fs/cgroup")
USER = pwd.getpwnam("mysql")
FOLDERS = ("usr", "proc", "sys", "dev", "etc", "tmp", "run", "data")
INIT = ("CREATE USER IF NOT EXISTS tpcc@127.0.0.1 IDENTIFIED BY 'tpcc';\n"
        "GRANT ALL ON *.* TO tpcc@127.0.0.1;\n")
COMMAND = ["/bin/sh", "-c", "test -d /data/mysql || mariadb-install-db --no-defaults "
           "--datadir=/data --skip-test-db --skip-name-resolve && exec mariadbd --no-defaults "
           "--datadir=/data --socket=/run/mariadb.sock --skip-name-resolve "
           "--bind-address=127.0.0.1 --init-file=/etc/init.sql"]
START_LIMIT = 120  # seconds


def run(*command, check=True, **options):
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True, **options}
    return (subprocess.run([*map(str, command)], check=check, **options).stdout or "").strip()


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.1)


def make_root(path):
    """The container's root; /usr is mounted over it."""
    for name in FOLDERS:
        (path / name).mkdir(parents=True)
    for name in ("tmp", "run"):
        (path / name).chmod(0o1777)
    for name in ("bin", "sbin", "lib", "lib64"):
        (path / name).symlink_to(f"usr/{name}")
    (path / "etc/passwd").write_text(
        f"root:x:0:0::/:/bin/sh\nmysql:x:{USER.pw_uid}:{USER.pw_gid}::/data:/bin/sh\n")
    (path / "etc/hosts").write_text("127.0.0.1 localhost mariadb\n")
    (path / "etc/init.sql").write_text(INIT)
    return path


def remove_cgroups():
    """The empty ones that engines leave in every hierarchy (v1, hybrid or pure v2)."""
    for name in (NAME, "lxc.pivot"):
        for path in (CGROUPS / name, *CGROUPS.glob(f"*/{name}")):
            for folder, _, _ in os.walk(path, topdown=False):
                with suppress(OSError):  # in use by another
                    os.rmdir(folder)


class Server:
    """One container. Which process is its first, and what the engine is told, differ."""

    say_version = ()

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir()
        os.chown(self.data, USER.pw_uid, USER.pw_gid)
        self.log = folder / "log"

    def start(self):
        raise NotImplementedError

    def end(self):
        raise NotImplementedError

    def pid(self):
        """Of the container's first process, as the host counts; 0 when it does not run."""
        raise NotImplementedError

    def cgroup(self):
        """As `skink record --cgroup` wants it: below the hierarchy that tells containers apart."""
        lines = Path(f"/proc/{self.pid()}/cgroup").read_text().splitlines()
        paths = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in lines}
        return paths.get("pids", paths.get(""))

    def enter(self, *command):
        """The command, in the container's network and nothing else of it."""
        return ["nsenter", f"--net=/proc/{self.pid()}/ns/net", *command]

    def answers(self):
        if not self.pid():
            raise RuntimeError(f"MariaDB has ended; its log ends:\n{self.log_text()[-2000:]}")
        ping = self.enter("mariadb-admin", "--no-defaults", "-h127.0.0.1", "-utpcc", "-ptpcc",
                          "ping")
        return subprocess.run(ping, capture_output=True, check=False).returncode == 0

    def log_text(self):
        return self.log.read_text()

    def versions(self):
        """Of the engine and of the server."""
        said = run(*self.say_version), run("mariadbd", "--version")
        return [re.search(r"\d+\.\d+[\w.+-]*", text)[0] for text in said]

    def __enter__(self):
        try:
            self.start()
            wait_for(self.answers, START_LIMIT, "MariaDB to answer")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.end()
        remove_cgroups()


class InRunc(Server):
    say_version = ("runc", "--version")

    def start(self):
        make_root(self.folder / "rootfs")
        safe = ["nosuid", "nodev"]
        mounts = [("/proc", "proc", "proc", []), ("/usr", "bind", "/usr", ["rbind", "ro"]),
                  ("/dev", "tmpfs", "tmpfs", ["nosuid", "mode=755", "size=64k"]),
                  ("/tmp", "tmpfs", "tmpfs", [*safe, "mode=1777"]),
                  ("/run", "tmpfs", "tmpfs", [*safe, "mode=1777"]),
                  ("/data", "bind", str(self.data), ["bind", "rw"])]
        spec = {
            "ociVersion": "1.0.2",
            "hostname": "mariadb",
            "root": {"path": "rootfs", "readonly": True},
            "process": {"user": {"uid": USER.pw_uid, "gid": USER.pw_gid}, "args": COMMAND,
                        "cwd": "/", "env": ["PATH=/usr/sbin:/usr/bin"], "noNewPrivileges": True},
            "mounts": [dict(zip(("destination", "type", "source", "options"), mount))
                       for mount in mounts],
            "linux": {"cgroupsPath": f"/{NAME}", "namespaces": [
                {"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")]},
        }
        (self.folder / "config.json").write_text(json.dumps(spec))
        with open(self.log, "wb") as log:
            self._runc("run", "--detach", "--bundle", self.folder, NAME, stdout=log, stderr=log)

    def _runc(self, *words, **options):
        return run("runc", "--root", self.folder / "runc", *words, **options)

    def pid(self):
        state = self._runc("state", NAME, check=False, stderr=subprocess.DEVNULL)
        return json.loads(state)["pid"] if state else 0

    def end(self):
        if self.pid():
            self._runc("kill", NAME, "TERM", check=False, stderr=subprocess.DEVNULL)
            with suppress(TimeoutError):
                wait_for(lambda: not self.pid(), 30, "MariaDB to end")
        self._runc("delete", "--force", NAME, check=False, stderr=subprocess.DEVNULL)


class InDocker(Server):
    """With a Docker daemon of its own, which lives as long as the container."""

    say_version = ("dockerd", "--version")
    daemon = None

    def _docker(self, *words, **options):
        return run("docker", "-H", f"unix://{self.folder}/socket", *words, **options)

    def _start_daemon(self):
        with open(self.folder / "dockerd.log", "wb") as log:
            self.daemon = subprocess.Popen(
                ["dockerd", "--data-root", self.folder / "docker", "--exec-root",
                 self.folder / "exec", "-p", self.folder / "dockerd.pid", "-H",
                 f"unix://{self.folder}/socket", "--iptables=false", "--bridge=none"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_for((self.folder / "socket").is_socket, 30, "dockerd")

    def start(self):
        self._start_daemon()
        image = self.folder / "image.tar"
        run("tar", "-C", make_root(self.folder / "rootfs"), "-cf", image, ".")
        self._docker("import", image, NAME)
        self._docker("run", "--detach", "--name", NAME, "--network=none",
                     f"--cgroup-parent=/{NAME}", f"--user={USER.pw_uid}:{USER.pw_gid}",
                     "--volume=/usr:/usr:ro", f"--volume={self.data}:/data", "--tmpfs=/tmp",
                     "--tmpfs=/run:mode=1777", NAME, *COMMAND)

    def pid(self):
        said = self._docker("inspect", "--format={{.State.Pid}}", NAME, check=False)
        return int(said or 0)

    def log_text(self):
        return self._docker("logs", NAME, stderr=subprocess.STDOUT)

    def end(self):
        if not self.daemon:
            return
        self._docker("stop", "--time=30", NAME, check=False, stderr=subprocess.DEVNULL)
        self._docker("rm", "--force", NAME, check=False, stderr=subprocess.DEVNULL)
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(30)


class InLxc(Server):
    say_version = ("lxc-start", "--version")

    def start(self):
        self.log = self.data / "log"
        root = make_root(self.folder / "rootfs")
        start = root / "start"
        start.write_text(f"#!/bin/sh\nPATH=/usr/sbin:/usr/bin\nexport PATH\n"
                         f"exec >/data/{self.log.name} 2>&1\n{COMMAND[-1]}\n")
        start.chmod(0o755)
        (self.folder / NAME).mkdir()
        (self.folder / NAME / "config").write_text(
            f"lxc.uts.name = mariadb\nlxc.rootfs.path = dir:{root}\nlxc.net.0.type = empty\n"
            "lxc.net.0.flags = up\n"
            f"lxc.cgroup.dir = {NAME}\n"
            "lxc.mount.entry = /usr usr none ro,bind 0 0\n"
            "lxc.mount.entry = tmpfs tmp tmpfs mode=1777 0 0\n"
            "lxc.mount.entry = tmpfs run tmpfs mode=1777 0 0\n"
            f"lxc.mount.entry = {self.data} data none rw,bind 0 0\n"
            "lxc.mount.auto = proc:mixed\nlxc.init.cmd = /start\n"
            f"lxc.init.uid = {USER.pw_uid}\nlxc.init.gid = {USER.pw_gid}\n")
        self.log.touch()
        os.chown(self.log, USER.pw_uid, USER.pw_gid)
        self._lxc("start", "--daemon", "--logfile", self.folder / "lxc.log")

    def _lxc(self, tool, *words, **options):
        return run(f"lxc-{tool}", "-P", self.folder, "-n", NAME, *words, **options)

    def pid(self):
        said = self._lxc("info", "-pH", check=False, stderr=subprocess.DEVNULL)
        return int(said) if said.isdigit() else 0

    def end(self):
        if self.pid():
            with suppress(ProcessLookupError, TimeoutError):
                os.kill(self.pid(), signal.SIGTERM)
                wait_for(lambda: not self.pid(), 30, "MariaDB to end")
        self._lxc("stop", "-k", check=False, stderr=subprocess.DEVNULL)


ENGINES = {"runc": InRunc, "docker": InDocker, "lxc": InLxc}
