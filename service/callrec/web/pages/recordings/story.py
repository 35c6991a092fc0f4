"""A manifest in words: why a call was recorded, who was told, when it was paused, what is missing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from callrec.domain.calls.model import ActorKind, Control, ControlStep, Party
from callrec.domain.library.manifest import Manifest, StoredState
from callrec.domain.library.recorded_user import recorded_user
from callrec.domain.rules import Rule
from callrec.web.pages.languages import N_
from callrec.web.pages.recordings.words import CAUSES, NOT_HEARD
from callrec.web.pages.view import View, length

_PLACES: Mapping[str, str] = {
    "incall": N_("It was recorded because calls to %(place)s are always recorded."),
    "context": N_("It was recorded because calls that come in by %(place)s are always recorded."),
    "trunk": N_("It was recorded because calls over the trunk %(place)s are always recorded."),
    "queue": N_("It was recorded because calls in the queue %(place)s are always recorded."),
    "conference": N_("It was recorded because the conference %(place)s is always recorded."),
}
_CONTROLS: Mapping[str, str] = {
    Control.START: N_("%(who)s started it at %(at)s."),
    Control.STOP: N_("%(who)s stopped it at %(at)s."),
    Control.PAUSE: N_("%(who)s paused it at %(at)s."),
    Control.RESUME: N_("%(who)s resumed it at %(at)s."),
}
_ENDS: Mapping[str, str] = {
    "recorded-user-left": N_("It ended because the recorded user left the call."),
    "opted-out": N_("It ended because a participant did not want to be recorded."),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence; `kind` is `why`, `told`, `pause`, `change`, `missing` or `whole`; `is_bad`: it needs attention."""

    kind: str
    text: Markup
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """Tells it to one person: `say` translates, `name_of` has the names of users and accounts by their ids."""

    view: View
    say: Callable[[str], str]
    name_of: Callable[[str], str]

    def of(self, manifest: Manifest) -> list[Sentence]:
        """All sentences, in the order in which they are read."""
        return [
            self._why(manifest),
            *self._told(manifest),
            *self._pauses(manifest),
            *self._changes(manifest),
            *self._lacks(manifest),
        ]

    def _sentence(self, kind: str, text: str, *, is_bad: bool = False, **values: object) -> Sentence:
        return Sentence(kind, Markup(self.say(text)) % values, is_bad)  # noqa: S704 - a sentence of ours; values are escaped

    def _why(self, manifest: Manifest) -> Sentence:
        recording, actor = manifest.recording, manifest.recording.actor
        if manifest.state is StoredState.ADOPTED:
            return self._sentence(
                "why", N_("Another program recorded it. What is told here is what its file's name says.")
            )
        kind, _, place = recording.rule_origin.partition(":")
        if kind in _PLACES:
            return self._sentence("why", _PLACES[kind], place=place.partition("@")[0])
        who = self.name_of(recorded_user(recording) or "")
        if recording.rule is Rule.ALWAYS:
            said = N_("It was recorded because a rule says that these calls of %(who)s are always recorded.")
            return self._sentence("why", said, who=who or self.say(N_("this user")))
        at = self.view.time_of_day(recording.from_s)
        if actor.kind is ActorKind.USER:
            presser = self.name_of(actor.user or "") or self.say(N_("a participant"))
            said = N_("It was recorded because %(who)s asked for it by phone at %(at)s.")
            return self._sentence("why", said, who=presser, at=at)
        return self._sentence("why", N_("It was recorded because it was asked for at %(at)s."), at=at)

    def _told(self, manifest: Manifest) -> Iterator[Sentence]:
        people = {party.leg: self._party(party) for party in manifest.recording.parties}
        if not manifest.recording.hearings and manifest.state is not StoredState.ADOPTED:
            yield self._sentence("told", N_("Nothing was announced to the participants."))
        for one in manifest.recording.hearings:
            who = people.get(one.leg) or self.say(N_("a participant"))
            if one.is_heard and one.to_s is not None:
                at = self.view.time_of_day(one.to_s)
                yield self._sentence(
                    "told", N_("%(who)s has heard at %(at)s that the call is recorded."), who=who, at=at
                )
            else:
                cause = self.say(NOT_HEARD.get(one.cause, one.cause))
                said = N_("It is not proven that %(who)s has heard that the call is recorded: %(cause)s.")
                yield self._sentence("told", said, is_bad=True, who=who, cause=cause)

    def _pauses(self, manifest: Manifest) -> Iterator[Sentence]:
        for one in manifest.recording.pauses:
            to_s = one.to_s or manifest.recording.to_s or one.from_s
            if one.is_proven:
                said = N_("It was paused from %(from)s to %(to)s (%(length)s); nothing of that was kept.")
            else:
                said = N_("It was to be paused from %(from)s to %(to)s, but Asterisk has not confirmed it.")
            yield self._sentence("pause", said, is_bad=not one.is_proven, **self._times(one.from_s, to_s))

    def _changes(self, manifest: Manifest) -> Iterator[Sentence]:
        for one in manifest.recording.controls:
            said = self._sentence(
                "change", _CONTROLS[one.control], who=self._actor(one), at=self.view.time_of_day(one.at_s)
            )
            yield Sentence("change", said.text + f" ({one.reason})", said.is_bad) if one.reason else said
        if manifest.recording.end_reason in _ENDS:
            yield self._sentence("change", _ENDS[manifest.recording.end_reason])

    def _lacks(self, manifest: Manifest) -> Iterator[Sentence]:
        recording = manifest.recording
        if manifest.state is StoredState.SOUND:
            yield self._sentence("whole", N_("Nothing is missing: all of it is there, from beginning to end."))
        if manifest.state is StoredState.ADOPTED:
            yield self._sentence("whole", N_("Whether something is missing is not known."))
        if manifest.state is StoredState.UNANSWERED:
            yield self._sentence("whole", N_("The call was not answered, so there was nothing to record."))
        if manifest.state is StoredState.FAILED:
            said = N_("There is no audio, though it should have been recorded: %(cause)s.")
            yield self._sentence("missing", said, is_bad=True, cause=self._cause(recording.cause))
        for one in recording.missing:
            said = N_("Sound is missing from %(from)s to %(to)s (%(length)s): %(cause)s.")
            times, cause = self._times(one.from_s, one.to_s), self._cause(one.cause)
            yield self._sentence("missing", said, is_bad=True, cause=cause, **times)
        if manifest.state is StoredState.PARTIAL and not recording.missing:
            said = N_("Something of it is missing: %(cause)s.")
            yield self._sentence("missing", said, is_bad=True, cause=self._cause(recording.cause))

    def _times(self, from_s: float, to_s: float) -> dict[str, Any]:
        """The values of a sentence about a time."""
        at = self.view.time_of_day
        return {"from": at(from_s), "to": at(to_s), "length": length(to_s - from_s)}

    def _cause(self, cause: str) -> str:
        first = cause.partition(":")[0]
        return self.say(CAUSES[first]) if first in CAUSES else cause or self.say(N_("the cause is not known"))

    def _party(self, party: Party) -> str:
        return f"{party.name} ({party.number})" if party.name and party.number else party.name or party.number

    def _actor(self, step: ControlStep) -> str:
        actor = step.actor
        named = self.name_of(actor.user or actor.asker.removeprefix("account:"))
        others = {
            ActorKind.POLICY: N_("A rule"),
            ActorKind.OPERATOR: N_("An operator"),
            ActorKind.PARTICIPANT: N_("A participant"),
            ActorKind.SYSTEM: N_("callrec"),
            ActorKind.USER: N_("A user"),
        }
        return named or self.say(others[actor.kind])
