"""Recordings' audio over HTTP: a real server, real encoded files, and clients that ask for whatever they like."""

import asyncio
import hashlib
import io
import json
import wave
from pathlib import Path

import aiohttp
import av
import numpy as np
import pytest
from media_client import TOKEN, Client, actions, served
from stored_library import StoredLibrary, recorded, tone

from callrec.app.library.media import on_demand
from callrec.app.library.media import recording_media as media_app
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, StoredState
from callrec.domain.vocabulary import DropReason
from callrec.protocols.encrypted_file import MARK
from callrec.wiring.encryption import library_of


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def stored(tmp_path: Path, request: pytest.FixtureRequest) -> StoredLibrary:
    """Nobody who listens notices that what is stored is encrypted."""
    return StoredLibrary(tmp_path, encrypts=request.param)


@pytest.mark.parametrize(
    ("media_format", "kind"),
    [(Format.WAV, "audio/wav"), (Format.FLAC, "audio/flac"), (Format.OPUS, "audio/ogg"), (Format.MP3, "audio/mpeg")],
)
async def test_a_recording_is_handed_out_as_it_is_stored(
    stored: StoredLibrary, media_format: Format, kind: str
) -> None:
    manifest = stored.store(1, media_format)
    async with served(stored) as client:
        status, headers, body = await client.ask("c1-1/media")
        download = await client.ask("c1-1/media?download=true")
    assert (status, body) == (200, stored.content(stored.file(manifest)))
    assert headers["Content-Type"] == kind
    assert headers["ETag"] == f'"{hashlib.sha256(body).hexdigest()}"' == f'"{manifest.media.sha256}"'
    assert (headers["Content-Length"], headers["Accept-Ranges"]) == (str(len(body)), "bytes")
    name = f'filename="2026-11-22_100000Z_1000_1001.{media_format.value}"'
    assert headers["Content-Disposition"] == f"inline; {name}"
    assert download[1]["Content-Disposition"] == f"attachment; {name}"
    assert actions(stored) == ["listened c1-1 token", "downloaded c1-1 token"]
    assert stored.audited[0].address == "127.0.0.1"


async def test_ranges_give_these_bytes_and_no_others(stored: StoredLibrary) -> None:
    whole = stored.content(stored.file(stored.store(1)))
    size = len(whole)
    async with served(stored) as client:
        for said, first, last in (
            ("0-0", 0, 0),
            ("100-299", 100, 299),
            (f"{size - 1}-", size - 1, size - 1),
            ("-7", size - 7, size - 1),
        ):
            status, headers, body = await client.ask("c1-1/media", Range=f"bytes={said}")
            assert (status, body) == (206, whole[first : last + 1])
            assert headers["Content-Range"] == f"bytes {first}-{last}/{size}"
            assert headers["Content-Type"] == "audio/wav"
        status, headers, body = await client.ask("c1-1/media", Range="bytes=10-19,-5")
        outside = await client.ask("c1-1/media", Range=f"bytes={size}-")
        garbage = await client.ask("c1-1/media", Range="bytes=a-b")
    assert status == 206
    assert headers["Content-Length"] == str(len(body))
    boundary = headers["Content-Type"].removeprefix("multipart/byteranges; boundary=")
    parts = body.split(f"\r\n--{boundary}".encode())
    assert parts[0] == b""
    assert (
        parts[1] == f"\r\nContent-Type: audio/wav\r\nContent-Range: bytes 10-19/{size}\r\n\r\n".encode() + whole[10:20]
    )
    assert parts[2].endswith(f"{size - 5}-{size - 1}/{size}\r\n\r\n".encode() + whole[-5:])
    assert parts[3] == b"--\r\n"
    assert (outside[0], outside[1]["Content-Range"]) == (416, f"bytes */{size}")
    assert json.loads(outside[2])["code"] == "range"
    assert (garbage[0], garbage[2]) == (200, whole)
    assert actions(stored) == ["listened c1-1 token", "shown c1-1 token"], "one listening has one entry, and so has 416"


async def test_conditional_requests(stored: StoredLibrary) -> None:
    manifest = stored.store(1)
    tag = f'"{manifest.media.sha256}"'
    async with served(stored) as client:
        unmodified = await client.ask("c1-1/media", If_None_Match=f'"other", {tag}')
        failed = await client.ask("c1-1/media", If_Match='"other"')
        assert actions(stored) == ["shown c1-1 token"], "they tell of the file, and no audio was handed out"
        same = await client.ask("c1-1/media", If_Range=tag, Range="bytes=0-9")
        other = await client.ask("c1-1/media", If_Range='"other"', Range="bytes=0-9")
        dated = await client.ask("c1-1/media", If_Range="Mon, 30 Nov 2026 06:00:00 GMT", Range="bytes=0-9")
    assert (unmodified[0], unmodified[1]["ETag"], unmodified[2]) == (304, tag, b"")
    assert failed[0] == 412
    assert [one[0] for one in (same, other, dated)] == [206, 200, 200]


async def test_head_tells_all_but_the_bytes_and_is_no_listening(stored: StoredLibrary) -> None:
    manifest = stored.store(1)
    async with served(stored) as client:
        status, headers, body = await client.ask("c1-1/media", "HEAD", Range="bytes=0-0")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(manifest.media.bytes))
    assert headers["ETag"] == f'"{manifest.media.sha256}"'
    assert actions(stored) == ["shown c1-1 token"]


@pytest.mark.parametrize("source", list(Format))
@pytest.mark.parametrize("wanted", list(Format))
async def test_each_format_is_encoded_in_each_other_with_both_voices_and_as_long(
    stored: StoredLibrary, source: Format, wanted: Format
) -> None:
    stored.store(1, source)
    async with served(stored) as client:
        status, headers, body = await client.ask(f"c1-1/media?format={wanted.value}")
        again = await client.ask(f"c1-1/media?format={wanted.value}")
    assert status == 200
    assert headers["ETag"] == f'"{hashlib.sha256(body).hexdigest()}"'
    assert headers["Content-Disposition"].endswith(f'.{wanted.value}"')
    assert again[2] == body
    left, right = decoded(body)
    assert loudest_hz(left) == pytest.approx(440, abs=2)
    assert loudest_hz(right) == pytest.approx(1000, abs=2)
    assert len(left) / 8000 == pytest.approx(3.0, abs=0.08)


def decoded(content: bytes, channels: int = 2) -> np.ndarray:
    """Its samples at 8 kHz, one row for each channel."""
    with av.open(io.BytesIO(content)) as container:
        resampler = av.AudioResampler("s16p", "stereo" if channels == 2 else "mono", 8000)
        frames = [part.to_ndarray() for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate(frames, axis=1)


def loudest_hz(channel: np.ndarray) -> float:
    """The loudest frequency in the middle of it."""
    middle = channel[len(channel) // 4 : -len(channel) // 4].astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(middle))) * 8000 / len(middle))


async def test_a_track_is_one_voice(stored: StoredLibrary) -> None:
    stored.store(1, tracks=True)
    async with served(stored) as client:
        _, headers, body = await client.ask("c1-1/media?track=2")
        _, _, coded = await client.ask("c1-1/media?track=1&format=opus")
        missing = await client.ask("c1-1/media?track=3")
    with wave.open(io.BytesIO(body)) as wav:
        assert wav.getnchannels() == 1
    assert loudest_hz(decoded(body, 1)[0]) == pytest.approx(1000, abs=2)
    assert loudest_hz(decoded(coded, 1)[0]) == pytest.approx(440, abs=2)
    assert headers["Content-Disposition"] == 'inline; filename="2026-11-22_100000Z_track-2_1001.wav"'
    assert (missing[0], b"no-such-track" in missing[2]) == (404, True)
    assert actions(stored) == ["listened c1-1 track:2 token", "listened c1-1 track:1 token", "shown c1-1 token"]


async def test_what_is_not_there_is_told(stored: StoredLibrary) -> None:
    failed = Manifest(SCHEMA, StoredState.FAILED, recorded(2))
    stored.library.place(failed, "2026/11/22/c2-1", [])
    stored.entries["c2-1"] = {"path": "2026/11/22/c2-1"}
    stored.store(3)
    stored.entries["c4-1"] = {"path": "2026/11/22/c4-1"}
    async with served(stored) as client:
        answers = [await client.ask(f"{path}") for path in ("c1-1/media", "c2-1/media", "c4-1/media")]
        wrong = [
            await client.ask(f"c3-1/media?{query}")
            for query in ("format=aiff", "track=0", "track=x", "loud=1", "track=1&track=1")
        ]
    assert [one[0] for one in answers] == [404, 404, 500]
    assert [
        code in body
        for code, (_, _, body) in zip((b"no-such-recording", b"no-audio", b"media-missing"), answers, strict=True)
    ] == [True] * 3
    assert [one[0] for one in wrong] == [422] * 5
    assert actions(stored) == ["shown c2-1 token"]
    assert stored.alarms == ["c4-1: media-missing"]


async def test_p7_without_the_audit_log_nothing_is_handed_out(stored: StoredLibrary) -> None:
    whole = stored.content(stored.file(stored.store(1)))
    stored.audit_is_full = True
    async with served(stored) as client:
        for path in ("c1-1/media", "c1-1/media?download=true", "c1-1/media?format=flac"):
            status, _, body = await client.ask(path, Range="bytes=0-100")
            assert status == 503
            assert whole[44:100] not in body
        stored.audit_is_full = False
        assert (await client.ask("c1-1/media"))[0] == 200, "a refused listening is no listening"
    assert actions(stored) == ["listened c1-1 token"]


async def test_a_file_of_another_size_or_content_is_refused_and_alarms(stored: StoredLibrary) -> None:
    manifest = stored.store(1)
    path, whole = stored.file(manifest), stored.content(stored.file(manifest))
    on_disk = path.read_bytes()
    async with served(stored) as client:
        path.write_bytes(on_disk[:-2])
        shorter = await client.ask("c1-1/media")
        path.write_bytes(on_disk[:1000] + bytes([on_disk[1000] ^ 1]) + on_disk[1001:])
        other = await client.ask("c1-1/media")
        known = await client.ask("c1-1/media", Range="bytes=0-10")
        coded = await client.ask("c1-1/media?format=mp3")
        path.unlink()
        gone = await client.ask("c1-1/media")
        path.symlink_to("/etc/passwd")
        link = await client.ask("c1-1/media")
        path.unlink()
        path.write_bytes(on_disk)
        restored = await client.ask("c1-1/media")
    assert [one[0] for one in (shorter, other, known, coded, gone, link)] == [500] * 6
    assert b"root:" not in link[2]
    assert all(b"media-changed" in one[2] for one in (shorter, other, known, coded))
    assert (restored[0], restored[2]) == (200, whole)
    assert stored.alarms == ["c1-1: media-changed"] * 4 + ["c1-1: media-missing", "c1-1: file-odd"]


async def received(client: Client, path: str, into: bytearray) -> None:
    """The body as it comes, also of an answer that breaks off."""
    async with client.http.get(f"http://127.0.0.1:{client.port}/api/v1/recordings/{path}") as answer:
        assert answer.status == 200
        async for chunk in answer.content.iter_any():
            into += chunk


def open_files() -> int:
    """Of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_long_file_that_has_changed_never_arrives_whole(stored: StoredLibrary) -> None:
    """Its first bytes leave before its digest is known; then the connection breaks."""
    manifest = stored.store(1, left=tone(440, 60), right=tone(1000, 60))
    path = stored.file(manifest)
    whole, on_disk = stored.content(path), path.read_bytes()
    path.write_bytes(on_disk[:-1] + bytes([on_disk[-1] ^ 1]))
    got = bytearray()
    async with served(stored) as client:
        with pytest.raises(aiohttp.ClientPayloadError):
            await received(client, "c1-1/media", got)
    assert len(got) < len(whole)
    assert whole.startswith(got)
    assert stored.alarms == ["c1-1: media-changed"]


async def test_a_client_that_goes_away_leaves_nothing_open(stored: StoredLibrary) -> None:
    stored.store(1, left=tone(440, 120), right=tone(1000, 120))
    open_before = open_files()
    async with served(stored) as client:
        for _ in range(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
            writer.write(
                f"GET /api/v1/recordings/c1-1/media HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
            )
            await reader.readexactly(1000)
            writer.transport.abort()
        assert (await client.ask("c1-1/media", Range="bytes=0-1"))[0] == 206
    async with asyncio.timeout(20):
        while open_files() > open_before:  # noqa: ASYNC110 - the threads tell no loop
            await asyncio.sleep(0.02)
    assert stored.alarms == []


async def test_many_listeners_at_once_get_the_same_and_one_too_many_is_told(
    stored: StoredLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stored.content(stored.file(stored.store(1)))
    async with served(stored) as client:
        answers = await asyncio.gather(*(client.ask("c1-1/media") for _ in range(20)))
        monkeypatch.setattr(media_app, "MOST_OPEN", 0)
        busy = await client.ask("c1-1/media")
    assert {(status, body) for status, _, body in answers} == {(200, whole)}
    assert (busy[0], b"media-busy" in busy[2]) == (503, True)
    assert stored.lost == [DropReason.MEDIA]


async def test_encoding_is_bounded(stored: StoredLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    stored.store(1)
    stored.store(2, left=tone(440, 600), right=tone(440, 600))
    async with served(stored) as client:
        large = await client.ask("c2-1/media?format=mp3")
        same = await asyncio.gather(*(client.ask("c1-1/media?format=flac") for _ in range(5)))
        monkeypatch.setattr(on_demand, "MOST_WAITING", 0)
        busy = await client.ask("c1-1/media?format=mp3")
    assert len(list((stored.folder / "state/transcoded").iterdir())) == 1
    assert len({body for _, _, body in same}) == 1
    assert (busy[0], b"transcoding-busy" in busy[2]) == (503, True)
    assert (large[0], b"too-large" in large[2]) == (409, True)
    assert actions(stored)[0] == "shown c2-1 token", "the refusal tells that it is long"


async def test_a_waveform_is_drawn_without_the_audio_and_is_a_look(stored: StoredLibrary) -> None:
    stored.store(1, tracks=True)
    async with served(stored) as client:
        status, headers, body = await client.ask("c1-1/waveform?points=10")
        track = json.loads((await client.ask("c1-1/waveform?track=2"))[2])
        refused = [
            (await client.ask(f"{path}"))[0]
            for path in ("c9-1/waveform", "c1-1/waveform?track=9", "c1-1/waveform?points=0")
        ]
        stored.audit_is_full = True
        unseen = await client.ask("c1-1/waveform")
    drawn = json.loads(body)
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, "application/json")
    assert (drawn["length_s"], drawn["point_s"]) == (3.0, 0.3)
    assert [len(side) for side in drawn["peaks"]] == [20, 20]
    assert max(drawn["peaks"][0]) == 8000 >> 8
    assert (len(track["peaks"]), len(track["peaks"][0]), track["point_s"]) == (1, 120, 0.05)
    assert refused == [404, 404, 422]
    assert actions(stored) == ["shown c1-1 token"]
    assert unseen[0] == 200, "it belongs to a look that is in the log"


async def test_marks_tell_who_came_and_who_spoke(stored: StoredLibrary) -> None:
    stored.store(1, tracks=True)
    stored.store(2)
    async with served(stored) as client:
        status, _, body = await client.ask("c2-1/marks")
        tracks = json.loads((await client.ask("c1-1/marks"))[2])
        gone = (await client.ask("c9-1/marks"))[0]
    found = json.loads(body)
    assert status == 200
    assert [(one["kind"], one["from_s"], one["text"]) for one in found["marks"]] == [
        ("joined", 0.0, "1000"),
        ("joined", 0.0, "1001"),
        ("left", 3.0, "1000"),
        ("left", 3.0, "1001"),
    ]
    assert [(one["number"], one["present_s"], one["partial"]) for one in found["speaking"]] == [
        ("1000", 3.0, False),
        ("1001", 3.0, False),
    ]
    assert [one["number"] for one in tracks["speaking"]] == ["1000", "1001"]
    assert gone == 404
    assert actions(stored) == ["shown c2-1 token", "shown c1-1 token"]


async def test_what_is_made_for_a_listener_is_encrypted_too_and_worth_nothing_after_a_restart(tmp_path: Path) -> None:
    stored = StoredLibrary(tmp_path, encrypts=True)
    stored.store(1)
    async with served(stored) as client:
        for media_format in ("opus", "flac", "mp3"):
            status, _, body = await client.ask(f"c1-1/media?format={media_format}")
            part = await client.ask(f"c1-1/media?format={media_format}", Range="bytes=1000-1999")
            assert (status, part[2]) == (200, body[1000:2000])
            (file,) = (tmp_path / "state/transcoded").glob(f"*.{media_format}")
            assert file.read_bytes().startswith(MARK)
            assert body[500:532] not in file.read_bytes()
    async with served(stored):
        assert list((tmp_path / "state/transcoded").iterdir()) == []


async def test_without_the_master_key_nothing_is_handed_out_and_it_is_no_alarm_about_the_file(tmp_path: Path) -> None:
    stored = StoredLibrary(tmp_path, encrypts=True)
    stored.store(1)
    (tmp_path / "keys").write_text(f"2027 {bytes(range(3, 35)).hex()}")
    stored.library = library_of(stored.settings)
    async with served(stored) as client:
        for path in ("c1-1/media", "c1-1/media?format=opus", "c1-1/waveform"):
            status, _, body = await client.ask(path)
            assert (status, json.loads(body)["code"]) == (503, "encryption-key-unknown")
    assert stored.alarms == []


async def test_a_backup_that_links_the_file_and_a_full_cache_break_no_transfer(stored: StoredLibrary) -> None:
    """Another name of a file, or one less, changes its time for the kernel, and nothing of it for who listens."""
    manifest = stored.store(1, left=tone(440, 900), right=tone(1000, 900))
    file = stored.file(manifest)
    whole = stored.content(file)
    noise = np.random.default_rng(7).integers(-9000, 9000, 400 * 8000).astype(np.int16)
    stored.store(2, left=noise, right=noise[::-1])
    async with served(stored) as client:
        url = f"http://127.0.0.1:{client.port}/api/v1/recordings"
        async with client.http.get(f"{url}/c1-1/media") as answer:
            begin = await answer.content.readexactly(100)
            (stored.folder / "backup.wav").hardlink_to(file)
            assert begin + await answer.read() == whole
        content = (await client.ask("c2-1/media?format=flac"))[2]
        async with client.http.get(f"{url}/c2-1/media?format=flac") as answer:
            begin = await answer.content.readexactly(100)
            (made,) = (stored.folder / "state/transcoded").iterdir()
            made.unlink()
            assert begin + await answer.read() == content
    assert stored.alarms == []
