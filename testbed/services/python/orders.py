"""orders: the check-out. It asks cart, stock, payment and shipping, and tells the queue.

Weaknesses: a bulk order is YAML that may name any Python object (as in CVE-2020-1747); orders are
cached in redis as pickles, so whoever writes to redis runs code here.
"""

import os
import pickle
import time

import psycopg2
import redis
import yaml
from flask import abort, request
from service import NAME, Queue, Refused, application, call

AUDIT = "/var/log/shop/audit.log"

app = application("orders")
queue = Queue()
cache = redis.Redis("redis", socket_timeout=5)


def database():
    return psycopg2.connect(os.environ["DATABASE"])


def audit(what: str) -> None:
    with open(AUDIT, "a", encoding="utf-8") as file:
        file.write(f"{time.time():.3f} {NAME} {what}\n")


@app.errorhandler(Refused)
def refused(error):
    return {"error": str(error)}, 402 if error.status == 402 else 502


def place(items: list, wish: dict) -> dict:
    """Money first, then the parcel."""
    total = sum(call("catalog", "GET", f"/catalog/product/{int(item['product'])}")["price"]
                * int(item["quantity"]) for item in items)
    for item in items:
        call("stock", "POST", "/stock/reserve", item)
    paid = call("payment", "POST", "/payment/authorise", {**wish["payment"], "amount": total})
    label = call("shipping", "POST", "/shipping/label",
                 {"name": wish["name"], "address": wish["address"]})
    order = {"items": items, "total": total, "name": wish["name"], "receipt": paid["receipt"],
             "label": label["label"]}
    with database() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO orders (customer, total, receipt) VALUES (%s, %s, %s)"
                       " RETURNING id", (wish["name"][:100], total, paid["receipt"][:100]))
        order["id"] = cursor.fetchone()[0]
    connection.close()
    cache.setex(f"order:{order['id']}", 600, pickle.dumps(order))
    queue.publish("order.placed", order)
    audit(f"order {order['id']} total {total}")
    return {**order, "memo": paid["memo"]}


@app.post("/orders/checkout")
def checkout():
    wish = request.get_json()
    items = call("cart", "GET", f"/cart/{wish['cart']}")["items"]
    if not items:
        return {"error": "the cart is empty"}, 409
    order = place(items, wish)
    call("cart", "DELETE", f"/cart/{wish['cart']}")
    return order, 201


@app.post("/orders/bulk")
def bulk():
    """Companies send their orders as a YAML document."""
    try:
        wish = yaml.unsafe_load(request.get_data(as_text=True))
        items = [{"product": int(line["product"]), "quantity": int(line["quantity"])}
                 for line in wish["lines"]]
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        return {"error": "not a bulk order"}, 400
    return place(items, {**wish, "payment": {"card": wish["card"], "memo": "bulk"}}), 201


@app.get("/orders/<int:number>")
def order_of(number: int):
    if data := cache.get(f"order:{number}"):
        return pickle.loads(data)
    with database() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT customer, total, receipt FROM orders WHERE id = %s", (number,))
        row = cursor.fetchone()
    connection.close()
    return {"id": number, "name": row[0], "total": row[1], "receipt": row[2]} if row else abort(404)
