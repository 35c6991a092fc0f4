"""Why a check of readiness fails, in the language of a page.

What the daemon says of its own state, and that it cannot connect, has words here. What Asterisk, the store, a database or a disk
has answered stays as it is: an operator looks for that text in their logs.
"""

from callrec.web.pages.languages import N_
from callrec.web.pages.sentences import Sentences

SENTENCES: tuple[str, ...] = (
    N_("the calls have not been compared with Asterisk's channels yet"),
    N_("recordings wait in the spool: %(error)s"),
    N_("not checked yet whether the catalogue accepts changes"),
    N_("the catalogue is being filled from the recordings on disk"),
    N_("erased recordings have left something in: %(places)s"),
    N_("%(bytes)s bytes are missing, and nothing else may go"),
    N_("the master keys were not read yet"),
    N_("the files have not been compared with the tables yet"),
    N_("not checked yet whether the store accepts changes"),
    N_("the daemon has not told the dialplan yet that it lives"),
    N_("not loaded yet"),
    N_("not connected yet"),
    N_("closed"),
    N_("unexpected %(error)s"),
    N_("the check itself raised %(error)s"),
    N_("no reason given"),
    N_("cannot connect to Asterisk's manager at %(address)s"),
    N_("cannot connect to Asterisk's manager at %(address)s: %(error)s"),
    N_("cannot connect to ARI at %(address)s: %(error)s"),
    N_("%(store)s does not answer: %(error)s (check that it is running)"),
)
"""Reasons of readiness checks."""
_SENTENCES = Sentences(SENTENCES)


def reason_words(reason: str, language: str) -> str | None:
    """The reason in the language; None for one that is told in English only."""
    return _SENTENCES.told(reason, language)
