"""Shoppers: wrk in front of the balancer, which counts every request that fails."""

import json
import signal
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parent / "wrk.lua"
LONGEST = 7200  # seconds
FAILURES = ("wrong", "connect", "read", "write", "timeout")


class Load:
    """So many connections, each with a pause between an answer and its next request. An answer that
    takes more than two seconds has failed."""

    def __init__(self, web, connections: int = 4, pause_ms: float = 3,
                 url: str = "http://127.0.0.1:8080/"):
        self._child = web.system.spawn(
            ["wrk", "-t1", f"-c{connections}", f"-d{LONGEST}s", "--timeout", "2s", "-s", str(SCRIPT),
             url, "--", str(pause_ms)],
            web.client, stdout=subprocess.PIPE, text=True)
        self.found: dict = {}

    @property
    def failures(self) -> dict:
        """By kind."""
        return {kind: self.found[kind] for kind in FAILURES}

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self._child.send_signal(signal.SIGINT)
        said = self._child.communicate(timeout=30)[0]
        self.found = json.loads(said.splitlines()[-1])
