"""The play: the acts, in order, each of which notes on the closing list what it has shown."""

import json
import time
from collections.abc import Callable

import telling
import timeline
from breakin import BreakIn
from containers import Container, System, wait_for
from customers import Customers, Phase
from daemon import INTERVAL, STEADY, Daemon
from shop import PORTS, Shop
from telling import Growth
from terminal import Terminal
from timeline import Moment

REQUESTS = 10_000
LEARNING_LIMIT = 120  # seconds
WATCHING_UNTIL = 150  # seconds from the beginning: the rest takes half a minute
HOLDS = 2  # of redis, twice a second while learning
HOLD = 0.05  # seconds
HANG = 1.5  # longer than the balancer waits
TITLES = {"db": "redis", "mail": "Python", "web": "gunicorn, Flask", "front": "HAProxy"}
CONTAINED = 0.05  # seconds: what was on its way when the measure came


class Play:
    """What is shown, and what of it was so."""

    def __init__(self, system: System, terminal: Terminal):
        self.began = time.monotonic()
        self.system = system
        self.terminal = terminal
        self.shop = Shop(system)
        self.daemon = Daemon(system, self.shop)
        self.attacker = system.host("attacker")
        self.customers: Customers | None = None
        self.list: list[tuple[bool, str]] = []
        self.false_alerts = 0
        self.alerts: dict[str, list[dict]] = {}  # by id, as they grew
        self.phases: list[Phase] = []
        self.capacity: list[tuple[str, float]] = []  # of the web service, when

    def check(self, held: bool, what: str) -> None:
        self.list.append((held, what))

    def run(self) -> None:
        for act in (self.build, self.learn, self.watch, self.break_in, self.renew, self.defend,
                    self.end):
            act()

    # ---- the acts ----

    def build(self) -> None:
        """Skink first, so that it sees every container from its first call."""
        self.terminal.title("The shop", "real containers by runc from this host's /usr")
        self.daemon.start()
        for container in self.shop.containers:
            begin = time.monotonic()
            self.shop.start(container)
            self.terminal.line(f"  {container.name:8}{TITLES[container.image.service]:18}"
                               f"{container.address:14}up in {time.monotonic() - begin:.2f} s")
        self.shop.spare.make()
        self.customers = Customers(self.system, self.shop.address)

    def learn(self) -> None:
        """Until every service is learned. What is normal but rare happens early, or often: restarts,
        a replica more, one that hangs, a machine so busy that requests pile up before redis."""
        self.terminal.title("Skink learns", f"new patterns in each interval of {INTERVAL} s; "
                            f"learned after {STEADY} steady ones in a row")
        self.wait(1, "a customer asks for every page")
        begin = time.monotonic()
        growth = {name: Growth(INTERVAL) for name in TITLES}
        chores = self._chores()
        learned = False
        while not learned:
            services = self.daemon.services()
            for name, service in services.items():
                growth[name].sample(service["windows"] + service["bags"])
            learned = (time.monotonic() - begin > LEARNING_LIMIT or len(services) == len(TITLES)
                       and all(s["mode"] == "watching" for s in services.values()))
            self.terminal.block(telling.growth_lines(self.terminal, TITLES, services, growth),
                                last=learned)
            if chores and not learned:
                chores.pop(0)()
            for _ in range(HOLDS):
                self.shop.db.hold(HOLD)
            self.wait(0.5)
        self.daemon.alerts()
        complete = [name for name, service in self.daemon.services().items()
                    if service["mode"] == "watching" and service["state"] == "complete"]
        self.check(len(complete) == len(TITLES),
                   f"{len(complete)} of {len(TITLES)} services learned in "
                   f"{time.monotonic() - begin:.0f} s: steady, without loss, starts seen")

    def _chores(self) -> list[Callable[[], None]]:
        """What happens in a shop on any day, and therefore while it is learned."""
        def restart(container: Container) -> Callable[[], None]:
            return lambda: self.shop.restart(container)

        def hang(container: Container) -> Callable[[], None]:
            return lambda: container.hold(HANG)

        shop = self.shop
        return [restart(shop.db), restart(shop.front), restart(shop.mail), lambda: shop.scale(0.5),
                *map(restart, shop.web), *map(hang, shop.web), lambda: shop.scale(0.5),
                *map(restart, shop.web), *map(hang, shop.web)]

    def watch(self) -> None:
        """A stretch of the same load, and a restart in it, of which nothing may be said."""
        self.terminal.title("Skink watches", f"{REQUESTS:,} requests in which nobody does harm")
        before, begin = self.customers.counts["requests"], time.time()
        done, took, over = 0, 0.0, False
        while not over:
            self.wait(1)
            done = self.customers.counts["requests"] - before
            if not took and done > REQUESTS / 2:
                took = self._restart_one()
            rate = done / (time.time() - begin)
            over = done >= REQUESTS or time.monotonic() - self.began > WATCHING_UNTIL
            self.terminal.block([f"  {done:>7,} requests  {rate:5.0f} a second  "
                                 f"{self.customers.counts['mean_ms']:.1f} ms each  "
                                 f"{self._alert_count()}"], last=over)
        self.terminal.line(f"  {self.shop.web[0].name} was restarted under load, as after any "
                           f"update: back after {took:.2f} s")
        self.check(done >= REQUESTS, f"{done:,} benign requests were watched")
        self.check(not self.false_alerts, f"no alert without an attack ({self.false_alerts})")
        replicas = self.daemon.services()["web"]["replicas"]
        self.check(took > 0 and len(replicas) == 2,
                   f"{self.shop.web[0].name} restarted under load and is watched again")
        self.phases.append(self.customers.phase("while nobody did harm", begin, time.time()))

    def _restart_one(self) -> float:
        begin = time.monotonic()
        self.shop.restart(self.shop.web[0])
        return time.monotonic() - begin

    def break_in(self) -> None:
        """A real break-in through the balancer, watched only: what Skink says of it."""
        self.terminal.title("The break-in, observed",
                            "a host name that ends a shell command, and another one")
        self._note_capacity("before")
        begin = time.time()
        self.observed = BreakIn(self.system, self.attacker, self.shop.address)
        alert = self._first_alert("web", 10)
        telling.request(self.terminal, self.observed)
        if alert is not None:
            telling.alert(self.terminal, self.daemon.short(alert["replica"]), alert)
        self.observed.wait(30)
        telling.break_in(self.terminal, self.observed)
        held = self.observed.key == self.shop.payment_key
        self.check(held, "the exploit worked: the attacker holds the payment key")
        if alert is None:
            raise RuntimeError("Skink did not detect the break-in")
        self.seen = alert
        self.wait(2.5)  # an alert that grows is told again every two seconds
        self._read_alerts()
        telling.grown(self.terminal, alert, self.alerts[alert["id"]][-1])
        name = self.daemon.short(alert["replica"])
        self.check(name == self.observed.answer("hostname"),
                   f"Skink named the replica, {name}, {alert['latency_ms']:.1f} ms after the first "
                   "foreign call")
        self._tell_incident()
        self._note_capacity("with the intruder in")
        self.phases.append(self.customers.phase("during the break-in, observed", begin, time.time()))

    def _tell_incident(self) -> None:
        incident = self.daemon.objects("incidents")[-1]
        telling.incident(self.terminal, incident)
        alarmed = {alert["service"] for alert in incident["alerts"]}
        self.check(incident["entry"] == "web", f"Skink named the entry point, {incident['entry']} "
                   f"({100 * incident['probability']:.0f} %)")
        spread = self.observed.mail_password == self.shop.mail_password and self.observed.copied > 0
        self.check(spread and alarmed == {"web", "db", "mail"},
                   f"he went on to db and mail, and Skink saw it in {', '.join(sorted(alarmed))}")

    def renew(self) -> None:
        """What he had is restarted, before he comes again."""
        for container in (self.shop.mail, self._container(self.observed.answer("hostname"))):
            self.shop.restart(container)
        self._note_capacity("renewed")

    def _container(self, name: str) -> Container:
        return next(each for each in self.shop.web if each.name == name)

    def defend(self) -> None:
        """The same break-in, answered."""
        self.terminal.title("The break-in, answered", "the same again; policy of the service: act")
        self.daemon.set_policy("act")
        self.wait(1)
        self._read_alerts()
        self.answered = BreakIn(self.system, self.attacker, self.shop.address)
        self.answered_alert = self._first_alert("web", 10)
        if self.answered_alert is None:
            raise RuntimeError("Skink did not detect the second break-in")
        self._note_capacity("contained")
        self.answers_from = self._wait_spare(15)
        self.measures = self._wait_measures(20)
        replaced = time.time()
        self.wait(3)
        self.answered.end()
        self._note_capacity("replaced")
        self.serves_from = self.customers.served_by(self.shop.spare.name, self.answered.began)
        self.plan = self.daemon.objects("plan")[-1]
        self.incident = self.daemon.objects("incidents")[-1]
        self.drawing = self.daemon.ask("incidents", "show", "--svg", "-")
        self.phases += [
            self.customers.phase("during the break-in, answered", self.answered.began, replaced),
            self.customers.phase("afterwards", replaced, time.time())]
        self.whole = self.customers.phase("in all", self.phases[0].begin, time.time())
        self._read_alerts()
        self._check_answer()

    def moments(self) -> list[Moment]:
        """The time line of the break-in that was answered."""
        return timeline.in_order(
            timeline.of_attacker(self.answered),
            timeline.of_alerts(self.alerts_between(self.answered.began, float("inf")),
                               self.answered.began),
            timeline.of_measures(self.measures),
            timeline.of_replica(self.shop.spare.name, self.answers_from, self.serves_from))

    def alerts_between(self, begin: float, end: float) -> list[dict]:
        """As they were first told."""
        return [told[0] for told in self.alerts.values()
                if begin <= timeline.seconds(told[0]["time"]) < end]

    def _check_answer(self) -> None:
        """Contained, replaced, and the shoppers noticed nothing."""
        telling.answer(self.terminal, self.moments(), self.answered.began)
        telling.phases(self.terminal, [*self.phases, self.whole])
        telling.stakes(self.terminal, self.plan, self.capacity)
        self._check_contained()
        name, replace = self.shop.spare.name, self.measures.get("replace", {"state": "not tried"})
        took = replace.get("latency_ms", 0) / 1e3
        self.check(self.measures.get("evidence", {}).get("state") == "done", "evidence was kept")
        self.check(replace["state"] == "in force" and self.serves_from is not None,
                   f"a clean replica, {name}, took over: {replace['state']}, {took:.2f} s after the alert")
        self.check(self.whole.failures == 0,
                   f"no shopper's request failed ({self.whole.failures} of "
                   f"{self.whole.requests:,}, from the first watched one on"
                   f"{telling.kinds(self.whole.wrong)})")
        alarmed = {alert["service"] for told in self.alerts.values() for alert in told}
        self.check(alarmed <= {"web", "db", "mail"}, "only what he broke into raised alerts: "
                   + ", ".join(sorted(alarmed)))

    def _check_contained(self) -> None:
        """He gets no answer any more, and has not got what he came for."""
        able = {option["measure"] for option in self.plan["options"]["contain"]}
        contain = next((one for name, one in self.measures.items()
                        if name in able and one["state"] != "failed"), None)
        if contain is None:
            self.check(False, "the intruder was contained: nothing was done")
            return
        answers = self.answered.all("answer")
        until = contain["begun"] / 1e9 + CONTAINED
        self.check(not self.answered.key and all(answer["time"] < until for answer in answers),
                   f"the intruder was contained: {contain['measure']} "
                   f"{contain['latency_ms']:.0f} ms after the alert; {len(answers)} of his commands "
                   "were answered, the key is safe")

    def _wait_spare(self, seconds: float) -> float | None:
        """When the new replica began to listen; None: it never did."""
        port = PORTS["web"]
        if wait_for(lambda: self.shop.spare.listens(port), seconds, "", fail=False):
            return time.time()
        return None

    def _wait_measures(self, seconds: float) -> dict[str, dict]:
        """The measures by name, when the last one is settled."""
        deadline = time.monotonic() + seconds
        found: dict[str, dict] = {}
        while not {"evidence", "replace"} <= set(found) and time.monotonic() < deadline:
            self.wait(0.2)
            found = {one["measure"]: one for one in self.daemon.objects("measures", "--all")}
        return found

    def _note_capacity(self, when: str) -> None:
        said = self.daemon.objects("tolerance")[0]["services"]
        web = next(service for service in said if service["service"] == "web")
        self.capacity.append((when, web["capacity"]["low"]))

    def end(self) -> None:
        self.customers.stop()
        code = self.daemon.stop()
        self.check(code == 0, f"skink run ended when told to (exit code {code})")

    # ---- what they share ----

    def wait(self, seconds: float, why: str = "") -> None:
        """Sleeps while load and daemon live."""
        if why:
            self.terminal.line(self.terminal.paint(f"  ({why})", "dim"))
        time.sleep(seconds)
        self.daemon.check()
        if self.customers.is_over():
            raise RuntimeError("the load ended early")

    def _read_alerts(self) -> list[dict]:
        """Those that are new."""
        new = []
        for alert in self.daemon.alerts():
            if alert["id"] not in self.alerts:
                new.append(alert)
            self.alerts.setdefault(alert["id"], []).append(alert)
        return new

    def _alert_count(self) -> str:
        """Counts the alerts that there should not be, and shows each in full."""
        new = self._read_alerts()
        self.false_alerts += len(new)
        for alert in new:
            self.terminal.line(f"  {self.terminal.paint('false alert', 'red')} {alert['message']}")
            self.terminal.line(json.dumps(alert))
        text = "no alert" if not self.false_alerts else f"{self.false_alerts} alerts"
        return self.terminal.paint(text, "red" if self.false_alerts else "green")

    def _first_alert(self, service: str, seconds: float) -> dict | None:
        """The next new one of the service."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for alert in self._read_alerts():
                if alert["service"] == service:
                    return alert
            time.sleep(0.01)
        return None
