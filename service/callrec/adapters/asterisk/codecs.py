"""Which codecs this Asterisk decodes: by its modules that run. ARI tells them; AMI only with the right to run commands.

It is asked only of a leg whose codec is none of those that every PBX has, and at most once a minute: a module can be loaded at
any time. Where Asterisk does not tell, it is taken to decode everything: files that do not grow show it then.
"""

import asyncio
from collections.abc import Callable

from callrec.app.ports.asterisk import Rest
from callrec.domain.errors import CallrecError
from callrec.domain.vocabulary import AlarmCause
from callrec.protocols.audio_formats import is_plain, undecodable

FRESH_S = 60.0
ANSWER_S = 0.25
"""A presser of `*3` waits for it, and the other one hears silence."""


class AriCodecs:
    """Implements `app.ports.asterisk.Codecs`."""

    def __init__(self, ari: Rest, now_s: Callable[[], float]) -> None:
        self._ari, self._now_s = ari, now_s
        self._modules: list[str] = []
        self._fetched_s = float("-inf")

    async def undecodable(self, audio_formats: str) -> str:
        """See ports.Codecs."""
        if is_plain(audio_formats):
            return ""
        if self._now_s() - self._fetched_s > FRESH_S:
            try:
                async with asyncio.timeout(ANSWER_S):
                    self._modules = _running(await self._ari.request("GET", ["asterisk", "modules"]))
            except (CallrecError, TimeoutError):
                return ""
            self._fetched_s = self._now_s()
        codec = undecodable(audio_formats, self._modules) if self._modules else ""
        return f"{AlarmCause.NO_DECODER}: {codec}" if codec else ""


def _running(modules: object) -> list[str]:
    """The names of those that run."""
    return [
        str(one.get("name"))
        for one in (modules if isinstance(modules, list) else ())
        if isinstance(one, dict) and one.get("status") == "Running"
    ]
