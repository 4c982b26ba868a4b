"""A shop that is voted about (test_vote.py): one of two builds that answer the same. Its answers hold
a time and ids, as answers do; POST counts, so that there is a state to diverge."""

import json
import os
import secrets
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PUBLIC = Path("/app/public")
DEFACED = Path("/tmp/defaced")  # what an intruder leaves to be served
DYING = Path("/tmp/dying")
COUNT = [0]
ISSUED = set()  # tokens of forms and sessions


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        target = urllib.parse.urlsplit(self.path)
        if target.path == "/":
            self.page()
        elif target.path == "/items":
            self.answer(200, "application/json; charset=utf-8", json.dumps(
                {"items": ["lamp", "chair/oak"], "now": time.time_ns(), "id": secrets.token_hex(16),
                 "count": COUNT[0]}).encode())
        elif target.path == "/file":
            self.file(urllib.parse.parse_qs(target.query)["name"][0])
        elif target.path == "/raw":
            self.answer(200, "text/plain", self.path.encode())
        elif target.path == "/big":
            self.answer(200, "text/plain", b"x" * (2 << 20))
        elif target.path == "/login":
            self.answer(200, "text/plain", b"welcome\n", self.issue())
        elif target.path == "/me":
            known = self.headers.get("Cookie", "").removeprefix("session=") in ISSUED
            self.answer(200 if known else 401, "text/plain", b"you" if known else b"who are you?")
        else:
            self.answer(404, "text/plain", b"not found\n")

    def issue(self):
        ISSUED.add(token := secrets.token_hex(16))
        return token

    def page(self):
        text = DEFACED.read_text() if DEFACED.exists() else "Welcome to the shop."
        page = (f"<html><body><p>{text}</p>\n<p>It is {time.time_ns()}.</p>\n"
                f'<input name="token" value="{self.issue()}"></body></html>\n').encode()
        if DYING.exists():
            self.die(page)
        self.answer(200, "text/html; charset=utf-8", page)

    def die(self, page):
        """In the midst of an answer."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page[:50])
        self.wfile.flush()
        os._exit(1)

    def file(self, name):
        path = (PUBLIC / name).resolve()
        if path.is_relative_to(PUBLIC) and path.is_file():
            self.answer(200, "text/plain", path.read_bytes())
        else:
            self.answer(404, "text/plain", b"no such file\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/order" and body.decode().removeprefix("token=") not in ISSUED:
            return self.answer(403, "text/plain", b"forged\n")
        COUNT[0] += 1
        return self.answer(201, "text/plain", b"got %d bytes, the %dth" % (len(body), COUNT[0]))

    def answer(self, status, kind, body, session=None):
        self.send_response(status)
        if session:
            self.send_header("Set-Cookie", f"session={session}; HttpOnly")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Build", "python")  # not compared, so not given on
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
