"""The shop: a balancer, a web service in two replicas and a database, as real containers.

    front (nginx) ────┬── web-1 (gunicorn, Flask) ──┬── db (redis)
                      └── web-2                   ──┘
"""

import secrets
from pathlib import Path

from bundle import Image
from containers import Container, System

HERE = Path(__file__).resolve().parent
FRONT_PORT = 8080
WEB_PORT = 8000
DB_PORT = 6379


class Shop:
    """The containers of one shop. start() brings them up in the order of their needs."""

    def __init__(self, system: System):
        self.api_key = f"sk_live_{secrets.token_hex(16)}"
        data = system.directory / "db-data"
        data.mkdir()
        data.chmod(0o1777)
        password = secrets.token_hex(8)
        self.db = system.container("db", _db(data, password))
        self.web = [system.container(f"web-{n}", _web(password, self.api_key)) for n in (1, 2)]
        self.front = system.container("front", _front())
        self.containers = [self.db, *self.web, self.front]

    @property
    def address(self) -> tuple[str, int]:
        """Where customers reach the shop."""
        return self.front.address, FRONT_PORT

    def start(self) -> None:
        for container in self.containers:
            container.start()
            self.wait(container)

    def restart(self, container: Container) -> None:
        container.restart()
        self.wait(container)

    def wait(self, container: Container) -> None:
        """Until the container answers."""
        port = {"db": DB_PORT, "web": WEB_PORT, "front": FRONT_PORT}[container.image.service]
        container.wait_port(port)


def _db(data: Path, password: str) -> Image:
    return Image("db", "7.0", ["/usr/bin/redis-server", "/app/redis.conf", "--requirepass", password],
                 "redis", {"MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1"},
                 {"/app": HERE / "db"}, {"/data": data})


def _web(password: str, api_key: str) -> Image:
    return Image("web", "1.4.2", ["/usr/bin/python3", "-m", "gunicorn", "-c", "/app/gunicorn.conf.py",
                                  "app:app"], "www-data",
                 {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": "/app", "MALLOC_ARENA_MAX": "1",
                  "DATABASE": "db", "DATABASE_PASSWORD": password},
                 {"/app": HERE / "web"}, secrets={"/etc/shop/payment.key": api_key + "\n"})


def _front() -> Image:
    return Image("front", "1.22", ["/usr/sbin/nginx", "-e", "stderr", "-c", "/app/nginx.conf"],
                 "www-data", {}, {"/app": HERE / "front"})


def missing() -> list[str]:
    """The Debian packages that the shop needs and this host lacks."""
    needs = {
        "runc": "/usr/sbin/runc",
        "nginx": "/usr/sbin/nginx",
        "gunicorn": "/usr/bin/gunicorn",
        "python3-flask": "/usr/lib/python3/dist-packages/flask",
        "python3-redis": "/usr/lib/python3/dist-packages/redis",
        "redis-server": "/usr/bin/redis-server",
        "iproute2": "/usr/bin/ip",
    }
    return [package for package, path in needs.items() if not Path(path).exists()]
