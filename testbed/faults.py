"""Faults that are no attacks. No process is started in the replica for them."""

import os
import time
from pathlib import Path

from system import Shop


def _kill(shop: Shop, replica: str, seconds: float) -> None:
    """It dies, and is started anew after a while, as an orchestrator does."""
    service = replica.rpartition("-")[0]
    with shop.changing():
        shop.engine.kill(replica)
        time.sleep(seconds)
        shop.start(service, replica)


def _hang(shop: Shop, replica: str, seconds: float) -> None:
    """It does nothing for a while."""
    shop.engine.pause(replica)
    try:
        time.sleep(seconds)
    finally:
        shop.engine.resume(replica)


def _slow(shop: Shop, replica: str, seconds: float) -> None:
    """A twentieth of a processor is all it has for a while."""
    shop.engine.slow(replica, 0.05)
    try:
        time.sleep(seconds)
    finally:
        shop.engine.slow(replica, 0)


def _full(shop: Shop, replica: str, seconds: float) -> None:
    """There is no room in its /tmp for a while."""
    file = Path(f"/proc/{shop.engine.pid(replica)}/root/tmp/full")
    room = os.statvfs(file.parent)
    try:
        with open(file, "wb") as full:
            os.posix_fallocate(full.fileno(), 0, room.f_bavail * room.f_bsize)
        time.sleep(seconds)
    finally:
        file.unlink(missing_ok=True)


FAULTS = {"kill": _kill, "hang": _hang, "slow": _slow, "full": _full}
