"""Own prompts: what is refused before anything changes, and which one is played."""

from dataclasses import dataclass, field

import pytest

from callrec.app.asterisk.prompts import Prompts
from callrec.app.dialplan.own_sounds import own_sounds
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.prompts import LARGEST_BYTES, RATE_HZ, OwnPrompt
from callrec.protocols.agi import Answer


@dataclass
class Folder:
    """A disk in memory."""

    held: dict[tuple[str, str], bytes] = field(default_factory=dict)
    is_gone: bool = False

    def find(self, name: str, language: str) -> OwnPrompt | None:
        """See PromptFolder."""
        if self.is_gone:
            raise Unavailable("disk", "it is gone")
        samples = self.held.get((name, language))
        return (
            None if samples is None else OwnPrompt(name, language, len(samples) / 2 / RATE_HZ, f"/p/{language}/{name}")
        )

    def every(self) -> list[OwnPrompt]:
        """See PromptFolder."""
        return [one for place in sorted(self.held) if (one := self.find(*place))]

    def read(self, name: str, language: str) -> bytes | None:
        """See PromptFolder."""
        return self.held.get((name, language))

    def put(self, name: str, language: str, samples: bytes) -> None:
        """See PromptFolder."""
        self.held[name, language] = samples

    def remove(self, name: str, language: str) -> bool:
        """See PromptFolder."""
        return self.held.pop((name, language), None) is not None


SECOND = bytes(2 * RATE_HZ)


@pytest.fixture
def folder() -> Folder:
    return Folder()


@pytest.fixture
def prompts(folder: Folder) -> Prompts:
    """A file is its own samples."""
    return Prompts(folder, lambda content: content)


async def test_an_own_prompt_is_set_read_and_removed(prompts: Prompts) -> None:
    made = await prompts.put("dnd-on", "fr", SECOND)
    assert (made.name, made.language, made.length_s) == ("dnd-on", "fr", 1.0)
    assert await prompts.every() == [made]
    assert await prompts.read("dnd-on", "fr") == SECOND
    await prompts.remove("dnd-on", "fr")
    for work in (prompts.read, prompts.remove):
        with pytest.raises(Refused, match="there is no own prompt dnd-on in fr"):
            await work("dnd-on", "fr")


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (("no-such", "fr", SECOND), "prompt-name"),
        (("dnd-on", "french", SECOND), "prompt-language"),
        (("dnd-on", "fr", b""), "prompt-length"),
        (("dnd-on", "fr", SECOND * 31), "prompt-length"),
        (("dnd-on", "fr", bytes(LARGEST_BYTES + 1)), "prompt-too-large"),
    ],
)
async def test_what_is_refused_changes_nothing(
    prompts: Prompts, folder: Folder, upload: tuple[str, str, bytes], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await prompts.put(*upload)
    assert (refused.value.code, folder.held) == (code, {})


async def test_the_own_prompt_of_the_language_is_played_then_that_for_everybody(
    prompts: Prompts, folder: Folder
) -> None:
    folder.held = {("dnd-on", "fr"): SECOND, ("dnd-on", "default"): SECOND}

    async def played(language: str, sound: str = "callrec/dnd-on") -> str:
        found = await prompts.played(sound, language)
        return found.path if found else ""

    assert [await played(one) for one in ("fr", "", "it", "de")] == ["/p/fr/dnd-on", *["/p/default/dnd-on"] * 2, ""]
    assert await played("fr", "digits/1") == ""
    folder.is_gone = True
    assert await played("fr") == ""


async def test_the_dialplan_plays_own_prompts_among_other_sounds(prompts: Prompts, folder: Folder) -> None:
    folder.held = {("forward-busy-on", "fr"): SECOND}
    said = ("CALLREC_SOUND", "callrec/forward-busy-on&digits/1&digits/2"), ("CALLREC_LANGUAGE", "fr")
    answer = await own_sounds(Answer("done", said), prompts)
    assert dict(answer.variables) == {
        "CALLREC_SOUND": "/p/fr/forward-busy-on&digits/1&digits/2",
        "CALLREC_LANGUAGE": "fr",
    }
    silent = Answer("ok")
    assert await own_sounds(silent, prompts) is silent
