"""From the tables to a running Asterisk: render, write what differs, reload what was written, and ask whether it really runs.

Nothing is believed because it was asked for: each file carries a stamp that Asterisk is asked for after the reload. When it does
not know the stamp, the former files are put back and reloaded, and the file is named. A run that was cut short is made good by
the next one: what is on the disk and does not run is reloaded.

A folder belongs to one run at a time, in whatever process: two at once would wait for stamps that the other has overwritten.

Beside the files stands which tables they were written from. Tables that do not come after those are not rendered: a store that
lost them, or another one, would take every telephone off the PBX.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from callrec.app.tables_mark import Marked, Source, TablesMark, dumped, loaded
from callrec.domain.errors import CallrecError, Corrupt, Refused, Unavailable
from callrec.domain.provisioning.model import Tables
from callrec.protocols.asterisk_conf import ConfFile, LeftOut, Question, Rendered, render

PROOF_S = 10.0
"""So long after a reload Asterisk may go on without knowing the stamp: some modules answer before they have read."""
LOOK_S = 0.1
BUSY_S = 180.0
"""So long a run waits for another one: reloads of very many users take their time."""

MARK = ".tables.json"
"""The file of the mark. Asterisk does not include it: its name has a dot in front and another ending."""


class Folder(Protocol):
    """Where Asterisk's files lie. Blocking; called in a worker thread."""

    def claim(self) -> AbstractContextManager[object] | None:
        """The folder for us alone until the end of the block, or the end of this process; None while another has it. Makes the
        folder where it is not. Raises Unavailable."""
        ...

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None when there is none. Raises Unavailable."""
        ...

    def replace(self, files: Mapping[str, bytes | None]) -> None:
        """Put these in the place of those that are there (None: remove), each one whole at any moment. Durable when it returns.
        Raises Unavailable."""
        ...


class Reading(Protocol):
    """Asterisk, as the one who reads these files. Raises Unavailable while it is away."""

    async def reload(self, module: str) -> bool:
        """Have the module read its files again; False when this Asterisk does not run it. Raises Refused."""
        ...

    async def answer(self, question: Question) -> str:
        """What Asterisk answers; empty when it knows nothing of that. Raises Refused."""
        ...


class State(StrEnum):
    """What became of a file."""

    UNCHANGED = "unchanged"
    DIFFERS = "differs"
    """Not written: it was only to be looked at."""
    WRITTEN = "written"
    """And not reloaded: that was not wanted, or this Asterisk has no module that reads it."""
    RELOADED = "reloaded"


@dataclass(frozen=True, slots=True)
class Generated:
    """What one run did: each file's state, and the records that are in no file."""

    files: Mapping[str, State]
    left_out: tuple[LeftOut, ...]

    @property
    def did_nothing(self) -> bool:
        """Whether everything was as it should be."""
        return all(state is State.UNCHANGED for state in self.files.values())


class Confgen:
    """One folder and the Asterisk that includes it (None: nobody is asked to read, and nobody asked whether it did)."""

    def __init__(self, folder: Folder, reading: Reading | None, *, on_wait: Callable[[], None] = lambda: None) -> None:
        """`on_wait` is called once when another run has the folder, before it is waited for."""
        self._folder, self._reading, self._on_wait = folder, reading, on_wait

    async def look(self, tables: Tables) -> Generated:
        """What would be written. Changes nothing. Raises Unavailable."""
        rendered = await asyncio.to_thread(render, tables)
        former = await self._former(rendered.files)
        states = {
            file.name: State.UNCHANGED if former[file.name] == file.text.encode() else State.DIFFERS
            for file in rendered.files
        }
        return Generated(states, rendered.left_out)

    async def generate(self, tables: Source, *, accept: bool = False) -> Generated:
        """Write and reload what differs. Raises Refused (`conf-refused`) when Asterisk does not run a file afterwards: then the
        former ones are there again; Unavailable, and then the next run goes on where this one stopped; Corrupt when the tables
        do not come after those that the files were written from, unless the operator has said `accept`. The tables are asked for
        when no other run is under way, so that what it wrote is never followed by something older."""
        async with self._alone():
            mark = None if accept else await self.written_from()
            marked = await tables(mark)
            rendered = await asyncio.to_thread(render, marked.tables)
            former = await self._former(rendered.files)
            if mark is None and not accept:
                _not_from_nothing(marked, former, rendered)
            new = {file.name: file.text.encode() for file in rendered.files}
            changed = {name: text for name, text in new.items() if former[name] != text}
            if changed:
                await asyncio.to_thread(self._folder.replace, changed)
            states = {name: State.WRITTEN if name in changed else State.UNCHANGED for name in new}
            if self._reading is not None:
                await self._have_read(self._reading, rendered.files, {name: former[name] for name in changed}, states)
            if marked.mark and (changed or mark is None):  # otherwise the older mark holds as well
                await asyncio.to_thread(self._folder.replace, {MARK: dumped(marked.mark)})
            return Generated(states, rendered.left_out)

    async def written_from(self) -> TablesMark | None:
        """Which tables the files in the folder were written from; None where that is not known. Raises Unavailable, Corrupt."""
        text = await asyncio.to_thread(self._folder.read, MARK)
        return None if text is None else loaded(text, MARK)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Wait until no other run has the folder. Raises Unavailable (`conf-busy`)."""
        loop = asyncio.get_running_loop()
        until_s, told = loop.time() + BUSY_S, False
        while (claim := await asyncio.to_thread(self._folder.claim)) is None:
            if loop.time() >= until_s:
                message = f"Another run has been writing Asterisk's files for {BUSY_S:g} s"
                raise Unavailable(
                    "conf-busy", message, hint="look for a callrec confgen, or a daemon, with the same folder"
                )
            if not told:
                self._on_wait()
                told = True
            await asyncio.sleep(LOOK_S)
        with claim:
            yield

    async def _have_read(
        self, reading: Reading, files: Sequence[ConfFile], former: Mapping[str, bytes | None], states: dict[str, State]
    ) -> None:
        """Reload what was written, and what was written before and does not run."""
        for file in files:
            if states[file.name] is State.UNCHANGED and await _runs(reading, file):
                continue
            try:
                if await reading.reload(file.module):
                    await _proven(reading, file)
                    states[file.name] = State.RELOADED
            except Refused as error:
                said = await self._put_back(reading, files, former)
                message = f"Asterisk does not run {file.name}: {error.message}{said}"
                raise Refused("conf-refused", message, hint=error.hint) from error

    async def _put_back(self, reading: Reading, files: Sequence[ConfFile], former: Mapping[str, bytes | None]) -> str:
        """The former files, on the disk and in Asterisk. Says what is so now."""
        if not former:
            return ". It was written before and nothing was changed now"
        await asyncio.to_thread(self._folder.replace, former)
        try:
            for file in files:
                if file.name in former:
                    await reading.reload(file.module)
        except CallrecError as error:
            return f". The former files were put back, but not reloaded: {error.message}"
        return ". The former files were put back and reloaded"

    async def _former(self, files: Sequence[ConfFile]) -> dict[str, bytes | None]:
        return {file.name: await asyncio.to_thread(self._folder.read, file.name) for file in files}


def _not_from_nothing(marked: Marked, former: Mapping[str, bytes | None], rendered: Rendered) -> None:
    """Files of a version before the mark, and a store that was never written to: it is not the one that they came from. Raises
    Corrupt."""
    if marked.mark is None or marked.mark.revision > 0:
        return
    names = [file.name for file in rendered.files if _sections(former[file.name]) > _sections(file.text.encode())]
    if names:
        hint = "look whether this is the right store (CALLREC_STATE_DIR, CALLREC_REDIS_URL); if it is: --accept-store 0"
        message = f"the store was never written to, and {', '.join(names)} would lose what a former one had"
        raise Corrupt("store-went-back", f"{message}: nothing was changed", hint=hint)


def _sections(text: bytes | None) -> int:
    return 0 if text is None else sum(line.startswith(b"[") for line in text.splitlines())


async def _runs(reading: Reading, file: ConfFile) -> bool:
    """Whether Asterisk has loaded this very text; True for one that it cannot be asked about."""
    return file.proof is None or await reading.answer(file.proof) == file.proof.answer


async def _proven(reading: Reading, file: ConfFile) -> None:
    """Wait until it runs. Raises Refused when it does not."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + PROOF_S
    while not await _runs(reading, file):
        if loop.time() >= until_s:
            function = file.proof.variable.partition("(")[0] if file.proof else ""
            raise Refused(
                "conf-not-loaded",
                f"{PROOF_S:g} s after the reload of {file.module} it does not know this file's stamp",
                hint=f"include the file in Asterisk's own, have {function} loaded, and read what Asterisk logged",
            )
        await asyncio.sleep(LOOK_S)
