"""The versions that are compared, fetched with npm, and their recordings."""

import json
import os
import signal
import subprocess
import time

import load

# From each to the next: what is new is the program, then the framework.
VERSIONS = {"node18-express4": ("18", "4"), "node20-express4": ("20", "4"),
            "node22-express4": ("22", "4"), "node22-express5": ("22", "5")}
PORT = 18999
SETTLE = 3  # seconds of load before an attack


def fetch(cache):
    """Each program and framework into a folder of its own, once."""
    wanted = {f"{name}@{major}" for versions in VERSIONS.values()
              for name, major in zip(("node", "express"), versions)}
    for package in sorted(wanted):
        if not (cache / package / "node_modules").is_dir():
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix",
                            cache / package, package], check=True, stdout=subprocess.DEVNULL)


def make_data(path):
    for folder in ("static", "items"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    for number in range(10):
        (path / "static" / f"{number}.txt").write_text("shop\n" * 10 ** (number % 5))


class Recorded:
    """The service under `skink record`, from its start to its end."""

    def __init__(self, skink, source, cache, version, trace):
        node, express = VERSIONS[version]
        self.data = trace.with_suffix(".data")
        make_data(self.data)
        self.process = subprocess.Popen(
            [skink, "record", "-o", trace, "--", cache / f"node@{node}/node_modules/node/bin/node",
             source / "app.js", str(PORT), self.data],
            env={**os.environ, "NODE_PATH": str(cache / f"express@{express}/node_modules")})

    def __enter__(self):
        end = time.monotonic() + 20
        while not (self.data / "pid").exists():
            if time.monotonic() > end or self.process.poll() is not None:
                self.process.kill()
                raise RuntimeError("the service does not start")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        os.kill(int((self.data / "pid").read_text()), signal.SIGTERM)
        self.process.wait(20)


def record(skink, source, cache, traces, seconds):
    """For each version: a training, another time of normal work, and the attacks."""
    number = 0
    for version in VERSIONS:
        for name, length in (("training", seconds), ("normal", 0.4 * seconds)):
            number += 1
            with Recorded(skink, source, cache, version, traces / f"{version}.{name}.trace"):
                done = load.run(PORT, number, length)
            print(f"{version}: {name}, {done} requests", flush=True)
        began = {}
        for name in load.ATTACKS:
            number += 1
            trace = traces / f"{version}.{name.replace(' ', '-')}.trace"
            with Recorded(skink, source, cache, version, trace):
                load.run(PORT, number, SETTLE)
                began[name] = load.attack(PORT, name)
                time.sleep(0.5)
        (traces / f"{version}.attacks.json").write_text(json.dumps(began))
        print(f"{version}: {len(began)} attacks", flush=True)
