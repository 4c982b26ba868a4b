"""Shoppers: sessions of pages with pauses between them, by day more than by night.

Whatever the shop can do is done in every session's mix, mistakes included: what the load never asks
for would be news to whoever learns from it.
"""

import asyncio
import json
import math
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from urllib.parse import quote

import network

TIMEOUT = 15
CARDS = ("4000000000000002", "5555555555554444", "378282246310005")
WORDS = ("lamp", "Lizard", "heater", "no. 7", "terrace", "nothing of this kind", "hammöck")
NAMES = ("Ada Lovelace", "Jürgen Groß", "Zoë Ångström", "Bo Li", "Łucja Nowak")

# What a shopper may do next, and how often. A step is named after what it does.
STEPS = {"home": 14, "page": 8, "product": 22, "search": 12, "picture": 14, "add": 12, "basket": 6,
         "checkout": 5, "order": 2, "review": 4, "upload": 2, "fetch": 1, "gift": 3, "partner": 2,
         "share": 2, "feed": 1, "bulk": 1, "quote": 4, "mistake": 8}
MISTAKES = ("no_page", "no_product", "no_words", "no_picture", "no_card", "no_cart", "no_stars",
            "no_image", "no_yaml", "no_item", "no_order", "no_quote", "no_address")


class Session:
    """One shopper on one connection."""

    def __init__(self, address: tuple[str, int], dice: random.Random, found: "Found"):
        self.address, self.dice, self.found = address, dice, found
        self.cart = f"c{dice.getrandbits(60):x}"
        self.order = None
        self.streams = None

    async def ask(self, kind: str, method: str, path: str, body=b"", right=(200,),
                  mime="application/json"):
        """One request; counts it, and says what was answered."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        begin = time.monotonic()
        try:
            exchange = self._exchange(method, path, data, mime)
            status, answer = await asyncio.wait_for(exchange, TIMEOUT)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError) as error:
            status, answer = type(error).__name__, b""
            self.close()
        self.found.count(kind, time.monotonic() - begin, status, right)
        return status, answer

    async def _exchange(self, method: str, path: str, data: bytes, mime: str):
        if self.streams is None:
            self.streams = await asyncio.open_connection(*self.address)
        reader, writer = self.streams
        head = f"{method} {path} HTTP/1.1\r\nhost: shop\r\n"
        if method != "GET":
            head += f"content-type: {mime}\r\ncontent-length: {len(data)}\r\n"
        writer.write(head.encode() + b"\r\n" + data)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:] if line)
        if fields.get("transfer-encoding") == "chunked":
            body = b""
            while size := int((await reader.readline()).split(b";")[0], 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        else:
            body = await reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), body

    def close(self) -> None:
        """The next request opens a new connection."""
        if self.streams:
            self.streams[1].close()
        self.streams = None

    async def step(self, kind: str) -> None:
        """Does one thing."""
        if kind == "mistake":
            kind = self.dice.choice(MISTAKES)
        await getattr(self, f"_{kind}")(kind, self.dice.randint(1, 200))

    async def _home(self, kind, _number):
        await self.ask(kind, "GET", "/")

    async def _page(self, kind, number):
        await self.ask(kind, "GET", f"/?page={number % 17}")

    async def _product(self, kind, number):
        await self.ask(kind, "GET", f"/product/{number}")

    async def _search(self, kind, _number):
        await self.ask(kind, "GET", f"/search?q={quote(self.dice.choice(WORDS))}")

    async def _picture(self, kind, number):
        await self.ask(kind, "GET", f"/media/image?name={number % 8}.jpg")

    async def _add(self, kind, number):
        wish = {"product": number, "quantity": number % 3 + 1}
        await self.ask(kind, "POST", f"/cart/{self.cart}", wish, (201,))

    async def _basket(self, kind, _number):
        await self.ask(kind, "GET", f"/basket/{self.cart}")

    def _wish(self, number: int, card: str) -> dict:
        return {"cart": self.cart, "name": self.dice.choice(NAMES),
                "address": f"{number} Sunny Rock Läne",
                "payment": {"card": card, "memo": f"gift {number}"}}

    async def _checkout(self, kind, number):
        await self._add("add", number)
        wish = self._wish(number, self.dice.choice(CARDS))
        status, answer = await self.ask(kind, "POST", "/orders/checkout", wish, (201,))
        if status == 201:
            self.order = json.loads(answer)["id"]

    async def _order(self, kind, number):
        if self.order is None:
            await self._checkout("checkout", number)
        await self.ask(kind, "GET", f"/orders/{self.order}")

    async def _review(self, kind, number):
        review = {"stars": number % 5 + 1, "words": "fine " * self.dice.randint(1, 30)}
        await self.ask(kind, "POST", f"/reviews/{number}", review, (201,))

    async def _upload(self, kind, number):
        picture = b"\xff\xd8\xff\xe0" + self.dice.randbytes(self.dice.randint(500, 9000))
        path = f"/media/upload?name=own-{number % 20}.jpg"
        await self.ask(kind, "POST", path, picture, (201,), "image/jpeg")

    async def _fetch(self, kind, number):
        url = quote(f"http://edge:8080/media/image?name={number % 8}.jpg")
        await self.ask(kind, "POST", f"/media/fetch?url={url}")

    async def _gift(self, kind, _number):
        text = quote("Dear {{ name }}, have fun. {% if name %}Yes, {{ name|upper }}.{% endif %}")
        await self.ask(kind, "GET", f"/gift?name={quote(self.dice.choice(NAMES))}&text={text}")

    async def _partner(self, kind, _number):
        greeting = quote("Hello ${name}, come in")
        await self.ask(kind, "GET", f"/partner?name=bugs&greeting={greeting}")

    async def _share(self, kind, number):
        shared = {"note": "for you", "items": [{"product": number, "quantity": 1}]}
        await self.ask(kind, "POST", f"/cart/{self.cart}/import", shared, (201,))

    async def _feed(self, kind, _number):
        await self.ask(kind, "POST", "/reviews/import", {"feed": "/app/feed.csv"}, (201,))

    async def _bulk(self, kind, number):
        text = (f"name: Lamps Ltd\naddress: 1 Way\ncard: '{CARDS[0]}'\n"
                f"lines:\n- {{product: {number}, quantity: 9}}\n")
        await self.ask(kind, "POST", "/orders/bulk", text.encode(), (201,), "application/yaml")

    async def _quote(self, kind, number):
        await self.ask(kind, "GET", f"/shipping/quote?product={number}&zip={10000 + 450 * number}")

    async def _no_page(self, kind, number):
        await self.ask(kind, "GET", f"/no/such/page/{number}", right=(404,))

    async def _no_product(self, kind, number):
        await self.ask(kind, "GET", f"/product/{9000 + number}", right=(404,))

    async def _no_words(self, kind, _number):
        await self.ask(kind, "GET", "/search?q=", right=(400,))

    async def _no_picture(self, kind, number):
        await self.ask(kind, "GET", f"/media/image?name=none-{number}.jpg", right=(404,))

    async def _no_card(self, kind, number):
        await self._add("add", number)
        wish = self._wish(number, "4000000000000001")
        await self.ask(kind, "POST", "/orders/checkout", wish, (402,))

    async def _no_cart(self, kind, number):
        wish = {**self._wish(number, CARDS[0]), "cart": f"none{number}"}
        await self.ask(kind, "POST", "/orders/checkout", wish, (409,))

    async def _no_stars(self, kind, number):
        await self.ask(kind, "POST", f"/reviews/{number}", {"stars": 9, "words": "more!"}, (400,))

    async def _no_image(self, kind, _number):
        await self.ask(kind, "POST", "/media/upload?name=a.txt", b"words", (415,), "text/plain")

    async def _no_yaml(self, kind, _number):
        await self.ask(kind, "POST", "/orders/bulk", b"lines: [", (400,), "application/yaml")

    async def _no_item(self, kind, number):
        await self.ask(kind, "POST", f"/cart/{self.cart}", {"product": f"no. {number}"}, (400,))

    async def _no_order(self, kind, number):
        await self.ask(kind, "GET", f"/orders/{9000000 + number}", right=(404,))

    async def _no_quote(self, kind, number):
        await self.ask(kind, "GET", f"/shipping/quote?product={9000 + number}&zip=1", right=(404,))

    async def _no_address(self, kind, number):
        await self.ask(kind, "GET", f"/orders/checkout/{number}", right=(404,))


class Found:
    """What was met."""

    def __init__(self):
        self.kinds, self.wrong, self.took, self.sessions = Counter(), Counter(), [], 0

    def count(self, kind: str, seconds: float, status, right) -> None:
        """One request."""
        self.kinds[kind] += 1
        self.took.append(seconds)
        if status not in right:
            self.wrong[f"{kind} {status}"] += 1

    def summary(self) -> dict:
        """Counts, and latencies in milliseconds."""
        took = sorted(self.took) or [0]
        share = {name: round(1e3 * took[min(len(took) - 1, int(part * len(took)))], 1)
                 for name, part in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1))}
        return {"sessions": self.sessions, "requests": sum(self.kinds.values()),
                "failures": sum(self.wrong.values()), "wrong": self.wrong, "ms": share,
                "kinds": self.kinds}


class Shoppers:
    """So many of them, each with one session after the other."""

    def __init__(self, shop, number: int, think: float, day: float, seed: int):
        self.shop, self.number, self.think, self.day = shop, number, think, day
        self.dice = random.Random(seed)
        self.found = Found()

    def play(self, seconds: float, every: float | None = None) -> dict:
        """Blocks for so long, or until SIGTERM; the summary. It is printed meanwhile, too."""
        self.every = every
        with network.inside(self.shop.engine.place("shoppers")):
            asyncio.run(self._all(seconds))
        return self._summary()

    def _summary(self) -> dict:
        return {"seconds": round(time.monotonic() - self.begin, 3), "shoppers": self.number,
                **self.found.summary()}

    def _stop(self) -> None:
        self.end = time.monotonic()
        self.ending.set()

    async def _all(self, seconds: float) -> None:
        self.begin = time.monotonic()
        self.end = self.begin + seconds
        self.ending = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop)
        told = self.begin
        shoppers = [asyncio.create_task(self._shopper(random.Random(self.dice.getrandbits(64))))
                    for _ in range(self.number)]
        while not all(shopper.done() for shopper in shoppers):
            if sys.stderr.isatty():
                print(f"\r{self.end - time.monotonic():5.0f} s  {len(self.found.took):7} requests  "
                      f"{sum(self.found.wrong.values())} failures ", end="", file=sys.stderr)
            if self.every and time.monotonic() - told >= self.every:
                told = time.monotonic()
                print(json.dumps(self._summary()), flush=True)
            await asyncio.sleep(0.5)
        await asyncio.gather(*shoppers)

    def _busy(self) -> float:
        """The hour of the day: 1 at noon, 0.25 at midnight. The shop opens at nine."""
        turn = (time.monotonic() - self.begin) / self.day + 9 / 24
        return 0.625 - 0.375 * math.cos(2 * math.pi * turn)

    async def _shopper(self, dice: random.Random) -> None:
        kinds, shares = list(STEPS), list(STEPS.values())
        await self._pause(dice)
        while time.monotonic() < self.end:
            session = Session(self.shop.edge, dice, self.found)
            self.found.sessions += 1
            for kind in ["home", *dice.choices(kinds, shares, k=dice.randint(3, 20))]:
                if time.monotonic() >= self.end:
                    break
                await session.step(kind)
                await self._pause(dice)
            session.close()

    async def _pause(self, dice: random.Random) -> None:
        pause = dice.lognormvariate(math.log(self.think) - 0.5, 1) / self._busy()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.ending.wait(),
                                   max(0, min(pause, self.end - time.monotonic())))
