"""A small web server with a hole: what stands behind /run? is run as a command. And with a page,
/spin, that makes one call a million times."""

import http.server
import os
import subprocess
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page, _, command = self.path.partition("?")
        body = b"hello\n"
        if page == "/run":
            command = urllib.parse.unquote(command)
            body = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False).stdout
        elif page == "/spin":
            for _ in range(1_000_000):
                os.getppid()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.HTTPServer(("", 8000), Handler).serve_forever(poll_interval=None)
