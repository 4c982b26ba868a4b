"""A small web server with a hole: what stands behind /run? is run as a command."""

import http.server
import subprocess
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page, _, command = self.path.partition("?")
        body = b"hello\n"
        if page == "/run":
            command = urllib.parse.unquote(command)
            body = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False).stdout
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.HTTPServer(("", 8000), Handler).serve_forever(poll_interval=None)
