"""`skink run` with a configuration of its own, and what it answers."""

import json
import subprocess

from conftest import wait_until

# Learned within seconds: what the tests run does little else than answer the same request.
QUICKLY = {"interval": "1s", "sigma": 5, "steady": 3, "min_calls": 100}
NO_ENGINE = {"docker": "off", "podman": "off", "lxc": "off", "oci": "off"}


class Skink:
    """The daemon; engines: those that it asks, with their settings. A JSON document is YAML too."""

    def __init__(self, program, path, engines, within=(), **settings):
        path.mkdir()
        self.program, self.path, self.within = program, path, [*within]
        self.socket, self.log = path / "socket", path / "log"
        self.configuration = {"state_dir": str(path / "state"), "socket": str(self.socket),
                              "learn": QUICKLY, "engines": {**NO_ENGINE, **engines}, **settings}
        self.process = None

    def start(self):
        file = self.path / "skink.yml"
        file.write_text(json.dumps(self.configuration))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.within, self.program, "run", "--config", str(file)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        assert wait_until(lambda: self._ask("status").returncode == 0, 20), self.log.read_text()

    def end(self):
        self.process.terminate()
        assert self.process.wait(10) == 0, self.log.read_text()

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
            print(self.log.read_text())  # pytest shows it with a failure

    def _kill(self):
        self.process.kill()
        self.process.wait()

    def _ask(self, verb):
        return subprocess.run([self.program, verb, "--json", "--socket", self.socket], timeout=20,
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
        assert found, f"{self.service(service)}\n{self.log.read_text()}"
        return found
