"""HAProxy: before the shop, and before each service. Replicas come and go through its runtime
API."""

import socket
from pathlib import Path

FILE = "/etc/haproxy/haproxy.cfg"
SLOTS = 100  # replicas of one service at most

_COMMON = """\
global
    nbthread 1
    maxconn 512
{globals}
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 30s
    timeout http-keep-alive 60s
    timeout check 5s
    option redispatch 1
    retries 3
    retry-on conn-failure empty-response
"""

_EDGE = """
frontend edge
    bind :8080
    # A request from outside begins a trace (W3C Trace Context).
    http-request set-header traceparent 00-%[uuid,regsub(-,,g)]-%[uuid,regsub(-,,g),bytes(0,16)]-01
    default_backend front
"""

_SERVICE = """
listen {name}
    bind :8000
    balance roundrobin
    {check}
    server-template r 1-{slots} 0.0.0.0:8000 check inter 2s fall 2 rise 1 {options} disabled
"""

# PHP answers what ends in .php below its root, and its own script everything else. A connection
# that is kept would keep one of its few processes.
_FASTCGI = """\
    use-fcgi-app php
    http-request replace-path ^/media/uploads/(.*)$ /uploads/\\1
    http-request set-path /{script}.php%[path] if !{{ path_beg /uploads/ }}

fcgi-app php
    docroot /srv
    path-info ^(/[^.]+\\.php)(/.*)?$
    no option keep-conn
"""


def before_shop(services: list[str]) -> str:
    """Each public service under its name, everything else to front."""
    rules = "".join(f"    use_backend {name} if {{ path_beg /{name}/ }}\n"
                    for name in services if name != "front")
    backends = "".join(f"\nbackend {name}\n    server {name} {name}:8000\n" for name in services)
    return _COMMON.format(globals="") + _EDGE + rules + backends


def before_service(name: str, script: str | None) -> str:
    """script: the name of a PHP service's script; None: the service speaks HTTP."""
    text = _COMMON.format(globals="    stats socket /run/haproxy/admin mode 600 level admin\n")
    check = "option httpchk GET /health" if script is None else "option tcp-check"
    text += _SERVICE.format(name=name, check=check, slots=SLOTS,
                            options="proto fcgi" if script else "")
    return text + (_FASTCGI.format(script=script) if script else "")


def tell(volume: Path, *commands: str) -> str:
    """Sends commands to a HAProxy whose /run/haproxy is kept in the volume; returns its answers."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(5)
        control.connect(str(volume / "admin"))
        control.sendall(("; ".join(commands) + "\n").encode())
        return control.makefile().read()


def add(volume: Path, name: str, slot: int, address: str) -> None:
    """From now on the replica is asked, as soon as a check has found it well."""
    server = f"{name}/r{slot}"
    tell(volume, f"set server {server} addr {address} port 8000", f"enable health {server}",
         f"set server {server} state ready")


def drain(volume: Path, name: str, slot: int) -> None:
    """No new request goes to the replica."""
    tell(volume, f"set server {name}/r{slot} state maint")


def resume(volume: Path, name: str, slot: int) -> None:
    """The replica is asked again, if it is well."""
    tell(volume, f"set server {name}/r{slot} state ready")


def serving(volume: Path, name: str) -> set[int]:
    """The slots that are being asked."""
    rows = [line.split() for line in tell(volume, f"show servers state {name}").splitlines()]
    return {int(row[3][1:]) for row in rows if len(row) > 6 and row[1] == name and row[5] == "2"}
