"""Writes the letters that the shop owes its customers. The tasks come through the database, as
pickles, which is a weakness of many real queues: who may write there has his code run here."""

import os
import pickle
import signal
import sys

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

OUTBOX = "/tmp/outbox"

_db = redis.Redis(host=os.environ["DATABASE"], password=os.environ["DATABASE_PASSWORD"],
                  retry=Retry(ConstantBackoff(0.1), 50),
                  retry_on_error=[redis.ConnectionError, redis.TimeoutError])


def send(task: dict) -> None:
    with open(OUTBOX, "a", encoding="utf-8") as outbox:
        outbox.write(f"To: {task['address']}\nYour lamp no. {task['product']} is on its way.\n\n")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        _, task = _db.blpop("mails")
        try:
            send(pickle.loads(task))
        except (pickle.UnpicklingError, TypeError, KeyError):
            print("a task that is none was thrown away", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
