"""Work against Skink itself: how soon each attempt is told of."""

import time
from contextlib import AbstractContextManager, nullcontext

import tamper
from conftest import wait_until
from result import Row
from watched import BUILD, System

REACH = tamper.NOTICED
ATTEMPTS = {  # the point of its alarm, and what is done
    "kill": ("guardian", tamper.kill),
    "SIGSTOP": ("guardian", tamper.stop),
    "kill_guardian": ("guardian", tamper.kill_guardian),
    "SIGSTOP_guardian": ("guardian", tamper.stop_guardian),
    "kill_hand": ("guardian", tamper.kill_hand),
    "SIGSTOP_hand": ("guardian", tamper.stop_hand),
    "kill_canary": ("canary", tamper.kill_canary),
    "SIGSTOP_canary": ("canary", tamper.stop_canary),
    "map_wipe": ("probe", tamper.wipe_map),
    "forget_cgroups": ("probe", tamper.forget_cgroups),
    "switch_off": ("probe", tamper.switch_off),
    "replace_program": ("probe", tamper.replace_program),
    "log_edit": ("log", tamper.edit_log),
    "socket_flood": ("socket", tamper.flooded),
    "clock_jump": ("clock", tamper.clock_jumped),
    "disk_full": ("disk", tamper.fill_disk),
}


def _noticed(daemon: tamper.Guarded, name: str) -> float:
    """Seconds from the beginning of the attempt to the line that tells of it."""
    point, attempt = ATTEMPTS[name]
    begun = time.monotonic()
    done = attempt(daemon)
    with done if isinstance(done, AbstractContextManager) else nullcontext(done) as text:
        try:
            daemon.told(point, text)
        except AssertionError:
            return float("inf")
        return time.monotonic() - begun


def tampering(system: System) -> list[Row]:
    """Each against a daemon of its own."""
    rows = []
    for name in ATTEMPTS:
        daemon = tamper.Guarded(str(BUILD / "skink"), system.directory / f"agent-{name}")
        daemon.tells = False
        with tamper.small_disk(daemon) if name == "disk_full" else nullcontext(), daemon:
            time.sleep(2)  # it has looked at everything once
            rows.append(Row(f"noticed_{name}", _noticed(daemon, name), "s", REACH))
            wait_until(daemon.answers, 30)  # it may be starting again
    return rows
