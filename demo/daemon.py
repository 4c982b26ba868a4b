"""Skink as the demo runs it: its own state, socket and configuration, and what it says."""

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from containers import System, wait_for
from shop import Shop

# The thresholds are Skink's own (they are not mentioned). The intervals are short because the shop is
# small and the load asks for every page many times in each: an interval with at most six new
# patterns is steady, where the defaults (100 s, 0.15 a second) allow fifteen.
INTERVAL = 3
SIGMA = 3
STEADY = 5

CONFIGURATION = """\
state_dir: {directory}/state
socket: {directory}/skink.sock
learn:
  interval: {interval}s
  sigma: {sigma}
  steady: {steady}
engines:
  docker: off
  podman: off
  lxc: off
  oci: [{oci}]
alerts:
  file: {directory}/alerts.jsonl
services:
  web:
    harm:
      criticality: 1
      confidentiality_impact: high
    respond:
      policy: {policy}
      balancer: {balancer}
      backend: web
      replace: {starter}
"""


def find() -> str:
    """SKINK_BIN (`skink demo` sets it), the build tree beside the demo, or the one on the PATH."""
    built = Path(__file__).resolve().parents[1] / "build" / "skink"
    program = os.environ.get("SKINK_BIN") or (str(built) if built.exists() else shutil.which("skink"))
    if not program:
        raise SystemExit("demo: no skink program: neither build/skink nor on the PATH (./do build)")
    return program


class Daemon:
    """`skink run` of one System."""

    def __init__(self, system: System, shop: Shop):
        self.program = find()
        self.directory = system.directory / "skink"
        self.directory.mkdir(mode=0o700)
        self.configuration = self.directory / "skink.yml"
        self.socket = self.directory / "skink.sock"
        self.log = self.directory / "log"
        self.alert_file = self.directory / "alerts.jsonl"
        self._system = system
        self._shop = shop
        self._prefix = f"{system.name}-"
        self._read = 0
        self.process: subprocess.Popen | None = None
        self._configure("observe")

    def _configure(self, policy: str) -> None:
        self.configuration.write_text(CONFIGURATION.format(
            directory=self.directory, interval=INTERVAL, sigma=SIGMA, steady=STEADY,
            oci=self._system.oci_root, policy=policy, balancer=self._shop.rotation.admin,
            starter=self._shop.starter))

    def start(self) -> None:
        """Returns when the daemon answers."""
        with open(self.log, "ab") as log:
            self.process = self._system.spawn(
                [self.program, "run", "--config", str(self.configuration)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: self.process.poll() is not None or self.status() is not None, 20,
                 "skink run to answer")
        self.check()

    def check(self) -> None:
        """Ends the demo with the daemon's own words if the daemon is gone."""
        if self.process.poll() is not None:
            raise RuntimeError(f"skink run ended with {self.process.returncode}:\n"
                               f"{self.log.read_text()[-2000:]}")

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(20)

    def set_policy(self, policy: str) -> None:
        """Of the web service: observe, ask or act."""
        self._configure(policy)
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.objects("plan", "--dry-run", "web")[0]["policy"] == policy, 10,
                 f"the policy {policy}")

    def ask(self, verb: str, *words: str) -> str:
        """What a command of Skink's prints."""
        return subprocess.run([self.program, verb, *words, "--socket", str(self.socket)], check=True,
                              stdout=subprocess.PIPE, text=True, start_new_session=True).stdout

    def objects(self, verb: str, *words: str) -> list[dict]:
        """The same as JSON: objects, one after the other."""
        text, found = self.ask(verb, *words, "--json").strip(), []
        while text:
            one, end = json.JSONDecoder().raw_decode(text)
            found.append(one)
            text = text[end:].lstrip()
        return found

    def status(self) -> dict | None:
        """What `skink status --json` says, from the same socket; None while nobody answers."""
        try:
            with socket.socket(socket.AF_UNIX) as control:
                control.settimeout(5)
                control.connect(str(self.socket))
                control.sendall(b'{"verb": "status"}\n')
                return json.loads(control.makefile().readline())
        except OSError:
            return None

    def services(self) -> dict[str, dict]:
        """The services of `skink status` by name."""
        self.check()
        return {service["service"]: service for service in (self.status() or {}).get("services", [])}

    def alerts(self) -> list[dict]:
        """Alert lines written since the last call."""
        if not self.alert_file.exists():
            return []
        with open(self.alert_file, "rb") as file:
            file.seek(self._read)
            lines = file.read().splitlines(True)
        whole = [line for line in lines if line.endswith(b"\n")]
        self._read += sum(map(len, whole))
        return [json.loads(line) for line in whole]

    def short(self, replica: dict) -> str:
        """A replica's name without the run's prefix."""
        return (replica.get("name") or replica["id"]).removeprefix(self._prefix)
