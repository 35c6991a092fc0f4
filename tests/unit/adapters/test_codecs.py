"""Which codecs Asterisk decodes, by its list of modules."""

import asyncio
from collections.abc import Sequence

import pytest

from callrec.adapters.asterisk.codecs import FRESH_S, AriCodecs
from callrec.domain.errors import Unavailable

ULAW = [{"name": "codec_ulaw.so", "status": "Running"}]
OPUS = [{"name": "codec_opus.so", "status": "Running"}]
STOPPED = [*ULAW, {"name": "codec_opus.so", "status": "Not Running"}]


class Ari:
    """Answers with these modules, or not at all."""

    def __init__(self, modules: object) -> None:
        self.modules, self.asked = modules, 0

    async def request(self, method: str, path_parts: Sequence[str]) -> object:
        """See app.ports."""
        assert (method, list(path_parts)) == ("GET", ["asterisk", "modules"])
        self.asked += 1
        if isinstance(self.modules, Exception):
            raise self.modules
        if self.modules == "never":
            await asyncio.sleep(60)
        return self.modules


@pytest.mark.parametrize(
    ("modules", "undecodable"),
    [
        (ULAW, "no-decoder: opus"),
        (OPUS, ""),
        (STOPPED, "no-decoder: opus"),
        (Unavailable("ari-down", "down"), ""),
        ("never", ""),
        ("no list", ""),
        ([{"name": "codec_ulaw.so"}, "no module"], ""),
    ],
    ids=["none", "there", "not running", "no answer", "late", "no list", "no module runs"],
)
async def test_a_codec_without_a_module_that_runs_is_undecodable(modules: object, undecodable: str) -> None:
    """Where Asterisk does not tell, it is taken to decode everything."""
    assert await AriCodecs(Ari(modules), lambda: 0.0).undecodable("(opus)") == undecodable


async def test_asterisk_is_asked_of_a_rare_codec_only_and_once_a_minute() -> None:
    ari, now_s = Ari(ULAW), [0.0]
    codecs = AriCodecs(ari, lambda: now_s[0])
    assert [await codecs.undecodable(formats) for formats in ("(ulaw)", "(g722)", "")] == ["", "", ""]
    assert ari.asked == 0
    assert [await codecs.undecodable("(opus)") for _ in range(3)] == ["no-decoder: opus"] * 3
    assert ari.asked == 1
    ari.modules, now_s[0] = OPUS, FRESH_S + 1
    assert await codecs.undecodable("(opus)") == ""
    assert ari.asked == 2
