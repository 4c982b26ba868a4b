"""`skink run` with a configuration of its own, and what it answers."""

import json
import signal
import subprocess
from pathlib import Path

from conftest import SLOW, wait_until

# Learned within seconds: what the tests run does little else than answer the same request.
QUICKLY = {"interval": "1s", "sigma": 5, "steady": 3, "min_calls": 100}
READ_AGAIN = "configuration read again"
NO_ENGINE = {"docker": "off", "podman": "off", "lxc": "off", "oci": "off"}


class Skink:
    """The daemon; engines: those that it asks, with their settings. A JSON document is YAML too."""

    tells = True  # what it has said is printed in the end, also when all went well

    def __init__(self, program, path, engines, within=(), **settings):
        path.mkdir()
        self.program, self.path, self.within = program, path, [*within]
        self.socket, self.log = path / "socket", path / "log"
        self.configuration = {"state_dir": str(path / "state"), "socket": str(self.socket),
                              "guardian": False,
                              "learn": QUICKLY, "engines": {**NO_ENGINE, **engines}, **settings}
        self.process = None

    @property
    def state(self):
        """Its state directory."""
        return Path(self.configuration["state_dir"])

    @property
    def file(self):
        return self.path / "skink.yml"

    def configure(self, **settings):
        """Writes the configuration, changed."""
        self.configuration.update(settings)
        self.file.write_text(json.dumps(self.configuration))

    def start(self, *options, **popen):
        """Returns when it answers."""
        self.configure()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.within, self.program, "run", "--config", str(self.file), *options],
                **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **popen})
        assert wait_until(lambda: self.process.poll() is not None or
                          self._ask("status").returncode == 0, 20), self.said()
        assert self.process.poll() is None, self.said()
        return self

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        assert self.process.wait(20 * SLOW) == 0, self.said()

    def reload(self, **settings):
        """What happens when this has returned is judged by the new settings."""
        before = self.said().count(READ_AGAIN)
        self.configure(**settings)
        self.process.send_signal(signal.SIGHUP)
        assert wait_until(lambda: self.said().count(READ_AGAIN) > before), self.said()

    def said(self):
        return self.log.read_text()

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.end()
        finally:
            self._kill()
            if kind or self.tells:
                print(self.said())  # pytest shows it with a failure

    def _kill(self):
        self.process.kill()
        self.process.wait()

    def _ask(self, verb):
        return subprocess.run([self.program, verb, "--json", "--socket", self.socket], timeout=20 * SLOW,
                              capture_output=True, text=True, check=False)

    def status(self):
        return json.loads(self._ask("status").stdout)

    def service(self, name):
        """The first version of a service; None: there is none."""
        return next((each for each in self.status()["services"] if each["service"] == name), None)

    def alerts(self, service):
        """The latest state of each alert."""
        lines = self._ask("alerts").stdout.splitlines()
        return [alert for alert in map(json.loads, lines) if alert["service"] == service]

    def wait_for(self, service, condition, timeout=20):
        """The service as soon as the condition holds for it."""
        def now():
            found = self.service(service)
            return found if found and condition(found) else None

        found = wait_until(now, timeout, 0.2)
        assert found, f"{self.service(service)}\n{self.said()}"
        return found

    def learned(self, service, timeout=30):
        return self.wait_for(service, lambda now: now["mode"] == "watching", timeout)

    def replicas(self, service):
        return (self.service(service) or {"replicas": []})["replicas"]

    def lines(self):
        """The file of alerts as it is now."""
        file = self.state / "alerts.jsonl"
        lines = file.read_text().splitlines(True) if file.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait_alert(self, replica, timeout=10, **fields):
        """The first line about a replica, by its name, with these fields."""
        def fits(line):
            return line["replica"]["name"] == replica and fields.items() <= line.items()

        found = wait_until(lambda: [line for line in self.lines() if fits(line)], timeout)
        assert found, f"no alert {replica} {fields} among {self.lines()}\n{self.said()}"
        return found[0]
