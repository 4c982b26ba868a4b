#!/usr/bin/python3 -B
"""An attempt to escape through what a careless operator mounts: the sockets of container engines,
the host's disks and memory (T1611, T1610). They are not there: the attempt is what counts."""

from attack import Attack

TRY = ("for s in /var/run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock; do"
       " curl -s -m 2 --unix-socket $s http://x/containers/json; echo $s $?; done;"
       " for d in /dev/sda /dev/vda /dev/mem /dev/kmsg; do dd if=$d of=/dev/null count=1; done;"
       " capsh --print; grep Cap /proc/self/status; cat /proc/1/mountinfo | head -3;"
       " find / -xdev -perm -4000 2>&1 | head -3")


def run(attack: Attack) -> bool:
    said = attack.front(f"({TRY}) 2>&1")
    return attack.prove("docker.sock" in said and "CapEff:\t0000000000000000" in said, said=said)


Attack("T1611, T1613", ["edge", "front"], ["/var/run/docker.sock", "/dev"]).main(run)
