"""An export by filter is a whole ZIP, and bounded."""

import zipfile
from io import BytesIO

import pytest
from many_recordings import Many

from callrec.app.library.media.exporting import BATCH, MOST_RECORDINGS, Wanted
from callrec.app.library.media.logged_access import Asker
from callrec.domain.access.principals import DAEMON
from callrec.domain.errors import Refused
from callrec.domain.library.search import Filter


async def test_a_whole_one_is_a_zip_with_all_of_them_and_one_more_is_refused() -> None:
    many = Many(3 * BATCH + 1)
    exporting = many.exporting()
    body = b"".join([part async for part in exporting.archive(Wanted(filter=Filter(), said="all"), Asker(DAEMON))])
    with zipfile.ZipFile(BytesIO(body)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 2 * many.count + 2
        assert archive.read("SHA256SUMS").count(b"\n") == 2 * many.count
    assert "whole" in many.trail.entries[-1].details
    many.count = MOST_RECORDINGS + 1
    with pytest.raises(Refused, match="at most"):
        await exporting.preview(Wanted(filter=Filter(), said="all"), Asker(DAEMON))
    with pytest.raises(Refused, match="at most"):
        await anext(exporting.archive(Wanted(filter=Filter(), said="all"), Asker(DAEMON)))
