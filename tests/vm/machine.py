"""What the tests inside the virtual machine share: the daemon as systemd starts it, containers of
crun, and waiting for what takes its time on an emulated processor."""

import json
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))
from engines import make_rootfs  # noqa: E402


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def skink(verb, *words):
    """What the daemon answers, line by line."""
    return [json.loads(line) for line in run("skink", verb, *map(str, words), "--json").splitlines()]


def wait_for(condition, what, seconds=300):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(1)
    journal = run("journalctl", "-u", "skink", "--no-pager", "-n", "30")
    pytest.fail(f"waited {seconds} s in vain for {what}\n{journal}")


def learned(service):
    profiles = json.loads(run("skink", "profile", "ls", "--json"))
    return any(p["service"] == service and p["state"] == "complete" for p in profiles)


@contextmanager
def daemon(configuration):
    """Skink as systemd starts it, with nothing learned."""
    shutil.copy(SOURCE / "build/skink", "/usr/local/bin/skink")
    shutil.copy(SOURCE / "build/deploy/skink.service", "/etc/systemd/system/")
    shutil.rmtree("/var/lib/skink", ignore_errors=True)
    Path("/etc/skink").mkdir(exist_ok=True)
    Path("/etc/skink/skink.yml").write_text(configuration)
    run("systemctl", "daemon-reload")
    run("systemctl", "start", "skink")
    yield
    run("systemctl", "stop", "skink")
    assert run("systemctl", "show", "-P", "Result", "skink") == "success\n"


def start_container(name, path, *arguments, capabilities=()):
    """A container of crun in the host's network, in which /tmp is `path`."""
    make_rootfs(path / "rootfs")
    granted = {kind: list(capabilities) for kind in ("bounding", "effective", "permitted")}
    spec = {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs", "readonly": True},
        "process": {"user": {"uid": 0, "gid": 0}, "args": list(arguments), "cwd": "/",
                    "env": ["PATH=/usr/bin"], "capabilities": granted},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, *(
            {"destination": place, "type": "bind", "source": source, "options": options}
            for place, source, options in [("/usr", "/usr", ["rbind", "ro"]), ("/etc", "/etc", ["bind", "ro"]),
                                           ("/tmp", str(path), ["bind"])])],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]},
    }
    (path / "config.json").write_text(json.dumps(spec))
    subprocess.run(["crun", "run", "--detach", "--bundle", path, name], check=True, timeout=300,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
