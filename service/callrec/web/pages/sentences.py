"""Sentences that the domain says in English with values in them, told again in the language of a page.

The domain says them for the API, the commands and the log. A page lists each once more, marked by `N_`, with a name in place of
what varies: by these names the translation finds the values again.
"""

import re
from collections.abc import Sequence

from callrec.web.pages.languages import ENGLISH, translations

_NAME = re.compile(r"%\\\(([a-z]+)\\\)s")


class Sentences:
    """Some of these sentences, as `there is no user %(user)s`."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self._patterns = [(one, re.compile(_NAME.sub(r"(?P<\1>.+)", re.escape(one)), re.DOTALL)) for one in sentences]

    def told(self, said: str, language: str) -> str | None:
        """What was said, in the language; None when no sentence fits. Of those that fit, that with the fewest characters that
        vary is taken."""
        fits = [(sentence, match) for sentence, pattern in self._patterns if (match := pattern.fullmatch(said))]
        if not fits:
            return None
        if language == ENGLISH:
            return said
        sentence, match = min(fits, key=lambda fit: sum(map(len, fit[1].groups())))
        return translations(language).gettext(sentence) % match.groupdict()

    def in_words(self, said: str, language: str) -> str:
        """The same; as it is when no sentence fits."""
        told = self.told(said, language)
        return translations(language).gettext(said) if told is None else told
