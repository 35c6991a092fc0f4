"""What codecs.conf has to say, so that a transferred leg does not become deaf: docs/decisions/0017-the-deaf-leg.md."""

from collections.abc import Awaitable, Callable, Sequence

from callrec.app.doctor import Finding, Verdict
from callrec.domain.errors import Refused

PLC = ("genericplc", "genericplc_on_equal_codecs")
_ON = frozenset({"yes", "true", "y", "t", "1", "on"})
"""What Asterisk takes for yes (utils.c: ast_true)."""
_WRITE = "\n".join(
    [
        "codecs.conf:",
        "[plc]",
        *(f"{one} = true" for one in PLC),
        "and then: asterisk -rx 'module reload plc'; then transfer calls and listen on the phones (decision 17)",
    ]
)


async def look_at_codecs(read: Callable[[], Awaitable[Sequence[tuple[str, str, str]]]]) -> Finding:
    """`read` gives section, key and value of each line of codecs.conf. The file and not what runs is looked at: that Asterisk
    tells on its console alone (`core show settings`), for which a manager needs the right `command`."""
    try:
        lines = await read()
    except Refused as error:
        if "not found" not in error.message.lower():
            raise
        lines = []
    said = {key: value for section, key, value in lines if section == "plc"}
    if any(said.get(option, "").lower() not in _ON for option in PLC):
        return Finding("codecs", Verdict.WRONG, "after a transfer a recording may lose one voice", _WRITE)
    return Finding(
        "codecs",
        Verdict.OK,
        "PLC on equal codecs: recordings of transfers keep both voices; listen on the phones too (decision 17)",
    )
