"""What the shop keeps in its database, and how it is found again."""

import os
import pickle

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

PRODUCTS = 200

# A connection that the database closed is opened again: three attempts, 100 ms apart.
_db = redis.Redis(host=os.environ["DATABASE"], password=os.environ["DATABASE_PASSWORD"],
                  decode_responses=True, retry=Retry(ConstantBackoff(0.1), 3),
                  retry_on_error=[redis.ConnectionError, redis.TimeoutError])


def fill() -> None:
    """The first start puts the goods on the shelves."""
    if _db.exists("names"):
        return
    numbers = range(1, PRODUCTS + 1)
    _db.hset("prices", mapping={n: 100 * n + 99 for n in numbers})
    _db.hset("names", mapping={n: f"Lizard lamp no. {n}" for n in numbers})


def names(numbers) -> list[str]:
    return _db.hmget("names", numbers)


def product(number: int) -> tuple[str, int, int, list[str]] | None:
    """Name, price in cents, how many were sold, the last reviews; None: no such product."""
    with _db.pipeline(transaction=False) as line:
        line.hget("names", number).hget("prices", number).llen(f"orders:{number}")
        name, price, sold = line.execute()
    if name is None:
        return None
    return name, int(price), sold, _db.lrange(f"reviews:{number}", 0, 4)


def search(words: str) -> list[str]:
    """The first twenty products with these words in their names."""
    return [name for name in _db.hvals("names") if words.lower() in name.lower()][:20]


def order(number: int, address: str) -> None:
    """Noted, and a task for the service that writes the letters."""
    _db.rpush(f"orders:{number}", address)
    _db.rpush("mails", pickle.dumps({"product": number, "address": address}))


def review(number: int, stars: int, words: str) -> None:
    _db.lpush(f"reviews:{number}", f"{'★' * stars} {words}")
    _db.ltrim(f"reviews:{number}", 0, 49)


def prices() -> list[tuple[str, str]]:
    return sorted(_db.hgetall("prices").items(), key=lambda pair: int(pair[0]))
