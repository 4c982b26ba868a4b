"""A small web shop: Flask before PostgreSQL. It has the weakness of many real ones (see status)."""

import csv
import io
import os
import subprocess

import psycopg2
from flask import Flask, Response, abort, redirect, request

app = Flask(__name__)
_connection = None


def query(sql: str, *values):
    """Runs one statement; a connection that the database closed is opened again, once."""
    global _connection
    for attempt in (1, 2):
        try:
            if _connection is None:
                _connection = psycopg2.connect(os.environ["DATABASE"])
                _connection.autocommit = True
            with _connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall() if cursor.description else []
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            _connection = None
            if attempt == 2:
                raise


@app.errorhandler(psycopg2.Error)
def no_database(_error):
    return "The shop is closed for a moment.\n", 503


def page(title: str, *lines: str) -> str:
    body = "".join(f"<p>{line}</p>\n" for line in lines)
    return f"<!doctype html>\n<title>{title}</title>\n<h1>{title}</h1>\n{body}"


@app.get("/health")
def health():
    return "ok\n"


@app.get("/")
def home():
    rows = query("SELECT id, name FROM product ORDER BY id LIMIT 12")
    return page("Lizard lamps", *(f'<a href="/product/{n}">{name}</a>' for n, name in rows))


@app.get("/product/<int:number>")
def product(number: int):
    rows = query("SELECT name, price FROM product WHERE id = %s", number)
    if not rows:
        abort(404)
    name, price = rows[0]
    [(sold,)] = query("SELECT count(*) FROM purchase WHERE product = %s", number)
    reviews = query("SELECT stars, words FROM review WHERE product = %s ORDER BY id DESC LIMIT 5",
                    number)
    return page(name, f"{price / 100:.2f} €, {sold} sold",
                *(f"{'★' * stars} {words}" for stars, words in reviews))


@app.get("/search")
def search():
    words = request.args.get("q", "")
    if not 1 <= len(words) <= 60:
        abort(400)
    rows = query("SELECT name FROM product WHERE name ILIKE %s LIMIT 20", f"%{words}%")
    return page("Found", *(name for name, in rows))


@app.post("/order")
def order():
    number = request.form.get("product", type=int)
    if number is None:
        abort(400)
    query("INSERT INTO purchase (product, address) VALUES (%s, %s)", number,
          request.form.get("address", "")[:400])
    return redirect(f"/product/{number}", 303)


@app.post("/review")
def review():
    number, stars = request.form.get("product", type=int), request.form.get("stars", type=int)
    if number is None or stars not in range(1, 6):
        abort(400)
    query("INSERT INTO review (product, stars, words) VALUES (%s, %s, %s)", number, stars,
          request.form.get("words", "")[:200])
    return redirect(f"/product/{number}", 303)


@app.get("/prices.csv")
def prices():
    out = io.StringIO()
    csv.writer(out).writerows(query("SELECT id, name, price FROM product ORDER BY id"))
    return Response(out.getvalue(), mimetype="text/csv")


@app.get("/status")
def status():
    """For the support team: can this machine resolve a host? The name goes to a shell as it is."""
    host = request.args.get("host", "db")
    answer = subprocess.run(f"getent hosts {host}", shell=True, capture_output=True, text=True)
    return page("Status", f"<pre>{answer.stdout or 'unknown host'}</pre>")
