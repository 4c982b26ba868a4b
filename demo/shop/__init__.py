"""The shop: a balancer, a web service in two replicas and a database, as real containers.

    front (nginx) ────┬── web-1 (gunicorn, Flask) ──┬── db (PostgreSQL)
                      └── web-2                   ──┘
"""

import secrets
from pathlib import Path

from bundle import Image
from containers import Container, System

HERE = Path(__file__).resolve().parent
FRONT_PORT = 8080
WEB_PORT = 8000
DB_PORT = 5432


class Shop:
    """The containers of one shop. start() brings them up in the order of their needs."""

    def __init__(self, system: System):
        self.api_key = f"sk_live_{secrets.token_hex(16)}"
        data = system.directory / "db-data"
        data.mkdir()
        data.chmod(0o1777)
        self.db = system.container("db", _db(data))
        self.web = [system.container(f"web-{n}", _web(self.api_key)) for n in (1, 2)]
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


def _db(data: Path) -> Image:
    return Image("db", "15", ["/bin/sh", "/app/start.sh"], "postgres",
                 {"PGDATA": "/data/pg", "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "1"},
                 {"/app": HERE / "db"}, {"/data": data})


def _web(api_key: str) -> Image:
    return Image("web", "1.4.2", ["/usr/bin/python3", "-m", "gunicorn", "-c", "/app/gunicorn.conf.py",
                                  "app:app"], "www-data",
                 {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": "/app", "MALLOC_ARENA_MAX": "1",
                  "DATABASE": "host=db user=shop password=hunter2 dbname=shop"},
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
        "python3-psycopg2": "/usr/lib/python3/dist-packages/psycopg2",
        "postgresql": "/usr/lib/postgresql",
        "iproute2": "/usr/bin/ip",
    }
    return [package for package, path in needs.items() if not Path(path).exists()]
