"""What use cases refuse, in the language of a page.

`SENTENCES` are refusals that are told with their values. All others are told by the code of the error, without its values; in
English a page shows the use case's own sentence, which names them.
"""

from collections.abc import Mapping
from typing import Any

from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError, Refused
from callrec.web.pages.languages import ENGLISH, N_, translations
from callrec.web.pages.sentences import Sentences

REFUSED: Mapping[ErrorCode, str] = {
    "ambiguous-user": N_("Several users are meant by this: say a number."),
    "no-such-user": N_("There is no such user."),
    "context-name": N_("This cannot be the name of a context."),
    "context-last": N_("The last context of its kind cannot be removed."),
    "context-in-use": N_("Numbers are in this context: move or remove them first."),
    "number-range": N_("This number is outside of the ranges of its context, or there is none left."),
    "feature-code": N_("A feature code has 1 to 40 digits, * or #."),
    "feature-code-taken": N_("These digits conflict with another code or number. Nothing was changed: choose others."),
    "role-last": N_("The last role that may change settings cannot be removed or changed in this way."),
    "grant-exceeds": N_("This would give permissions that you do not have yourself."),
    "password": N_("This password cannot be taken: it is wrong, too short or too easy to guess."),
    "second-factor": N_("The code is wrong, or was used already: take the next one."),
    "token-name": N_("A token needs a name of its own."),
    "token-permissions": N_("A token needs permissions, and none that you do not have yourself."),
    "table-conflict": N_("This conflicts with another record: it is there already, or in use. Nothing was changed."),
    "store-revision": N_("The tables have changed meanwhile. Nothing was changed: try it again."),
    "search-text": N_("Nothing can be found by this: write a part of a number or of a name."),
    "annotation": N_("This cannot be kept: it is empty, too long, or has a control character."),
    "link": N_("A link can neither be made nor be ended like this."),
    "too-many-links": N_("This recording has too many links: end one first."),
    "erasure-conditions": N_("Choose conditions first: this is for some recordings, never for all."),
    "erasure-reason": N_("A reason is needed, of at most 200 characters."),
    "recording-held": N_("The recording is under a hold: nothing removes it."),
    "recording-unfinished": N_("The recording is still being stored."),
    "recording-unlogged": N_("The audit log has no entry of this recording, so nothing proves it."),
    "too-many-recordings": N_("These are too many recordings at once: narrow the conditions."),
    "retention-class": N_(
        "A class cannot be like this: small letters, digits and hyphens, and ages that fit each other."
    ),
    "retention-space": N_("A limit of space cannot be like this."),
    "webhook-id": N_("A name has 1 to 40 small letters, digits or hyphens."),
    "webhook-url": N_("It cannot be sent to this address: https://, or http:// into an allowed network."),
    "webhook-types": N_("There is no such type of event."),
    "webhooks-too-many": N_("There are too many webhooks already: remove one first."),
    "no-such-delivery": N_("This delivery was not given up, or is gone."),
    "prompt-name": N_("callrec plays no prompt of this name."),
    "prompt-language": N_("Prompts have no such language."),
    "prompt-length": N_("A prompt is at most 30 seconds long, and not silent."),
    "prompt-audio": N_("This is not a WAV file that can be read."),
    "prompt-too-large": N_("The file is too large for a prompt."),
    "file-encoding": N_("The file cannot be read in this encoding: choose another one."),
    "file-binary": N_("This is not a text file."),
    "file-too-large": N_("The file is too large for the page: use the command or the API."),
}
SENTENCES: tuple[str, ...] = (
    N_("already taken: %(key)s"),
    N_("nothing was changed"),
    N_("the profile %(profile)s has the role %(role)s"),
    N_("give the profile another role first: nothing was changed"),
    N_("the mailbox %(mailbox)s belongs to this line"),
    N_("remove the voicemail first: nothing was changed"),
    N_("%(name)s is the only one"),
    N_("make another one first"),
    N_("%(name)s is the only role with %(permission)s: without it no role could be changed"),
    N_("give it to another role first"),
    N_("one user has %(name)s"),
    N_("give this user another one first"),
    N_("%(count)s users have %(name)s"),
    N_("give them another one first"),
    N_("%(name)s is the only context"),
    N_("one number of %(name)s would lie outside: %(numbers)s"),
    N_("give this number up first, or keep a range that holds it"),
    N_("%(name)s has %(count)s numbers that would lie outside: %(numbers)s"),
    N_("give these numbers up first, or keep a range that holds them"),
    N_("%(name)s has numbers, so it stays %(kind)s"),
    N_("make another context"),
    N_("%(name)s must be a context's name: letters, digits, _ and -, at most 39, the first of them no -"),
    N_("%(name)s has another meaning in Asterisk's files"),
    N_("choose another name: none that begins with callrec- or pbx-"),
    N_("%(name)s and %(other)s differ only in upper and lower case: voicemail would treat them as one"),
    N_("choose another name"),
    N_("%(range)s is not a range of numbers"),
    N_("FIRST-LAST, both of the same number of digits, e.g. 1000-1999"),
    N_("%(one)s and %(other)s overlap"),
    N_("each number belongs to one range"),
    N_("no user has the number, line or id %(typed)s"),
    N_("type the beginning of a name, or a number"),
    N_("%(typed)s may be one of: %(users)s"),
    N_("give the id of one"),
)
"""Sentences and hints of `domain.directory.record_edits` and `contexts`, and of `app.directory.find_user`."""
_HINTS: Mapping[str, str] = {"callrec users list shows all": N_("type the beginning of a name, or a number")}
"""What a page says in place of a hint that names a command."""
_SENTENCES = Sentences(SENTENCES)


def refusal_words(error: CallrecError, language: str) -> tuple[str, str]:
    """What was refused and what to do about it, in the language; without a hint where only the code has words."""
    told = _SENTENCES.told(error.message, language)
    if told is None:
        if known := REFUSED.get(error.code) if language != ENGLISH else None:
            return translations(language).gettext(known), ""
        told = translations(language).gettext(error.message)
    return told, _SENTENCES.in_words(_HINTS.get(error.hint, error.hint), language) if error.hint else ""


PROBLEMS: Mapping[int, str] = {
    400: N_("Something in this address or form cannot be read."),
    403: N_("You may not do this."),
    409: N_("This is not possible as things are now."),
    410: N_("What this is about is gone."),
    412: N_("This was changed by somebody else meanwhile."),
    413: N_("This is too large."),
    415: N_("Something in this address or form cannot be read."),
    422: N_("Something in this address or form is wrong."),
    429: N_("There were too many requests. Try again in a little while."),
    500: N_("callrec has a defect here: its log says which."),
}
"""By an answer's status, what is said of a problem whose sentence has no translation."""


def problem_words(problem: Mapping[str, Any], language: str) -> str:
    """What a problem's answer says, in the language; empty when it has no words there. `problem`: as in the answer's body."""
    error = Refused(problem["code"], problem["title"], hint=problem.get("hint", ""))
    told = refusal_line(error, language)
    if language == ENGLISH or told != refusal_line(error, ENGLISH):
        return told
    return translations(language).gettext(PROBLEMS[problem["status"]]) if problem["status"] in PROBLEMS else ""


def refusal_line(error: CallrecError, language: str) -> str:
    """The same as one line."""
    told, hint = refusal_words(error, language)
    return (
        translations(language).gettext(N_("%(refused)s: %(hint)s")) % {"refused": told, "hint": hint} if hint else told
    )
