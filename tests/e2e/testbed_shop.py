"""The shop of the testbed, for the tests of a file."""

import contextlib
import json
import subprocess
from pathlib import Path

from conftest import SOURCE, leftovers, wait_until

SHOP = SOURCE / "testbed" / "shop"
NEEDED = {"runc": "runc", "haproxy": "haproxy", "node": "nodejs", "ruby": "ruby", "gcc": "gcc",
          "php-fpm8.2": "php8.2-fpm", "nats-server": "nats-server", "gunicorn": "gunicorn",
          "redis-server": "redis-server"}


def shop(name, *words):
    """Runs `testbed/shop`; what it said, as JSON if it said anything."""
    done = subprocess.run([SHOP, "--name", name, *map(str, words)], capture_output=True, text=True,
                          timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else None


@contextlib.contextmanager
def shop_up(program, name):
    """What `up` tells of it; when it has gone, nothing of it is left."""
    for needed, package in NEEDED.items():
        program(needed, package)
    before = leftovers()
    try:
        made = shop(name, "up")
        yield made
    finally:
        shop(name, "down")
    assert wait_until(lambda: not leftovers() - before, 5), sorted(leftovers() - before)
    assert not Path(made["directory"]).exists()
