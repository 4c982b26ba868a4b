"""The testbed: the shop comes up, serves its shoppers, changes, is broken into, and goes."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import SOURCE, leftovers, wait_until

TESTBED = SOURCE / "testbed"
ATTACKS = sorted(path for path in (TESTBED / "attacks").glob("*.py") if os.access(path, os.X_OK))
NAME = f"test-{os.getpid()}"
NEEDED = {"runc": "runc", "haproxy": "haproxy", "node": "nodejs", "ruby": "ruby", "gcc": "gcc",
          "php-fpm8.2": "php8.2-fpm", "nats-server": "nats-server", "gunicorn": "gunicorn",
          "redis-server": "redis-server"}


def run(*words, timeout=90):
    """Runs a command of the testbed to its end."""
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=timeout,
                          check=False)


def shop(*words):
    """Runs `testbed/shop`; what it said, as JSON if it said anything."""
    done = run(TESTBED / "shop", "--name", NAME, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else None


@pytest.fixture(name="nothing_left", autouse=True)
def nothing_left_fixture():
    """The shop outlives a test: `up` looks for what is left."""


@pytest.fixture(name="up", scope="module")
def up_fixture(root, program):
    """The shop, for all tests of this file."""
    for name, package in NEEDED.items():
        program(name, package)
    before = leftovers()
    try:
        made = shop("up")
        yield made
    finally:
        shop("down")
    assert wait_until(lambda: not leftovers() - before, 5), sorted(leftovers() - before)
    assert not Path(made["directory"]).exists()


def test_load(up):
    """Ten services in two replicas each serve ten shoppers without a failure."""
    assert len(up["replicas"]) == 10 and all(len(group) == 2 for group in up["replicas"].values())
    found = shop("load", "--seconds", 15, "--shoppers", 10, "--think", 0.3)
    assert found["requests"] > 200 and found["failures"] == 0, found
    assert found["kinds"]["checkout"] > 0


def test_trace(up):
    """A check-out is one trace through all the services that take part."""
    shop("load", "--seconds", 3, "--shoppers", 5, "--think", 0.1, "--seed", 2)
    logs = {service: "".join(Path(up["directory"], replica, "log").read_text(encoding="utf-8")
                             for replica in group) for service, group in up["replicas"].items()}
    traces = re.findall(r"orders-\d (\w{32}) POST /orders/checkout 201", logs["orders"])
    assert any(all(trace in logs[service] for service in
                   ("cart", "catalog", "stock", "payment", "shipping")) for trace in traces)


def test_change(up):
    """A service grows, changes its version, loses a replica and shrinks while it is used."""
    words = ["load", "--seconds", "12", "--shoppers", "4", "--think", "0.2"]
    with subprocess.Popen([TESTBED / "shop", "--name", NAME, *words],
                          stdout=subprocess.PIPE) as load:
        shop("scale", "cart", 3)
        shop("deploy", "front", "2.0")
        shop("break", "stock-1", "--seconds", 1)
        shop("scale", "cart", 2)
        found = json.loads(load.communicate(timeout=60)[0])
    assert found["failures"] <= 0.01 * found["requests"], found
    now = shop("status")["replicas"]
    assert now["cart"] == {"cart-1": "1.0", "cart-2": "1.0"}
    assert now["front"] == {"front-1": "2.0", "front-2": "2.0"}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.stem)
def test_attack(up, attack):
    """Each proves itself, and says where it came in."""
    done = run(attack, "--name", NAME, "--pause", "0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["succeeded"] and said["entry"] in up["replicas"] and said["begin"] < said["end"]
