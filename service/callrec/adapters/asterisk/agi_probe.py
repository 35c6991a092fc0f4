"""Whether the callrec daemon answers at a FastAGI port: a dialogue with a script name that does not exist."""

import asyncio
import contextlib

from callrec.adapters.asterisk.fastagi import ANOTHER_PORT
from callrec.domain.errors import Misconfigured, Unavailable

_HEADERS = {
    "agi_network": "yes",
    "agi_network_script": "doctor",
    "agi_request": "agi://localhost/doctor",
    **dict.fromkeys(("agi_channel", "agi_uniqueid", "agi_language", "agi_callerid", "agi_calleridname"), "doctor"),
    **dict.fromkeys(("agi_context", "agi_extension", "agi_dnid", "agi_rdnis"), "doctor"),
}
_QUESTION = "".join(f"{name}: {value}\n" for name, value in _HEADERS.items()).encode() + b"\n"
LIMIT_S = 2.0


async def agi_answers(host: str, port: int) -> None:
    """Return when callrec answers there. Raises Unavailable without an answer, Misconfigured when another program answers."""
    try:
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(_QUESTION)
                answer = await reader.readline()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, ValueError) as error:
        why = f"no answer within {LIMIT_S:g} s" if isinstance(error, TimeoutError) else "no program listens"
        raise Unavailable("agi-closed", f"{host}:{port}: {why}", hint="start the daemon: callrec serve") from error
    if not answer.startswith(b"SET VARIABLE"):
        raise Misconfigured("agi-stranger", f"another program answers at {host}:{port}", hint=ANOTHER_PORT)
