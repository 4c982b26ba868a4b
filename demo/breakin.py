"""The break-in as the attacker's machine plays it, followed step by step."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import exploit
from containers import System

PROGRAM = Path(__file__).resolve().parent / "exploit.py"


class BreakIn:
    """exploit.py as a process of its own; `steps` is what it has told so far."""

    def __init__(self, system: System, place: Path, shop: tuple[str, int]):
        host, port = shop
        self.steps: list[dict] = []
        self.began = time.time()
        self.process = system.spawn(
            [sys.executable, str(PROGRAM), f"{host}:{port}", system.network.addresses["attacker"]],
            place, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        for line in self.process.stdout:
            step = json.loads(line)
            if step["what"] == "request":
                self.began = step["time"]
            self.steps.append(step)

    def all(self, what: str) -> list[dict]:
        return [step for step in self.steps if step["what"] == what]

    def answer(self, command: str, last: bool = False) -> str:
        """To a command that he typed; "" if there was none."""
        found = [step["answer"] for step in self.all("answer") if step["command"] == command]
        return found[-1 if last else 0] if found else ""

    @property
    def payload(self) -> str:
        return next((step["payload"] for step in self.all("request")), "")

    @property
    def key(self) -> str:
        return self.answer(exploit.PAYMENT_KEY)

    @property
    def mail_password(self) -> str:
        return self.answer(exploit.MAIL_PASSWORD)

    @property
    def copied(self) -> int:
        """Bytes of the database that he holds a copy of."""
        said = self.answer(exploit.COPY)
        return int(said) if said.isdigit() else 0

    def wait(self, seconds: float) -> None:
        """Until he has left, by himself or because nothing answers any more."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        self.end()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(10)
