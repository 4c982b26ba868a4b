"""The shop: a balancer, a web service in two replicas, a database and a mailer, as real containers.

    front (HAProxy) ──┬── web-1 (gunicorn, Flask) ──┬── db (redis) ─── mail (Python)
                      └── web-2                   ──┘

A third replica of the web service, web-3, is there to be started when it is needed.
"""

import secrets
import time
from pathlib import Path

from bundle import Image
from containers import Container, System
from shop.balancer import Rotation

HERE = Path(__file__).resolve().parent
PORTS = {"front": 8080, "web": 8000, "db": 6379}
STARTER = """\
#!/bin/sh
# Starts the spare replica, anew when that failed before, and says where it is (respond.replace).
runc --root {root} delete --force {id} 2>/dev/null
runc --root {root} run --detach --bundle {bundle} {id} </dev/null >>{log} 2>&1 && echo {address}
"""


class Shop:
    """The containers of one shop."""

    def __init__(self, system: System):
        self.payment_key = f"sk_live_{secrets.token_hex(16)}"
        self.mail_password = secrets.token_hex(8)
        password = secrets.token_hex(8)
        run = _volume(system.directory / "front-run")
        self.db = system.container("db", _db(_volume(system.directory / "db-data"), password))
        self.mail = system.container("mail", _mail(password, self.mail_password))
        self.web = [system.container(f"web-{n}", _web(password, self.payment_key)) for n in (1, 2)]
        self.front = system.container("front", _front(run))
        self.spare = system.container("web-3", _web(password, self.payment_key))
        self.containers = [self.db, self.mail, *self.web, self.front]
        self.rotation = Rotation(run / "admin", "web")
        self.starter = system.directory / "start-web"
        self.starter.write_text(STARTER.format(
            root=system.oci_root, bundle=self.spare.directory, id=self.spare.id, log=self.spare.log,
            address=self.spare.address))
        self.starter.chmod(0o755)

    @property
    def address(self) -> tuple[str, int]:
        """Where customers reach the shop."""
        return self.front.address, PORTS["front"]

    def start(self, container: Container) -> None:
        """Returns when the container listens; the mailer is asked by nobody."""
        container.start()
        port = PORTS.get(container.image.service)
        if port:
            container.wait_listens(port)

    def restart(self, container: Container) -> None:
        container.stop()
        self.start(container)

    def scale(self, seconds: float) -> None:
        """The spare replica comes, serves for a while, and goes again."""
        self.start(self.spare)
        self.rotation.add(self.spare.name, f"{self.spare.address}:{PORTS['web']}")
        time.sleep(seconds)
        self.rotation.drain(self.spare.name)
        self.rotation.remove(self.spare.name)
        self.spare.stop()


def _volume(path: Path) -> Path:
    path.mkdir()
    path.chmod(0o1777)
    return path


def _db(data: Path, password: str) -> Image:
    return Image("db", "7.0", ["/usr/bin/redis-server", "/app/redis.conf", "--requirepass", password],
                 "redis", {"MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1"},
                 {"/app": HERE / "db"}, {"/data": data})


def _python(password: str) -> dict[str, str]:
    return {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": "/app", "MALLOC_ARENA_MAX": "1",
            "DATABASE": "db", "DATABASE_PASSWORD": password}


def _web(password: str, payment_key: str) -> Image:
    return Image("web", "1.4.2", ["/usr/bin/python3", "-m", "gunicorn", "-c", "/app/gunicorn.conf.py",
                                  "app:app"], "www-data", _python(password), {"/app": HERE / "web"},
                 secrets={"/etc/shop/payment.key": payment_key + "\n"})


def _mail(password: str, mail_password: str) -> Image:
    return Image("mail", "1.0", ["/usr/bin/python3", "/app/worker.py"], "nobody", _python(password),
                 {"/app": HERE / "mail"}, secrets={"/etc/shop/mail.password": mail_password + "\n"})


def _front(run: Path) -> Image:
    return Image("front", "2.6", ["/usr/sbin/haproxy", "-db", "-f", "/app/haproxy.cfg"], "www-data",
                 {}, {"/app": HERE / "front"}, {"/run/haproxy": run})


def missing() -> list[str]:
    """The Debian packages that the shop needs and this host lacks."""
    needs = {
        "runc": "/usr/sbin/runc",
        "haproxy": "/usr/sbin/haproxy",
        "gunicorn": "/usr/bin/gunicorn",
        "python3-flask": "/usr/lib/python3/dist-packages/flask",
        "python3-redis": "/usr/lib/python3/dist-packages/redis",
        "redis-server": "/usr/bin/redis-server",
        "redis-tools": "/usr/bin/redis-cli",
        "iproute2": "/usr/bin/ip",
    }
    return [package for package, path in needs.items() if not Path(path).exists()]
