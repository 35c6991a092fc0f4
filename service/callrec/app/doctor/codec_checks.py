"""The effect of codecs.conf on a transferred leg: docs/decisions/0017-the-deaf-leg.md."""

from collections.abc import Awaitable, Callable, Sequence

from callrec.app.doctor.findings import Finding, Verdict
from callrec.domain.errors import Refused

_PLC = "genericplc_on_equal_codecs"
_ON = frozenset({"yes", "true", "y", "t", "1", "on"})
"""Values that Asterisk reads as yes (utils.c: ast_true)."""
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
    """Whether PLC on equal codecs is on. `read` gives section, key and value of each line of codecs.conf.

    The check reads the file: Asterisk shows the running value only on its console (`core show settings`), which needs the AMI
    right `command`. Whether this build of Asterisk counts packets while it translates is visible nowhere.
    """
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
