"""A small web server with holes: what stands behind /run? is run as a command (unless PATCHED is in
its environment), the file that stands behind /read? is sent, and the server that stands behind /ask?
is asked for the page that stands behind its port. And with a page, /spin, that makes one call a
million times, and one, /scratch, that keeps its notes in a file of a new name. When it is told to
end it makes calls that it makes at no other time; after /stay it goes on all the same, and /leave tells itself."""

import http.server
import os
import random
import signal
import socket
import string
import subprocess
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page, _, command = self.path.partition("?")
        body = b"hello\n"
        if page == "/run" and "PATCHED" not in os.environ:
            command = urllib.parse.unquote(command)
            body = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False).stdout
        elif page == "/read":
            with open(command, "rb") as file:
                body = file.read()
        elif page == "/ask":
            server, _, asked = command.partition("/")
            address, port = server.split(":")
            with socket.create_connection((address, int(port))) as peer:
                peer.sendall(f"GET /{asked} HTTP/1.0\r\n\r\n".encode())
                body = peer.recv(4096)
        elif page == "/scratch":
            name = "/tmp/notes-" + "".join(random.choices(string.ascii_lowercase, k=8))
            with open(name, "w", encoding="utf-8") as file:
                file.write("note")
            os.unlink(name)
        elif page == "/spin":
            for _ in range(1_000_000):
                os.getppid()
        elif page == "/stay":
            self.server.stays = True
        elif page == "/leave":
            os.kill(os.getpid(), signal.SIGTERM)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def farewell(*_):
    for _ in range(20):
        os.sched_yield()
        os.getpgid(0)
        os.times()
    if not server.stays:
        raise SystemExit


server = http.server.HTTPServer(("", 8000), Handler)
server.stays = False
signal.signal(signal.SIGTERM, farewell)
server.serve_forever(poll_interval=None)
