"""A small web shop: Flask before redis. It has the weakness of many real ones (see status)."""

import csv
import io
import os
import subprocess

import redis
import shelves
from flask import Flask, Response, abort, redirect, request

app = Flask(__name__)
shelves.fill()


@app.after_request
def say_who(answer):
    answer.headers["X-Replica"] = os.environ["HOSTNAME"]
    return answer


@app.errorhandler(redis.RedisError)
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
    numbers = range(1, 13)
    return page("Lizard lamps", *(f'<a href="/product/{n}">{name}</a>'
                                  for n, name in zip(numbers, shelves.names(numbers))))


@app.get("/product/<int:number>")
def product(number: int):
    found = shelves.product(number)
    if not found:
        abort(404)
    name, price, sold, reviews = found
    return page(name, f"{price / 100:.2f} €, {sold} sold", *reviews)


@app.get("/search")
def search():
    words = request.args.get("q", "")
    if not 1 <= len(words) <= 60:
        abort(400)
    return page("Found", *shelves.search(words))


@app.post("/order")
def order():
    number = request.form.get("product", type=int)
    if number is None:
        abort(400)
    shelves.order(number, request.form.get("address", "")[:400])
    return redirect(f"/product/{number}", 303)


@app.post("/review")
def review():
    number, stars = request.form.get("product", type=int), request.form.get("stars", type=int)
    if number is None or stars not in range(1, 6):
        abort(400)
    shelves.review(number, stars, request.form.get("words", "")[:200])
    return redirect(f"/product/{number}", 303)


@app.get("/prices.csv")
def prices():
    out = io.StringIO()
    csv.writer(out).writerows(shelves.prices())
    return Response(out.getvalue(), mimetype="text/csv")


@app.get("/status")
def status():
    """For the support team: can this machine resolve a host? The name goes to a shell as it is."""
    host = request.args.get("host", "db")
    answer = subprocess.run(f"getent hosts {host}", shell=True, capture_output=True, text=True)
    return page("Status", f"<pre>{answer.stdout or 'unknown host'}</pre>")
