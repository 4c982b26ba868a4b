#!/usr/bin/python3 -B
"""Attempts to escape through the kernel's helpers: core_pattern, uevent_helper, binfmt_misc and
release_agent (T1611, CVE-2022-0492). All are refused: the attempt is what counts."""

from pathlib import Path

from attack import Attack

CORE = "/proc/sys/kernel/core_pattern"
TRY = (f"cat {CORE}; echo '|/tmp/x' >{CORE}; echo /tmp/x >/sys/kernel/uevent_helper;"
       " echo ':x:M::x::/tmp/x:' >/proc/sys/fs/binfmt_misc/register; cd /tmp; mkdir -p cg;"
       " unshare -UrmC sh -c 'mount -t cgroup -o memory none cg; echo 1 >cg/notify_on_release;"
       " echo /tmp/x >cg/release_agent'; echo tried; rmdir cg")


def run(attack: Attack) -> bool:
    before = Path(CORE).read_text(encoding="ascii")
    said = attack.reviews(TRY)
    unharmed = Path(CORE).read_text(encoding="ascii") == before
    return attack.prove("tried" in said and unharmed, said=said, host_unharmed=unharmed)


Attack("T1611", ["edge", "reviews"], [CORE, "release_agent", "uevent_helper"]).main(run)
