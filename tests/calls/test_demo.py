"""What a newcomer types."""

import asyncio
import os
import sys
from pathlib import Path

from callrec_lab import command_server
from callrec_lab.audio_checks import load


async def test_the_demo_prints_the_files_that_it_listened_to(tmp_path: Path) -> None:
    """`make demo` exits 0 with two `recording: PATH` lines at its end, and the files are there to be played."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "callrec_lab.demo",
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != command_server.VARIABLE},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    recordings = [Path(line.removeprefix("recording: ")) for line in said.splitlines()[-2:]]
    assert [path.suffix for path in recordings] == [".wav", ".wav"], said
    assert all(len(load(path)) == 2 and load(path)[0].length_s > 4 for path in recordings)
