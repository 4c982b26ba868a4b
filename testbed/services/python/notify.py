"""notify: mails to customers, from the queue; and a preview of a gift card.

Weakness: the words of a gift card are a Jinja2 template of the customer's making.
"""

import threading
from pathlib import Path

from flask import request
from jinja2 import Template, TemplateError
from service import Queue, application

TEMPLATES, SPOOL = Path("/srv/templates"), Path("/var/spool/shop")
MAILS = 100  # files in the spool; the oldest is written over

app = application("notify")


@app.post("/notify/preview")
def preview():
    card = request.get_json()
    try:
        return {"text": Template(card["text"]).render(name=card.get("name", ""))}
    except TemplateError as error:
        return {"error": str(error)}, 400


def send(order: dict) -> None:
    text = Template((TEMPLATES / "mail.txt").read_text(encoding="utf-8")).render(order)
    (SPOOL / f"{order['id'] % MAILS}.mail").write_text(text, encoding="utf-8")


threading.Thread(target=Queue().consume, args=("order.placed", "mailers", send),
                 daemon=True).start()
