"""The testbed: the shop comes up, serves its shoppers, changes, is broken into, and goes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SOURCE, wait_until
from testbed_shop import SHOP, shop, shop_up

sys.path.insert(0, str(SOURCE / "testbed"))
import balancer  # noqa: E402  pylint: disable=wrong-import-position

ATTACKS = sorted(path for path in (SOURCE / "testbed" / "attacks").glob("*.py")
                 if os.access(path, os.X_OK))
NAME = f"test-{os.getpid()}"


@pytest.fixture(name="nothing_left", autouse=True)
def nothing_left_fixture():
    """The shop outlives a test: `up` looks for what is left."""


@pytest.fixture(name="up", scope="module")
def up_fixture(root, program):
    """The shop, for all tests of this file."""
    with shop_up(program, NAME) as made:
        yield made


def test_load(up):
    """Ten services in two replicas each serve ten shoppers without a failure."""
    assert len(up["replicas"]) == 10 and all(len(group) == 2 for group in up["replicas"].values())
    found = shop(NAME, "load", "--seconds", 15, "--shoppers", 10, "--think", 0.3)
    assert found["requests"] > 200 and found["failures"] == 0, found
    assert found["kinds"]["checkout"] > 0


def test_trace(up):
    """A check-out is one trace through all the services that take part."""
    shop(NAME, "load", "--seconds", 3, "--shoppers", 5, "--think", 0.1, "--seed", 2)
    logs = {service: "".join(Path(up["directory"], replica, "log").read_text(encoding="utf-8")
                             for replica in group) for service, group in up["replicas"].items()}
    traces = re.findall(r"orders-\d (\w{32}) POST /orders/checkout 201", logs["orders"])
    assert any(all(trace in logs[service] for service in
                   ("cart", "catalog", "stock", "payment", "shipping")) for trace in traces)


def test_change(up):
    """A service grows, changes its version, loses a replica and shrinks while it is used."""
    words = ["load", "--seconds", "12", "--shoppers", "4", "--think", "0.2"]
    with subprocess.Popen([SHOP, "--name", NAME, *words],
                          stdout=subprocess.PIPE) as load:
        shop(NAME, "scale", "cart", 3)
        shop(NAME, "deploy", "front", "2.0")
        shop(NAME, "break", "stock-1", "--seconds", 1)
        shop(NAME, "scale", "cart", 2)
        found = json.loads(load.communicate(timeout=60)[0])
    assert found["failures"] <= 0.01 * found["requests"], found
    now = shop(NAME, "status")["replicas"]
    assert now["cart"] == {"cart-1": "1.0", "cart-2": "1.0"}
    assert now["front"] == {"front-1": "2.0", "front-2": "2.0"}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.stem)
def test_attack(up, attack):
    """Each proves itself, and says where it came in."""
    done = subprocess.run([attack, "--name", NAME, "--pause", "0.1"], capture_output=True,
                          text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["succeeded"] and said["entry"] in up["replicas"] and said["begin"] < said["end"]


def serving(up, service):
    """The replicas that the balancer asks, as numbers."""
    return balancer.serving(Path(up["directory"], "volumes", f"{service}-lb"), service)


@pytest.mark.parametrize("replica", ["shipping-1", "shipping-2"])
def test_attack_on_a_replica(up, replica):
    """It was the one that was named, and its siblings serve again afterwards."""
    done = subprocess.run([ATTACKS[0], "--name", NAME, "--replica", replica], capture_output=True,
                          text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["replicas"] == {"shipping": replica}
    assert wait_until(lambda: serving(up, "shipping") == {1, 2}, 10)


def test_attack_on_a_replica_ends_early(up):
    """By a signal; or it never begins, on a replica that is none, or not on its way."""
    slow = next(path for path in ATTACKS if path.stem == "sql_dump_slow")
    words = [slow, "--name", NAME, "--replica"]
    with subprocess.Popen([*words, "catalog-2"]) as attack:
        assert wait_until(lambda: serving(up, "catalog") == {2}, 10)
        attack.terminate()
    assert attack.returncode == 1
    assert wait_until(lambda: serving(up, "catalog") == {1, 2}, 10)
    for replica, why in ("catalog-9", "no such replica"), ("cart-1", "not on the way"):
        done = subprocess.run([*words, replica], capture_output=True, text=True, timeout=30,
                              check=False)
        assert done.returncode == 1 and why in done.stderr, done.stderr
