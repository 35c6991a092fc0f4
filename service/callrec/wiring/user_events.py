"""Constructs what tells other programs at Asterisk: UserEvents, and the recording's id on channels."""

from callrec.adapters.asterisk.ami import AmiLink
from callrec.adapters.asterisk.channel_variables import AmiLegVariables
from callrec.adapters.asterisk.user_events import AmiUserEvents
from callrec.app.asterisk.recording_marks import RecordingMarks, places
from callrec.app.asterisk.user_events import UserEvents
from callrec.app.background import Background
from callrec.app.ports.directory import DirectorySource
from callrec.app.ports.observer import Observer
from callrec.config import Settings
from callrec.domain.directory.service_changes import UserEventNames


def marking(settings: Settings, ami: AmiLink, background: Background, observer: Observer) -> Observer:
    """The observer of calls: one that also marks channels, when a setting names a place."""
    wanted = places(settings.recording_variable, settings.recording_cdr)
    return RecordingMarks(observer, AmiLegVariables(ami), background, wanted) if wanted else observer


def user_events_of(settings: Settings, tables: DirectorySource, ami: AmiLink, observer: Observer) -> UserEvents | None:
    """UserEvents; None when they are not sent."""
    if settings.user_events is UserEventNames.NONE:
        return None
    return UserEvents(tables, AmiUserEvents(ami), observer)
