"""The services of the shop: what runs in a replica of each, and as whom."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import balancer
from bundle import Image

SOURCES = Path(__file__).resolve().parent / "services"
PORT = 8000
PASSWORD = "lizards-like-it-warm"
DATABASE = f"host=db dbname=postgres user=shop password={PASSWORD}"


@dataclass
class Service:
    """A stateless service. Volumes are shared by its replicas: path in the container, name."""

    language: str
    command: list[str]
    user: str = "www-data"
    public: bool = False  # asked from outside, under /NAME
    script: str | None = None  # PHP: HAProxy speaks FastCGI with it
    root: str = "/app"
    volumes: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


def _python(name: str, **more) -> Service:
    command = ["gunicorn", "-c", "/app/gunicorn.conf.py", "--chdir", "/app", f"{name}:app"]
    return Service("python", command, **more)


def _php(name: str, **more) -> Service:
    command = ["php-fpm8.2", "--nodaemonize", "--fpm-config", "/srv/fpm.conf", "-d",
               "extension=pgsql"]
    return Service("php", command, root="/srv", script=name, **more)


SERVICES = {
    "front": Service("node", ["node", "/app/front.js"], public=True,
                     secrets={"/etc/shop/session.key": "front-5f1b2c93"}),
    "catalog": _php("catalog", public=True),
    "media": _php("media", public=True, volumes={"/srv/uploads": "uploads"},
                  secrets={"/etc/shop/storage.key": "media-77aa01d4"}),
    "cart": Service("node", ["node", "/app/cart.js"], public=True,
                    secrets={"/etc/shop/cart.key": "cart-0b93e6aa"}),
    "reviews": Service("ruby", ["ruby", "/app/reviews.rb"], public=True,
                       secrets={"/etc/shop/partner.key": "reviews-c41d88f0"}),
    "orders": _python("orders", public=True, volumes={"/var/log/shop": "audit"},
                      secrets={"/etc/shop/orders.key": "orders-e2b7714c"}),
    "stock": _python("stock"),
    "notify": _python("notify", volumes={"/srv/templates": "templates", "/var/spool/shop": "spool"},
                      secrets={"/etc/shop/mail.key": "notify-9a60f3b1"}),
    "payment": Service("c", ["/app/payment"], volumes={"/var/lib/payment": "ledger"},
                       secrets={"/etc/shop/payment.key": "sk_live_e82f11a4da4cea49b12ab8e8"}),
    "shipping": Service("c", ["/app/shipping"], public=True,
                        secrets={"/etc/shop/carrier.key": "shipping-3d5c20be"}),
}

# What there is one of, and the port on which it answers.
STORES = {"db": 5432, "redis": 6379, "queue": 4222}


def needs_database(name: str) -> bool:
    return name in ("catalog", "orders", "stock")


def replica(name: str, version: str, volumes: Path, built: Path) -> Image:
    """The image of a service in a version."""
    service = SERVICES[name]
    environment = {"VERSION": version, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    if needs_database(name):
        environment["DATABASE"] = DATABASE
    mounted = {path: volumes / volume for path, volume in service.volumes.items()}
    folders = {service.root: SOURCES / service.language}
    if service.language == "c":
        mounted, folders = {**mounted, "/app": built}, {}
    return Image(name, version, service.command, service.user, environment, folders, mounted,
                 service.secrets)


def store(name: str, volumes: Path) -> Image:
    """The image of the database, of redis, of the queue."""
    if name == "db":
        return Image("db", "15", ["sh", "/app/start.sh"], "postgres",
                     {"DATABASE_PASSWORD": PASSWORD}, {"/app": SOURCES / "db"},
                     {"/data": volumes / "db"})
    if name == "redis":
        return Image("redis", "7", ["redis-server", "/app/redis.conf"], "redis",
                     folders={"/app": SOURCES / "redis"})
    return Image("queue", "2", ["nats-server", "--addr", "0.0.0.0", "--port", "4222"])


def balance(name: str, volumes: Path) -> Image:
    """HAProxy before the replicas of a service; it has the service's own name on the network."""
    service = SERVICES[name]
    return Image(f"{name}-lb", "2.6", ["haproxy", "-f", balancer.FILE], environment={},
                 volumes={"/run/haproxy": volumes / f"{name}-lb"},
                 secrets={balancer.FILE: balancer.before_service(name, service.script)})


def edge() -> Image:
    """HAProxy before the whole shop."""
    public = [name for name, service in SERVICES.items() if service.public]
    return Image("edge", "2.6", ["haproxy", "-f", balancer.FILE],
                 secrets={balancer.FILE: balancer.before_shop(public)})


def build(target: Path) -> None:
    """Compiles the services in C."""
    target.mkdir()
    sources = SOURCES / "c"
    for name in (name for name, service in SERVICES.items() if service.language == "c"):
        subprocess.run(["gcc", "-std=gnu17", "-O2", "-o", target / name, sources / f"{name}.c",
                        sources / "service.c", "-lmicrohttpd", "-lcurl", "-ljansson", "-lxxhash"],
                       check=True)
        (target / name).chmod(0o755)


def fill(volumes: Path) -> None:
    """The pictures and the template of the mails, as a fresh shop has them."""
    for number in range(8):
        pixels = bytes((number * 31 + i * i) % 256 for i in range(6000))
        picture = b"\xff\xd8\xff\xe0" + pixels + b"\xff\xd9"
        (volumes / "uploads" / f"{number}.jpg").write_bytes(picture)
    (volumes / "templates" / "mail.txt").write_text(
        "Dear {{ name }},\n\nthank you for order {{ id }}.\n"
        "{% for item in items %}{{ item.quantity }} of no. {{ item.product }}\n{% endfor %}"
        "In all {{ total / 100 }} euros. Pay at https://shop.example/pay/{{ id }}\n",
        encoding="utf-8")
