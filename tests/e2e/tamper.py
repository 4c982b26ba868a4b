"""Work against Skink itself. Each attempt returns what the alarm of its point says of it."""

import ctypes
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from agent import Skink
from conftest import wait_until

NOTICED = 5  # seconds


class Guarded(Skink):
    """With a guardian: the process that was started is not the daemon."""

    def __init__(self, program, path, **settings):
        super().__init__(program, path, {}, guardian=True, alerts={"stdout": True}, **settings)

    @property
    def pid(self):
        return self.status()["agent"]["pid"]

    @property
    def guardian(self):
        return self.status()["self"]["guardian"]

    def told(self, point, text=""):
        """The alarm of this point; within the time in which each must be noticed."""
        def found():
            lines = [json.loads(line) for line in self.said().splitlines() if line[:1] == "{"]
            return [line for line in lines if line.get("point") == point and
                    text in line["message"] and line["state"] != "closed"]

        alarm = wait_until(found, NOTICED)
        assert alarm, f"no alarm {point}: {text}\n{self.said()}"
        return alarm[0]

    def child(self, name):
        """The process of the daemon's own with this name."""
        found = subprocess.run(["pgrep", "-P", str(self.pid), name], capture_output=True, text=True,
                               check=True)
        return int(found.stdout)

    def answers(self):
        """Is there a daemon now?"""
        return self._ask("status").returncode == 0

    def end(self, number=signal.SIGTERM):
        """By its guardian, which may be another one than was started."""
        if self.process.poll() is None:
            super().end(number)
            return
        os.kill(self.guardian, number)
        assert wait_until(lambda: not self.socket.exists(), 30), self.said()

    def quiet(self):
        """No alarm has been raised."""
        return not any('"detector":"self"' in line for line in self.said().splitlines())


def kill(daemon):
    pid = daemon.pid
    os.kill(pid, signal.SIGKILL)
    return f"the daemon (pid {pid}) was killed by signal 9"


def stop(daemon):
    pid = daemon.pid
    os.kill(pid, signal.SIGSTOP)
    return f"the daemon (pid {pid}) had been stopped"


def kill_guardian(daemon):
    pid = daemon.guardian
    os.kill(pid, signal.SIGKILL)
    return f"the guardian (pid {pid}) was killed"


def stop_guardian(daemon):
    pid = daemon.guardian
    os.kill(pid, signal.SIGSTOP)
    return f"the guardian (pid {pid}) had been stopped"


def kill_hand(daemon):
    pid = daemon.child("skink-hand")
    os.kill(pid, signal.SIGKILL)
    return f"the hand (pid {pid}) has been killed"


def stop_hand(daemon):
    pid = daemon.child("skink-hand")
    os.kill(pid, signal.SIGSTOP)
    return f"the hand (pid {pid}) had been stopped"


def kill_canary(daemon):
    os.kill(daemon.child("skink-canary"), signal.SIGKILL)
    return "the canary has been killed"


def stop_canary(daemon):
    pid = daemon.child("skink-canary")
    os.kill(pid, signal.SIGSTOP)
    return f"the canary (pid {pid}) had been stopped"


def bpftool(*words):
    done = subprocess.run(["bpftool", "-j", *words], capture_output=True, text=True, check=True)
    return json.loads(done.stdout) if done.stdout.strip() else None


def held(daemon, kind):
    """Objects of a kind in the kernel that the daemon holds."""
    ids = set()
    for entry in Path(f"/proc/{daemon.pid}/fdinfo").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            ids |= set(re.findall(rf"^{kind}_id:\s*(\d+)", entry.read_text(), re.M))
    return [one for one in bpftool(kind, "list") if str(one["id"]) in ids]


def _key(number, size=4):
    return ["key", *(str(byte) for byte in number.to_bytes(size, "little"))]


def _number(value):
    return int.from_bytes(bytes(int(byte, 16) for byte in value), "little")


def _map(daemon, name):
    return ["id", str(next(one["id"] for one in held(daemon, "map") if one["name"] == name))]


def some_table(daemon):
    """An entry of the map of pattern tables: its place, for bpftool, and its value. The last one in
    use, which is the canary's: the others come and go with the containers of the machine."""
    tables = _map(daemon, "tables")
    used = [entry for entry in bpftool("map", "dump", *tables)
            if any(byte != "0x00" for byte in entry["value"])]
    return [*tables, *_key(_number(used[-1]["key"]))], used[-1]["value"]


def wipe_map(daemon):
    place, before = some_table(daemon)
    bpftool("map", "update", *place, "value", *["0"] * len(before))
    return "has changed 1 pattern tables"


def cgroups(daemon):
    """Which place each watched cgroup leads to, as the kernel has it."""
    return {_number(entry["key"]): _number(entry["value"])
            for entry in bpftool("map", "dump", *_map(daemon, "by_cgroup"))}


def forget_cgroups(daemon):
    """A container whose cgroup leads nowhere is not watched: neither is who enters it."""
    for cgroup in cgroups(daemon):
        with suppress(subprocess.CalledProcessError):  # gone meanwhile
            bpftool("map", "delete", *_map(daemon, "by_cgroup"), *_key(cgroup, 8))
    return "points which replicas are watched"


def canary_place(daemon):
    """The place of the replica that is the canary."""
    known = cgroups(daemon)
    for line in Path(f"/proc/{daemon.child('skink-canary')}/cgroup").read_text().splitlines():
        _, hierarchy, path = line.split(":", 2)
        with suppress(FileNotFoundError):
            inode = Path(f"/sys/fs/cgroup/{hierarchy}{path}").stat().st_ino
            if inode in known:
                return known[inode]
    raise AssertionError("the canary is in no cgroup that is watched")


def canary_mode(daemon):
    """Where the mode of the canary's place is, for bpftool, and the place's value."""
    place = [*_map(daemon, "replicas"), *_key(canary_place(daemon))]
    return place, bpftool("map", "lookup", *place)["value"]


def switch_off(daemon):
    """A replica whose mode is 0 is not judged. The canary's, since the others come and go."""
    place, value = canary_mode(daemon)
    bpftool("map", "update", *place, "value", *["0"] * 4, *value[4:])
    return "points which replicas are watched"


def some_bucket(daemon):
    """Places for patterns of a table in use: where they are, for bpftool, and their values."""
    bucket = _number(some_table(daemon)[1][:8]) >> 8  # struct table begins with its windows
    segment = bpftool("map", "lookup", *_map(daemon, "pool"), *_key(bucket >> 10))
    number = segment.get("inner_map_id") or _number(segment["value"])
    place = ["id", str(number), *_key(bucket % 1024)]
    return place, bpftool("map", "lookup", *place)["value"]


def add_pattern(daemon):
    """What is known is no novelty: an intruder would have his own calls known."""
    place, before = some_bucket(daemon)
    bpftool("map", "update", *place, "value", "7", *before[1:])
    return "has changed 1 patterns"


def cgroup_links(daemon):
    """Links that anybody with rights can detach, or give another program."""
    return [one for one in held(daemon, "link") if one["type"] == "cgroup" and one.get("cgroup_id")]


def _bpf(command, attributes):
    """bpf(2), of which bpftool knows a part."""
    number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    return ctypes.CDLL(None).syscall(number, command, attributes, len(attributes))


def _load_nothing(attach_type):
    """A program of a cgroup's sockets that lets everything pass."""
    code = struct.pack("<BBhi", 0xb7, 0, 0, 1) + struct.pack("<BBhi", 0x95, 0, 0, 0)
    words = [ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")]
    return _bpf(5, struct.pack("=IIQQIIQII16sII", 18, len(code) // 8,
                               *(ctypes.addressof(word) for word in words), 0, 0, 0, 0, 0, b"none",
                               0, attach_type))


def replace_program(daemon):
    link = _bpf(30, struct.pack("=III", cgroup_links(daemon)[-1]["id"], 0, 0))
    descriptors = [link]
    for attach_type in (10, 11, 14, 15, 19, 20):  # connect, sendto and recvfrom, IPv4 and IPv6
        descriptors.append(_load_nothing(attach_type))
        if _bpf(29, struct.pack("=IIII", link, descriptors[-1], 0, 0)) == 0:
            break
    else:
        raise AssertionError("the kernel takes no other program")
    for descriptor in descriptors:
        os.close(descriptor)
    return "has detached or replaced 1 programs"


def edit_log(daemon):
    file = daemon.state / "sealed.log"
    assert wait_until(lambda: '"kind":"start"' in file.read_text())
    file.write_text(file.read_text().replace("start", "stopp"))
    return "another has changed it"


def _connect(daemon):
    client = socket.socket(socket.AF_UNIX)
    # A time-out of Python's own would give up at once while the daemon has not accepted the last.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 1, 0))
    client.connect(str(daemon.socket))
    return client


@contextmanager
def flooded(daemon):
    """Thousands of connections, and garbage in them; a hundred stay open."""
    for number in range(3000):
        with suppress(OSError), _connect(daemon) as client:
            client.send(os.urandom(number % 512) + b"\n")
    clients = []
    for _ in range(100):
        with suppress(OSError):
            clients.append(_connect(daemon))
    try:
        yield "flooded"
    finally:
        for client in clients:
            client.close()


@contextmanager
def clock_jumped(_daemon, seconds=3):
    """The whole machine's time of day; afterwards it is set back."""
    def jump(by):
        time.clock_settime(time.CLOCK_REALTIME, time.time() + by)

    jump(seconds)
    try:
        yield f"the time of day jumped by +{seconds}"
    finally:
        jump(-seconds)


@contextmanager
def small_disk(daemon):
    """The state directory of a daemon that is not started yet, on a disk of its own."""
    daemon.state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", daemon.state], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", daemon.state], check=True)


def fill_disk(daemon):
    with suppress(OSError), open(daemon.state / "ballast", "wb", 0) as ballast:
        while True:
            ballast.write(bytes(512))
    while daemon.status()["self"]["log"]["failures"] == 0:
        daemon.process.send_signal(signal.SIGHUP)
    return "No space left"
