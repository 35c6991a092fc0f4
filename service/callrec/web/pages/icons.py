"""Small pictures beside texts: the SVG of vendored files stands in the page itself, so that it has the colour of its text."""

import re
from functools import cache

from markupsafe import Markup

from callrec.web.static_files import FOLDER

ICONS = next((FOLDER / "vendor").glob("lucide-static-*")) / "icons"
_OWN = re.compile(
    r'<!--.*?-->|\s+class="[^"]*"|\s+xmlns="[^"]*"|\s+(width|height)="24"(?=\s+(height|viewBox))', re.DOTALL
)


@cache
def icon(name: str) -> Markup:
    """The picture of this name. It says nothing to programs that read pages aloud: a text stands beside each."""
    drawn = _OWN.sub("", (ICONS / f"{name}.svg").read_text("utf-8"))
    drawn = re.sub(r"\s*\n\s*", " ", drawn).replace("<svg", '<svg class="icon" aria-hidden="true"', 1).strip()
    return Markup(drawn)  # noqa: S704 - a file of ours
