"""The report: one page that needs nothing but itself, for the screen and for paper."""

import base64
import html
from datetime import datetime, timezone

import chart
import timeline
from customers import Phase
from timeline import Moment

STYLE = """\
body{margin:0 auto;max-width:64rem;padding:1.5rem;background:#fff;color:#222;
font:15px/1.5 system-ui,'DejaVu Sans',sans-serif}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .4rem}
h2{font-size:1.15rem;margin:1.9rem 0 .4rem;break-after:avoid}
p{margin:.3rem 0}.dim{color:#667079}
.noticed{font-size:1.1rem;border-left:4px solid #2a7f4f;padding:.3rem 0 .3rem .8rem;margin:1rem 0}
.noticed.bad{border-color:#b01818}
figure{margin:.8rem 0;break-inside:avoid}svg,img{display:block;max-width:100%;height:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
td,th{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #d9dee3;
overflow-wrap:anywhere}
th{color:#667079;font-weight:600}.n{text-align:right;white-space:nowrap}
td:first-child{overflow-wrap:normal}tr:first-child{break-after:avoid}
.attacker,.Skink,.shop,.t{white-space:nowrap;font-variant-numeric:tabular-nums}
.attacker{color:#b01818}.Skink{color:#1d5fa8}.shop{color:#2a7f4f}
svg text{font-size:13px;fill:#4a545c}.grid{stroke:#d9dee3;fill:none}
.rate{stroke:#1d5fa8;fill:none;stroke-width:1.6}.slow{stroke:#7a8790;fill:none;stroke-width:2}
.failed{fill:#d62828}.band0{fill:#fbe9d2}.band1{fill:#fbe3e3}.band2{fill:#e2f1e8}
@media print{body{max-width:none;padding:0;font-size:11px}tr{break-inside:avoid}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


def _row(cells: list[str], tag: str = "td", numbers: int = 0) -> str:
    """Cells of text; the last `numbers` are numbers."""
    first = len(cells) - numbers
    marked = [f"<{tag}{' class=n' if at >= first else ''}>{html.escape(cell)}</{tag}>"
              for at, cell in enumerate(cells)]
    return f"<tr>{''.join(marked)}</tr>\n"


def _table(head: list[str], rows: list[list[str]], numbers: int = 0) -> str:
    lines = [_row(head, "th", numbers), *(_row(row, numbers=numbers) for row in rows)]
    return f"<table>\n{''.join(lines)}</table>\n"


# ---- what the shoppers noticed ----


def noticed(phases: list[Phase], whole: Phase) -> str:
    """One plain sentence."""
    before, during = phases[0], next(p for p in phases if "answered" in p.name)
    asked, failed = whole.requests, whole.failures
    slowest = (f"while the intruder was thrown out the slowest of {during.requests:,} answers took "
               f"{during.slowest_ms:,.0f} ms, before all that {before.slowest_ms:,.0f} ms")
    if failed:
        return f"Shoppers noticed: {failed:,} of {asked:,} requests failed; {slowest}."
    if during.slowest_ms > max(2 * before.slowest_ms, 500):
        return (f"Shoppers may have noticed a pause: none of {asked:,} requests failed, but "
                f"{slowest}.")
    return f"The shoppers noticed nothing: none of {asked:,} requests failed; {slowest}."


def phase_rows(phases: list[Phase]) -> list[list[str]]:
    """The first one and the last one, which is the whole, have no number in the chart."""
    return [[str(number) if 0 < number < len(phases) - 1 else "", phase.name,
             f"{phase.end - phase.begin:.1f}",
             f"{phase.requests:,}", f"{phase.rate:,.0f}", f"{phase.failures:,}",
             f"{phase.slowest_ms:,.0f}"] for number, phase in enumerate(phases)]


PHASE_HEAD = ["", "", "seconds", "requests", "a second", "failed", "slowest, ms"]

# ---- the parts ----


def _clock(time: float) -> str:
    return datetime.fromtimestamp(time, timezone.utc).strftime("%H:%M:%S.%f")[:-3]


def _time_line(moments: list[Moment], began: float) -> str:
    rows = [f'<tr><td class="t">{_clock(m.time)}</td><td class="t n">{1e3 * (m.time - began):,.1f}'
            f'</td><td class="{m.who}">{m.who}</td><td>{html.escape(m.what)}</td></tr>\n'
            for m in moments]
    return ("<table>\n<tr><th>Time (UTC)</th><th class=n>ms</th><th></th><th></th></tr>\n"
            f"{''.join(rows)}</table>\n")


def _image(svg: str, about: str) -> str:
    """As an image of its own, so that its style is its own, too."""
    data = base64.b64encode(svg.encode()).decode()
    return (f'<figure><img alt="{html.escape(about)}" '
            f'src="data:image/svg+xml;base64,{data}"></figure>\n')


def _options(plan: dict) -> list[list[str]]:
    rows = []
    for stage, options in plan["options"].items():
        rows += [[stage, one["measure"], one.get("refused", ""), f"{one['value']:.3f}",
                  f"{one['spares']:.3f}", f"{one['cost']:.3f}", f"{one['collateral']:.3f}"]
                 for one in options]
    return rows


def _compared(play) -> str:
    rows = [["commands of his that were answered"],
            ["from his first foreign call to his last answer, s"],
            ["payment key"], ["database"], ["mailer"]]
    for attempt, known in ((play.observed, play.seen), (play.answered, play.answered_alert)):
        answers = attempt.all("answer")
        since = max(attempt.began, timeline.seconds(known["first_unknown"]["time"]))
        cells = [f"{len(answers)}", f"{answers[-1]['time'] - since:.2f}" if answers else "no answer",
                 "stolen" if attempt.key else "safe",
                 f"{attempt.copied:,} bytes copied" if attempt.copied else "safe",
                 "taken" if attempt.mail_password else "safe"]
        for row, cell in zip(rows, cells):
            row.append(cell)
    return _table(["", "observed", "answered"], rows, numbers=2)


def page(play) -> str:
    """The whole page, of a play that has been played to its end."""
    phases, plan = play.phases, play.plan
    bad = " bad" if play.whole.failures else ""
    observed = timeline.in_order(timeline.of_attacker(play.observed),
                                 timeline.of_alerts(play.alerts_between(0, play.answered.began),
                                                    play.observed.began))
    checked = "".join(f"<li>{'✓' if held else '✗'} {html.escape(what)}</li>\n"
                      for held, what in play.list)
    parts = [
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<title>Skink: a break-in into the shop</title>\n"
        f"<style>\n{STYLE}</style>\n</head>\n<body>\n",
        "<h1>A break-in into the shop, and what became of it</h1>\n"
        "<p class=\"dim\"><code>skink demo</code> on "
        f"{datetime.fromtimestamp(phases[0].begin, timezone.utc):%Y-%m-%d}, real servers in real "
        "containers. The same break-in twice: the first time Skink only watches, the second time "
        "the policy of the web service is <i>act</i>.</p>\n",
        f'<p class="noticed{bad}">{html.escape(noticed(phases, play.whole))}</p>\n',
        f"<figure>{chart.load(play.customers, phases[0].begin, phases)}</figure>\n",
        _table(PHASE_HEAD, phase_rows([*phases, play.whole]), numbers=5),
        "<h2>What the intruder got</h2>\n", _compared(play),
        "<h2>The break-in, answered</h2>\n", _time_line(play.moments(), play.answered.began),
        "<h2>Why these measures</h2>\n"
        f"<p>Belief {plan['belief']:.3f} that it is an intruder, harm {plan['harm']:.3f} in the "
        f"web service; chosen: {', '.join(plan['chosen'])}.</p>\n",
        _table(["stage", "measure", "", "value", "spares", "costs", "collateral"],
               _options(plan), 4),
        "<h2>How much more the web service could take</h2>\n"
        "<p>Its tolerance capacity: the probability that it still serves correctly over the next "
        "24 hours.</p>\n",
        _table(["when", "capacity"],
               [[when, f"{value:.3f}"] for when, value in play.capacity], 1),
        "<h2>The break-in, observed</h2>\n", _time_line(observed, play.observed.began),
        "<h2>Where he came in, and where he went</h2>\n",
        _image(play.drawing, play.incident["message"]),
        f"<h2>Checked</h2>\n<ul>\n{checked}</ul>\n</body>\n</html>\n",
    ]
    return "".join(parts)
