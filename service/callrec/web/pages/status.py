"""The status page for operators. It needs no token, so it has no names or numbers, and no reasons, which name hosts and paths."""

from collections.abc import Sequence
from html import escape

from callrec import __version__
from callrec.domain.calls.session import Session, State
from callrec.observe.health import Checked
from callrec.web.pages.languages import ENGLISH, N_, translations
from callrec.web.pages.system.words import CHECKS

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
<html lang="{language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>callrec</title>
<link rel="stylesheet" href="/status.css"></head>
<body>
<h1>callrec</h1>
<p>{version}. <strong>{calls}</strong>, <strong>{recorded}</strong>.</p>
<table>
<thead><tr><th scope="col">{check}</th><th scope="col">{state}</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<p>{reason}</p>
<p><a href="/">{pages}</a> ({login})</p>
<p><a href="/users/template.csv" download>{template}</a> ({example})</p>
</body>
</html>
"""
_ROW = '<tr><th scope="row">{title} <small>({name})</small></th><td class="{kind}">{state}</td></tr>'


def status_page(node: str, looked: Sequence[Checked], sessions: Sequence[Session], language: str = ENGLISH) -> str:
    """The page as HTML."""
    say = translations(language)
    recorded = sum(session.state is State.RECORDING for session in sessions)
    rows = [
        _ROW.format(
            title=escape(say.gettext(CHECKS.get(checked.name, N_("Check")))),
            name=escape(checked.name),
            kind="ok" if checked.ok else "wrong",
            state=escape(say.gettext(N_("OK") if checked.ok else N_("FAILED"))),
        )
        for checked in looked
    ]
    told = {
        "version": say.gettext(N_("Version %(version)s, node %(node)s"))
        % {"version": __version__, "node": node or say.gettext(N_("unnamed"))},
        "calls": say.ngettext("%(num)s live call", "%(num)s live calls", len(sessions)) % {"num": len(sessions)},
        "recorded": say.gettext(N_("%(num)s being recorded")) % {"num": recorded},
        "check": say.gettext(N_("Check")),
        "state": say.gettext(N_("State")),
        "pages": say.gettext(N_("To the pages")),
        "login": say.gettext(N_("they ask for a login")),
        "template": say.gettext(N_("Template of a user file")),
        "example": say.gettext(N_("users.csv, with one example row")),
    }
    reason = escape(say.gettext(N_("The reason for a failed check: run %(command)s, or read /readyz with the token.")))
    return _PAGE.format(
        language=language,
        rows="\n".join(rows),
        reason=reason % {"command": "<code>callrec doctor</code>"},
        **{name: escape(text) for name, text in told.items()},
    )
