"""How many services a daemon watched while a part was played, and how many of them it judged: what
is still learned raises no alert by its calls (`stide`, `bosc`)."""

import json
import os
import subprocess
import threading
import time
from datetime import datetime, timezone

EVERY = 30  # seconds


def look(services: list[dict]) -> dict:
    """What `skink status --json` says of the services, by name: a service is learned when all of
    its versions that have replicas are."""
    there = [one for one in services
             if one["mode"] != "off" and any(not each["ended"] for each in one["replicas"])]
    return {"time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "watched": len({one["service"] for one in there}),
            "learning": sorted({one["service"] for one in there if one["mode"] == "learning"}),
            "load": round(os.getloadavg()[0], 1)}


class Sampler:
    """Looks every 30 seconds, in a thread, while the block runs. ask() gives the services; a look
    that fails, of a daemon that is too busy to answer, is left out."""

    def __init__(self, ask):
        self._ask, self._over = ask, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.samples: list[dict] = []

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(due - time.monotonic(), 0)):
            due += EVERY
            try:
                self.samples.append(look(self._ask()))
            except (OSError, subprocess.SubprocessError, json.JSONDecodeError):
                continue


def seconds(samples: list[tuple[float, dict]], begin: float, end: float) -> dict:
    """Service-seconds between two times. A sample, (Unix time, look), holds until the next one;
    the first one also before it."""
    watched, learning = 0.0, {}
    for index, (time_, sample) in enumerate(samples):
        since = max(time_, begin) if index else begin
        until = min(samples[index + 1][0], end) if index + 1 < len(samples) else end
        for name in sample["learning"] if until > since else ():
            learning[name] = learning.get(name, 0) + until - since
        watched += max(until - since, 0) * sample["watched"]
    return {"watched": watched, "judged": watched - sum(learning.values()), "learning": learning}
