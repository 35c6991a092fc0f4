"""What codecs.conf does to a transferred leg: docs/decisions/0017-the-deaf-leg.md."""

from collections.abc import Awaitable, Callable, Sequence

from callrec.app.doctor import Finding, Verdict
from callrec.domain.errors import Refused

_PLC = "genericplc_on_equal_codecs"
_ON = frozenset({"yes", "true", "y", "t", "1", "on"})
"""What Asterisk takes for yes (utils.c: ast_true)."""
_WRITE = "\n".join(
    [
        "Transfer ten calls between phones and listen on each. Where one hears nothing:",
        "codecs.conf:",
        "[plc]",
        f"{_PLC} = false",
        "and then: asterisk -rx 'module reload plc'",
    ]
)


async def look_at_codecs(read: Callable[[], Awaitable[Sequence[tuple[str, str, str]]]]) -> Finding:
    """`read` gives section, key and value of each line of codecs.conf. The file and not what runs is looked at: that Asterisk
    tells on its console alone (`core show settings`), for which a manager needs the right `command`. Whether this Asterisk counts
    packets while it translates cannot be seen."""
    try:
        lines = await read()
    except Refused as error:
        if "not found" not in error.message.lower():
            raise
        lines = []
    said = {key: value for section, key, value in lines if section == "plc"}
    if said.get(_PLC, "").lower() in _ON:
        says = "PLC on equal codecs is on: recordings of transfers keep both voices, but a transferred phone may hear nothing"
        return Finding("codecs", Verdict.UNSEEN, says, _WRITE)
    says = (
        "PLC on equal codecs is off: transferred phones hear each other, a recording that loses a voice says deaf-leg"
    )
    return Finding("codecs", Verdict.OK, says)
