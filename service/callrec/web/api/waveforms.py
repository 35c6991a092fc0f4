"""What players draw of a recording: its loudness over time, without its audio."""

import asyncio
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.library.media.stored_media import StoredMedia
from callrec.domain.access.audit import Action
from callrec.domain.directory.model import Permission
from callrec.domain.library.waveform import Waveform
from callrec.web.api.media import asker_of
from callrec.web.api.records import Query, shown
from callrec.web.requests import query_of
from callrec.web.routes import Answer, Operation

LIMIT_S = 600.0
"""One that is missing is made first: a day of a call takes a minute."""


class WaveformQuery(Query):
    """Of what, and how fine."""

    points: int = Field(
        1000, ge=1, le=20_000, description="At most so many points, for equal times; there are 20 for each second."
    )
    track: int | None = Field(None, ge=1, le=10_000, description="The number of a track. Default: both sides.")


class WaveformShown(BaseModel):
    """Loudness over time."""

    length_s: float
    point_s: float = Field(description="How much time a point stands for; the last one for less.")
    peaks: list[list[int]] = Field(
        description="For each channel: of each point the lowest and the highest sample in turn, from -128 to 127."
    )
    voice: list[list[tuple[float, float]]] = Field(
        description="For each channel: from and to, in seconds, of each time with a voice."
    )


def waveform_operation(stored: StoredMedia) -> Operation:
    """`GET /recordings/{id}/waveform`."""

    async def show(request: web.Request) -> web.Response:
        query = query_of(request, WaveformQuery)
        recording = request.match_info["id"]
        waveform = await stored.waveforms.of(recording, asker_of(request), query.track)
        drawn = await asyncio.to_thread(_shown, waveform, query.points)
        await stored.looks.told(asker_of(request), Action.SHOWN, recording)
        return shown(drawn)

    return Operation(
        "GET", "/recordings/{id}/waveform", "recordingWaveform", "recordings",
        "What a player draws of a recording: its loudness over time, and when there is a voice.", show,
        {HTTPStatus.OK: Answer("The waveform.", WaveformShown)},
        (HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
        query=WaveformQuery, id_says="The recording's id.", limit_s=LIMIT_S, needs=(Permission.RECORDINGS_LISTEN,),
    )  # fmt: skip


def _shown(waveform: Waveform, most_points: int) -> dict[str, object]:
    step = max(1, -(-waveform.points // most_points))
    return {
        "length_s": round(waveform.length_s, 3),
        "point_s": step * waveform.samples_per_point / waveform.rate_hz,
        "peaks": [waveform.side(channel, most_points) for channel in range(waveform.channels)],
        "voice": waveform.voice,
    }
