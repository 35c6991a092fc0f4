"""The status page for operators. It needs no token, so it has no names or numbers, and no reasons, which name hosts and paths."""

from collections.abc import Sequence
from html import escape

from callrec import __version__
from callrec.domain.calls.session import Session, State
from callrec.observe.health import Checked

STYLE = """\
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem }
body { color: #222; background: #fff; color-scheme: light dark }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
.ok { color: #1a6b2f }
.wrong { color: #a11; font-weight: bold }
a { color: #1d4f91 }
@media (prefers-color-scheme: dark) {
  body { color: #e8eaed; background: #14171c }
  th, td { border-bottom-color: #3a404a }
  .ok { color: #7fd394 }
  .wrong { color: #ff9d94 }
  a { color: #8ab8f5 }
}
"""

_PAGE = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>callrec</title>
<link rel="stylesheet" href="/status.css"></head>
<body>
<h1>callrec</h1>
<p>Version {version}, node {node}. <strong>{calls}</strong>, <strong>{recorded}</strong>.</p>
<table>
<thead><tr><th scope="col">Check</th><th scope="col">State</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<p>The reason for a failed check: run <code>callrec doctor</code>, or read /readyz with the token.</p>
<p><a href="/">To the pages</a> (they ask for a login)</p>
<p><a href="/users/template.csv" download>Template of a user file</a> (users.csv, with one example row)</p>
</body>
</html>
"""
_ROW = '<tr><th scope="row">{name}</th><td class="{kind}">{state}</td></tr>'


def status_page(node: str, looked: Sequence[Checked], sessions: Sequence[Session]) -> str:
    """The page as HTML."""
    recorded = sum(session.state is State.RECORDING for session in sessions)
    rows = [
        _ROW.format(
            name=escape(checked.name),
            kind="ok" if checked.ok else "wrong",
            state="OK" if checked.ok else "FAILED",
        )
        for checked in looked
    ]
    return _PAGE.format(
        version=escape(__version__),
        node=escape(node or "unnamed"),
        calls=f"{len(sessions)} live call{'' if len(sessions) == 1 else 's'}",
        recorded=f"{recorded} being recorded",
        rows="\n".join(rows),
    )
