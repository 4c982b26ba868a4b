"""The clients of the fleet (fleet.py): for each line on standard input, a list of addresses, one
request to each, by the protocol that its port says. Answers a line with what failed."""

import json
import socket
import struct
import sys

HTTP = b"GET / HTTP/1.0\r\n\r\n"
# PostgreSQL's simple protocol: start-up as user postgres, a query, the end.
HELLO = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0"
QUERY = b"SELECT count(*) FROM pg_class\0"


def _http(connection: socket.socket) -> bool:
    connection.sendall(HTTP)
    return connection.makefile("rb").read().startswith((b"HTTP/1.0 200", b"HTTP/1.1 200"))


def _redis(connection: socket.socket) -> bool:
    connection.sendall(b"SET k v\r\nGET k\r\n")
    answer = connection.makefile("rb")
    return [answer.readline() for _ in range(3)] == [b"+OK\r\n", b"$1\r\n", b"v\r\n"]


def _postgres(connection: socket.socket) -> bool:
    answer = connection.makefile("rb")

    def until_ready() -> bool:
        while True:
            kind, size = struct.unpack("!cI", answer.read(5))
            answer.read(size - 4)
            if kind in (b"Z", b"E"):
                return kind == b"Z"
    connection.sendall(struct.pack("!I", len(HELLO) + 4) + HELLO)
    ready = until_ready()
    connection.sendall(b"Q" + struct.pack("!I", len(QUERY) + 4) + QUERY)
    answered = until_ready()
    connection.sendall(b"X\0\0\0\4")
    return ready and answered


def _ask(host: str, port: int) -> str | None:
    """None when it answered as it should, else why not."""
    ask = {6379: _redis, 5432: _postgres}.get(port, _http)
    try:
        with socket.create_connection((host, port), 10) as connection:
            return None if ask(connection) else f"{host}:{port}: a wrong answer"
    except (OSError, struct.error) as error:
        return f"{host}:{port}: {error}"


for line in sys.stdin:
    failures = [why for host, port in json.loads(line) if (why := _ask(host, port))]
    print(json.dumps({"failures": failures}), flush=True)
