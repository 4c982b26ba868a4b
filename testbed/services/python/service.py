"""What the Python services share: Flask, the trace of a request, calls to others, the queue."""

import http.client
import json
import os
import secrets
import socket
import threading
import time

from flask import Flask, g, request

NAME, VERSION = os.environ["HOSTNAME"], os.environ["VERSION"]


def application(name: str) -> Flask:
    """An application that takes part in traces (W3C Trace Context) and logs each request."""
    app = Flask(name)

    @app.before_request
    def begin():
        parts = request.headers.get("traceparent", "").split("-")
        g.trace = parts[1] if len(parts) == 4 else secrets.token_hex(16)

    @app.after_request
    def end(reply):
        print(NAME, g.trace, request.method, request.path, reply.status_code, flush=True)
        reply.headers["x-replica"] = NAME
        return reply

    @app.get("/health")
    def health():
        return {"service": name, "version": VERSION}

    return app


class Refused(Exception):
    """Another service did not answer with 2xx."""

    def __init__(self, service: str, status: int, body):
        super().__init__(f"{service}: {status}")
        self.status, self.body = status, body


def call(service: str, method: str, path: str, body=None):
    """Asks another service as a part of this request's trace; returns its JSON."""
    connection = http.client.HTTPConnection(service, 8000, timeout=10)
    try:
        headers = {"traceparent": f"00-{g.trace}-{secrets.token_hex(8)}-01",
                   "content-type": "application/json"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        reply = connection.getresponse()
        answer = json.loads(reply.read() or b"null")
    finally:
        connection.close()
    if reply.status // 100 != 2:
        raise Refused(service, reply.status, answer)
    return answer


class Queue:
    """The few words of the NATS protocol that the shop speaks."""

    def __init__(self):
        self._socket = None
        self._lock = threading.Lock()

    def _connect(self):
        self._socket = socket.create_connection(("queue", 4222), 5)
        self._file = self._socket.makefile("rb")
        self._file.readline()
        self._socket.sendall(b'CONNECT {"verbose":false}\r\n')

    def publish(self, subject: str, message) -> None:
        """A connection that broke is opened again, once."""
        data = json.dumps(message).encode()
        with self._lock:
            for last in (False, True):
                try:
                    if self._socket is None:
                        self._connect()
                    self._socket.sendall(b"PUB %s %d\r\n%s\r\nPING\r\n"
                                         % (subject.encode(), len(data), data))
                    self._until(b"PONG")
                    return
                except OSError:
                    self._socket = None
                    if last:
                        raise

    def _until(self, word: bytes) -> None:
        while not (line := self._file.readline()).startswith(word):
            if not line:
                raise ConnectionError("the queue hung up")
            if line.startswith(b"PING"):
                self._socket.sendall(b"PONG\r\n")

    def consume(self, subject: str, group: str, handle) -> None:
        """Handles messages for ever; each goes to one consumer of the group."""
        while True:
            try:
                self._connect()
                self._socket.settimeout(None)
                self._socket.sendall(f"SUB {subject} {group} 1\r\n".encode())
                while True:
                    self._until(b"MSG")  # one line: json.dumps leaves no line break in it
                    handle(json.loads(self._file.readline()))
            except OSError:
                time.sleep(1)
