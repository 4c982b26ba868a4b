"""Refusing calls (BPF LSM): a service that has been taken over goes on serving, but what it was never
seen to do, it cannot do any more."""

import json
import socket
import threading
import time

import pytest
from machine import daemon, learned, run, skink, start_container, wait_for

NAME = "shop-crun"
OTHERS = "hold,stop,pause,quarantine,throttle,redirect,remap,kill,evidence,replace,revoke"
CONFIGURATION = json.dumps({
    "learn": {"interval": "3s", "sigma": 1, "steady": 3, "min_calls": 500},
    "services": {NAME: {"harm": {"criticality": 1, "confidentiality_impact": "high"},
                        "respond": {"policy": "ask", "except": OTHERS}}}})
# Answers "work" by what it always does; any other request is evaluated: the hole.
SERVICE = """
import ctypes, errno, os, socket, subprocess
libc = ctypes.CDLL(None, use_errno=True)
os.chdir("/usr/share")

def mount():
    if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None):
        raise OSError(ctypes.get_errno(), "mount")

def work():
    open("/tmp/log", "a").write("x")
    open("../lib/os-release").read()
    subprocess.run(["/usr/bin/true"])
    socket.create_connection(("127.0.0.1", 7001)).close()

listener = socket.create_server(("127.0.0.1", 7000))
while True:
    client = listener.accept()[0]
    try:
        request = client.recv(4096).decode()
        eval("work()" if request == "work" else request)
        client.sendall(b"done")
    except OSError as error:
        client.sendall(errno.errorcode[error.errno].encode())
    client.close()
"""
ATTACKS = {
    "exec": 'subprocess.run(["/bin/sh", "-c", ":"])',
    "open": 'open("/etc/shadow").close()',
    "link": 'os.path.lexists("/tmp/link") or os.symlink("/etc/shadow", "/tmp/link"), open("/tmp/link")',
    "connect": 'socket.create_connection(("127.0.0.1", 7002)).close()',
    "send": 'socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 7003))',
    "mount": "mount(), libc.umount(b'/tmp')",
}


def ask(request):
    with socket.create_connection(("127.0.0.1", 7000), timeout=120) as service:
        service.sendall(request.encode())
        return service.recv(100).decode()


def attack():
    """What comes of each attempt."""
    return {name: ask(request) for name, request in ATTACKS.items()}


class Listeners:
    """The peer that the service calls, and one that it does not."""

    def __init__(self):
        self.sockets = [socket.create_server(("127.0.0.1", port)) for port in (7001, 7002)]
        for each in self.sockets:
            threading.Thread(target=self._answer, args=[each], daemon=True).start()

    def _answer(self, listener):
        while True:
            listener.accept()[0].close()


@pytest.fixture(name="plan", scope="module")
def plan_fixture(tmp_path_factory):
    """The plan that waits for a person, after an attack on the learned service."""
    path = tmp_path_factory.mktemp("shop")
    (path / "service.py").write_text(SERVICE)
    Listeners()
    with daemon(CONFIGURATION):
        start_container(NAME, path, "/usr/bin/python3", "-S", "/tmp/service.py",
                        capabilities=["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])
        wait_for(listens, "the service")
        wait_for(lambda: not run_work() and learned(NAME) and accesses() == "watching",
                 "the profile", 900)
        assert set(attack().values()) == {"done"}
        yield wait_for(lambda: skink("plan"), "a plan", 300)[0]["number"]
    assert attack()["open"] == "done"  # nothing of it is left
    run("crun", "delete", "--force", NAME)


def run_work():
    for _ in range(20):
        assert ask("work") == "done"


def listens():
    try:
        return ask("work") == "done"
    except ConnectionRefusedError:
        return False


def accesses():
    status = json.loads(run("skink", "status", "--json"))
    service = next(s for s in status["services"] if s["service"] == NAME)
    return service["accesses"]["mode"]


def changed_by_another():
    """What was found to be changed in the kernel."""
    journal = run("journalctl", "-u", "skink", "--no-pager")
    return [line for line in journal.splitlines() if "another has changed" in line]


def measure(state):
    found = [m for m in skink("measures", "--all") if m["measure"] == "refuse" and m["state"] == state]
    return found and found[0]


def test_what_is_foreign_is_refused(plan):
    run("skink", "approve", str(plan))
    taken = wait_for(lambda: measure("in force"), "the measure")
    for _ in range(3):
        assert ask("work") == "done"
    assert attack() == dict.fromkeys(ATTACKS, "EPERM")
    run_work()
    refused = measure("in force")["refused"]
    assert refused == {"exec": 1, "open": 2, "connect": 2, "mount": 1}
    assert ask('subprocess.run(["/usr/bin/id"])') == "EPERM"
    wait_for(lambda: any(fact.get("refused") and fact["path"] == "/usr/bin/id"
                         for alert in skink("alerts") for fact in alert.get("facts", [])), "the fact", 30)
    run("skink", "undo", str(taken["number"]))
    assert set(attack().values()) == {"done"}
    time.sleep(10)
    assert not changed_by_another()  # what the measure puts there and takes away is its own


def test_it_ends_with_the_daemon(plan):
    """plan_fixture looks at what is left after the daemon's end."""
    run("skink", "approve", str(plan))
    wait_for(lambda: measure("in force"), "the measure")
    assert attack() == dict.fromkeys(ATTACKS, "EPERM")
