"""A front that votes, before three real containers: two of one build (Python) and one of another
(Node.js). The other build has a hole; docs/voting.md tells what is done here."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import network
import pytest
from conftest import wait_until
from containers import Image
from web import SERVER

MANUAL = Path(__file__).parents[2] / "docs" / "voting.md"
PORT = 8000
BUILDS = {"shop-1": "python", "shop-2": "python", "shop-3": "node"}
COMMANDS = {"python": ["/usr/bin/python3", "-S", "-B", "/app/shop.py", str(PORT)],
            "node": ["/usr/bin/node", "/app/shop.js", str(PORT)]}


class Shop:
    """The replicas, and clients of the front before them."""

    def __init__(self, system, program, skink_bin, path):
        program("node", "nodejs")
        self.system, self.skink, self.log = system, skink_bin, path / "front.log"
        (path / "public").mkdir()
        (path / "public" / "welcome.txt").write_text("Welcome.\n")
        self.host = system.host("shop-front")
        self.front = None
        self.replicas = {name: self.replica(name, build, path) for name, build in BUILDS.items()}
        for replica in self.replicas.values():
            replica.wait_port(PORT)

    def replica(self, name, build, path):
        image = Image("shop", build, COMMANDS[build], folders={"/app": SERVER,
                                                              "/app/public": path / "public"})
        container = self.system.container(name, image)
        container.start()
        return container

    def vote(self, *options):
        """Starts the front."""
        replicas = [f"--replica={seat}" for seat in self.seats()]
        pair = ",".join(self.replicas[name].id for name in ("shop-1", "shop-2"))
        self.start("--pair", pair, *replicas, *options)

    def seats(self):
        return [f"{each.id}={each.address}:{PORT}" for each in self.replicas.values()]

    def start(self, *options):
        with open(self.log, "wb") as log:
            self.front = self.system.spawn(
                [self.skink, "vote", "--listen", f"127.0.0.1:{PORT}", *options], self.host,
                stdout=log, stderr=log)
        assert wait_until(lambda: "voting" in self.said()), self.said()

    @contextmanager
    def hanging(self, replica):
        """It answers nobody meanwhile."""
        answer = replica._runc("state", replica.id, stdout=subprocess.PIPE)
        pid = json.loads(answer.stdout)["pid"]
        os.kill(pid, signal.SIGSTOP)
        yield
        os.kill(pid, signal.SIGCONT)

    def said(self):
        return self.log.read_text()

    def end(self):
        self.front.terminate()
        assert self.front.wait(10) == 0, self.said()

    def connect(self):
        with network.inside(self.host):
            connection = HTTPConnection("127.0.0.1", PORT, timeout=20)
            connection.connect()
        return connection

    def ask(self, path="/", method="GET", body=None, **headers):
        """Status, body, headers."""
        connection = self.connect()
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()


@pytest.fixture
def shop(system, program, skink_bin, tmp_path):
    tmp_path.chmod(0o755)
    made = Shop(system, program, skink_bin, tmp_path)
    yield made
    if made.front and made.front.poll() is None:
        made.end()
    print(made.log.read_text() if made.log.exists() else "no front")


def tolerance(skink, daemon):
    """What is said of the shop, both versions together; None: nobody knows it yet."""
    answer = skink("tolerance", "--json", "--socket", daemon.socket)
    services = json.loads(answer.stdout)["services"]
    return next((each for each in services if each["service"] == "shop"), None)


def tolerance_once(skink, daemon, condition):
    """As soon as the condition holds for it."""
    def now():
        shop = tolerance(skink, daemon)
        return shop if shop and condition(shop) else None

    found = wait_until(now, 20)
    assert found, tolerance(skink, daemon)
    return found


def test_who_leaks_is_outvoted(skink, agent, shop):
    """The manual's example: the client never sees what only one replica says, and the daemon
    believes that this one is compromised."""
    daemon = agent(services={"shop": {"tolerance": {"redundancy": "voting"}}}).start()
    shop.vote("--socket", str(daemon.socket))
    leaky = shop.replicas["shop-3"]
    before = tolerance_once(skink, daemon, lambda shop: len(shop["replicas"]) == 3)
    assert before["survives"] == 1

    # Answers with noise, and in another order of JSON's members, are the same answers.
    for _ in range(20):
        status, page, headers = shop.ask("/")
        assert status == 200 and "Welcome to the shop." in page
        assert "X-Build" not in headers and "X-Powered-By" not in headers
        status, items, _ = shop.ask("/items")
        assert status == 200 and json.loads(items)["items"] == ["lamp", "chair/oak"]
    assert shop.ask("/file?name=welcome.txt")[:2] == (200, "Welcome.\n")
    assert shop.ask("/raw?a=%2e%2e/b&c")[1] == "/raw?a=%2e%2e/b&c"
    assert shop.ask("/x", "POST", "hello")[:2] == (201, "got 5 bytes, the 1th")
    assert shop.ask("/", "HEAD")[:2] == (200, "")
    assert "outvoted" not in shop.said() and not daemon.alerts("shop")

    # The hole is real: the replica itself hands the file out.
    with network.inside(shop.host):
        direct = HTTPConnection(leaky.address, PORT, timeout=10)
        direct.request("GET", "/file?name=../../etc/passwd")
        assert "root:x:0:0" in direct.getresponse().read().decode()
        direct.close()
    status, text, _ = shop.ask("/file?name=../../etc/passwd")
    assert (status, text) == (404, "no such file\n")

    alert = daemon.wait_alert(leaky.id, detector="vote")
    assert "was outvoted on GET /file?name=../../etc/passwd: its status is 200, not 404" \
        in alert["message"]
    fact, = alert["facts"]
    assert fact["kind"] == "vote" and fact["request"] == "GET /file?name=../../etc/passwd"
    after = tolerance_once(skink, daemon, lambda now: any(r["belief"] for r in now["replicas"]))
    belief = {each["name"]: each["belief"] for each in after["replicas"]}
    assert belief.pop(leaky.id) >= 0.7 and set(belief.values()) == {0}
    assert after["survives"] == 1 and after["capacity"]["low"] <= before["capacity"]["low"]
    said, = [line for line in shop.said().splitlines() if "outvoted" in line]
    assert said.replace(leaky.id, "shop-3") in MANUAL.read_text()
    shown = skink("alerts", "--socket", daemon.socket).stdout
    assert "outvoted   GET /file?name=../../etc/passwd: its status is 200, not 404" in shown
    assert "shop" in skink("incidents", "--socket", daemon.socket).stdout


def test_tokens_of_their_own(shop):
    """Each replica invents its own sessions and form tokens; a client has one and all know it."""
    shop.vote("--alone")
    for _ in range(3):
        page = shop.ask("/")[1]
        token = re.search(r'value="(\w+)"', page)[1]
        assert shop.ask("/order", "POST", f"token={token}")[0] == 201
        assert shop.ask("/order", "POST", f"token={token[::-1]}")[0] == 403
        cookie = shop.ask("/login")[2]["Set-Cookie"].partition(";")[0]
        assert shop.ask("/me", Cookie=cookie)[:2] == (200, "you")
        assert shop.ask("/me", Cookie=cookie[::-1])[0] == 401
    assert "outvoted" not in shop.said()


def test_one_of_the_pair(shop):
    """Noise is remembered, so that one of the pair can be outvoted or silent, too."""
    shop.vote("--alone", "--lag", "500ms")
    first, second = shop.replicas["shop-1"], shop.replicas["shop-2"]
    for _ in range(3):
        assert shop.ask("/")[0] == 200
    first.exec("/bin/sh", "-c", "echo Defaced by $(id -u). > /tmp/defaced")
    for _ in range(5):
        status, page, _ = shop.ask("/")
        assert status == 200 and "Welcome to the shop." in page and "Defaced" not in page
    assert wait_until(lambda: f"{first.id} is outvoted on GET /" in shop.said()), shop.said()
    first.exec("/bin/rm", "/tmp/defaced")

    # One that hangs costs its lag once a second at most, one that dies in its answer nothing.
    with shop.hanging(second):
        begun = time.monotonic()
        for _ in range(50):
            assert shop.ask("/")[0] == 200
        assert time.monotonic() - begun < 10  # 50 times the lag would be 25
        assert wait_until(lambda: f"{second.id} has no answer on GET /" in shop.said()), shop.said()
    time.sleep(1.1)
    assert shop.ask("/")[0] == 200
    second.exec("/bin/sh", "-c", "> /tmp/dying")
    assert shop.ask("/")[0] == 200
    assert wait_until(lambda: second.state() == "stopped")
    assert shop.ask("/")[0] == 200

    # Two of three are still a majority, one is none.
    shop.replicas["shop-3"].stop(0)
    status, text, _ = shop.ask("/")
    assert status == 502 and "do not agree" in text
    assert wait_until(lambda: "no majority, 1 of 3 replicas agree: GET /" in shop.said())


def test_a_crowd(shop):
    """Thousands of requests at a time, while a replica hangs and comes back: none fails."""
    shop.vote("--alone")
    failures, done = [], []

    def client():
        connection = shop.connect()
        for i in range(200):
            connection.request("GET", ("/", "/items", "/nothing")[i % 3])
            answer = connection.getresponse()
            text = answer.read().decode()
            good = answer.status == (200, 200, 404)[i % 3] and re.search("Welcome|lamp|not", text)
            (done if good else failures).append((answer.status, text))
        connection.close()

    clients = [threading.Thread(target=client) for _ in range(16)]
    for each in clients:
        each.start()
    assert wait_until(lambda: len(done) > 500, 20)
    with shop.hanging(shop.replicas["shop-3"]):
        time.sleep(1)
    for each in clients:
        each.join()
    assert not failures and len(done) == 3200, failures[:3]


def test_another_takes_the_seat(shop, tmp_path):
    """A replica that is replaced has another name and address; under load nobody notices."""
    seats = tmp_path / "seats"
    seats.write_text("\n".join(["# the shop", *shop.seats()]))
    shop.start("--alone", "--pair", "1,2", "--replicas", seats)
    old = shop.replicas["shop-3"]
    cookie = shop.ask("/login")[2]["Set-Cookie"].partition(";")[0]
    shop.replicas["shop-3"] = new = shop.replica("shop-3b", "node", tmp_path)
    new.wait_port(PORT)

    for text, why in (("nonsense", "seats:1: nonsense: not a name and an address"),
                      ("\n".join(shop.seats()[:2]), "2 replicas, not 3")):
        seats.write_text(text)
        shop.front.send_signal(signal.SIGHUP)
        assert wait_until(lambda why=why: why in shop.said()), shop.said()
    assert shop.ask("/")[0] == 200

    seats.write_text("\n".join(shop.seats()))
    shop.front.send_signal(signal.SIGHUP)
    assert wait_until(lambda: "1 of 3 replicas have changed" in shop.said()), shop.said()
    old.stop(0)
    for _ in range(20):
        assert shop.ask("/")[0] == 200
    assert "no answer" not in shop.said() and "outvoted" not in shop.said()
    # It has a vote: with one of the others gone the two that are left are a majority.
    shop.replicas["shop-2"].stop(0)
    assert shop.ask("/")[0] == 200
    assert shop.ask("/file?name=welcome.txt")[:2] == (200, "Welcome.\n")
    # Who replaced a replica knows none of its sessions. The others still do, but are no majority.
    assert shop.ask("/me", Cookie=cookie)[0] == 502
    assert shop.ask("/file?name=../../etc/passwd")[0] == 502
    assert wait_until(lambda: "no majority" in shop.said()), shop.said()


def test_what_cannot_be_put_to_the_vote(shop, skink):
    shop.vote("--alone", "--diverse", "--body", "64KiB")
    status, text, _ = shop.ask("/", Upgrade="websocket", Connection="Upgrade")
    assert status == 501 and "WebSocket" in text
    assert shop.ask("/", "TRACE")[0] == 501
    assert shop.ask("http://elsewhere/")[0] == 400
    assert shop.ask("/", "POST", b"x" * 65536)[0] == 201
    assert shop.ask("/", "POST", b"x" * 65537)[0] == 413
    assert shop.ask("/big")[0] == 502  # no answer of any replica may be that long
    assert shop.ask("/", **{"X-Long": "x" * 100000})[0] == 431
    assert wait_until(lambda: "its answer is too long" in shop.said()), shop.said()

    # The pair alone is no majority when a majority must be diverse.
    assert shop.ask("/")[0] == 200
    shop.replicas["shop-3"].stop(0)
    assert shop.ask("/")[0] == 502
    for words in (["--listen", "127.0.0.1:1"], ["--listen", "nowhere"],
                  ["--listen=127.0.0.1:1", "--replica=a=b"],
                  ["--listen=127.0.0.1:1", *[f"--replica={n}=h:1" for n in "abc"], "--pair=a,d"],
                  ["--listen=127.0.0.1:1", "--replica=a=h:1", "--replicas=/dev/null"],
                  ["--listen=127.0.0.1:1", "--replicas=/dev/null"]):
        assert skink("vote", *words).returncode == 2
