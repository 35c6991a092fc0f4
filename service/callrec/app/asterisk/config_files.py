"""Generates Asterisk's files from the tables: render, write those that differ, reload them, and check that Asterisk runs them.

Each file carries a stamp, which Asterisk must return after the reload. When it does not, the former files are restored and
reloaded, and the error names the file. After an interrupted run the next one reloads the files that are on disk and do not run.

A folder is locked by one run at a time, across processes: two runs would wait for stamps that the other has overwritten.

A mark beside the files names the tables that they were written from. Older tables are not rendered: a store that has lost its
tables, or a wrong store, would remove every phone from the PBX.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from callrec.app.ports.asterisk import ConfigFolder, ConfigReader
from callrec.app.ports.directory import Source
from callrec.domain.directory.model import Tables
from callrec.domain.directory.tables_mark import Marked, TablesMark, dumped, loaded
from callrec.domain.errors import CallrecError, Corrupt, Refused, Unavailable
from callrec.protocols.asterisk_conf import ConfFile, LeftOut, Rendered, render

PROOF_S = 10.0
"""How long after a reload the stamp may be missing: some modules answer the reload before they have read the file."""
LOOK_S = 0.1
BUSY_S = 180.0
"""How long a run waits for another one: reloads of very many users take long."""

MARK = ".tables.json"
"""The file of the mark. Asterisk does not include it: its name has a dot in front and another ending."""


class FileResult(StrEnum):
    """The result for one file."""

    UNCHANGED = "unchanged"
    DIFFERS = "differs"
    """Not written: a dry run."""
    WRITTEN = "written"
    """Written but not reloaded: by option, or since this Asterisk has no module that reads it."""
    RELOADED = "reloaded"


@dataclass(frozen=True, slots=True)
class Generated:
    """The result of one run: each file's state, and the records that were left out of the files."""

    files: Mapping[str, FileResult]
    left_out: tuple[LeftOut, ...]

    @property
    def did_nothing(self) -> bool:
        """Whether all files were up to date."""
        return all(state is FileResult.UNCHANGED for state in self.files.values())


class Confgen:
    """One folder, and the Asterisk that includes its files (None: without reload and check)."""

    def __init__(
        self, folder: ConfigFolder, reading: ConfigReader | None, *, on_wait: Callable[[], None] = lambda: None
    ) -> None:
        """`on_wait` is called once when another run has the folder, before this one waits for it."""
        self._folder, self._reading, self._on_wait = folder, reading, on_wait

    async def look(self, tables: Tables) -> Generated:
        """The files that would be written; changes nothing. Raises Unavailable."""
        rendered = await asyncio.to_thread(render, tables)
        former = await self._former(rendered.files)
        states = {
            file.name: FileResult.UNCHANGED if former[file.name] == file.text.encode() else FileResult.DIFFERS
            for file in rendered.files
        }
        return Generated(states, rendered.left_out)

    async def generate(self, tables: Source, *, accept: bool = False) -> Generated:
        """Write and reload the files that differ. The tables are read after the folder is locked, so that an older state never
        overwrites a newer one.

        Raises Refused (`conf-refused`) when Asterisk does not run a file afterwards; the former files are then restored.
        Unavailable: the next run continues. Corrupt when the tables are older than those that the files were written from,
        unless the operator has decided to `accept` them.
        """
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
            states = {name: FileResult.WRITTEN if name in changed else FileResult.UNCHANGED for name in new}
            if self._reading is not None:
                await self._have_read(self._reading, rendered.files, {name: former[name] for name in changed}, states)
            if marked.mark and (changed or mark is None):  # otherwise the older mark is still valid
                await asyncio.to_thread(self._folder.replace, {MARK: dumped(marked.mark)})
            return Generated(states, rendered.left_out)

    async def written_from(self) -> TablesMark | None:
        """The mark of the tables that the folder's files were written from; None when unknown. Raises Unavailable, Corrupt."""
        text = await asyncio.to_thread(self._folder.read, MARK)
        return None if text is None else loaded(text, MARK)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Lock the folder, after other runs have ended. Raises Unavailable (`conf-busy`)."""
        loop = asyncio.get_running_loop()
        until_s, told = loop.time() + BUSY_S, False
        while (claim := await asyncio.to_thread(self._folder.claim)) is None:
            if loop.time() >= until_s:
                message = f"another run has been writing Asterisk's files for {BUSY_S:g} s"
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
        self,
        reading: ConfigReader,
        files: Sequence[ConfFile],
        former: Mapping[str, bytes | None],
        states: dict[str, FileResult],
    ) -> None:
        """Reload the written files, and those written earlier that do not run."""
        for file in files:
            if states[file.name] is FileResult.UNCHANGED and await _runs(reading, file):
                continue
            try:
                if await reading.reload(file.module):
                    await _proven(reading, file)
                    states[file.name] = FileResult.RELOADED
            except Refused as error:
                said = await self._put_back(reading, files, former)
                message = f"Asterisk does not run {file.name}: {error.message}{said}"
                raise Refused("conf-refused", message, hint=error.hint) from error

    async def _put_back(
        self, reading: ConfigReader, files: Sequence[ConfFile], former: Mapping[str, bytes | None]
    ) -> str:
        """Restore the former files, on disk and in Asterisk; returns a sentence about the result."""
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
    """Raises Corrupt for files without a mark (of an older version) and a store that was never written to: the files came from
    another store."""
    if marked.mark is None or marked.mark.revision > 0:
        return
    names = [file.name for file in rendered.files if _sections(former[file.name]) > _sections(file.text.encode())]
    if names:
        hint = "check that this is the right store (CALLREC_STATE_DIR, CALLREC_REDIS_URL); if it is: --accept-store 0"
        message = f"the store was never written to, and {', '.join(names)} would lose what a former one had"
        raise Corrupt("store-went-back", f"{message}: nothing was changed", hint=hint)


def _sections(text: bytes | None) -> int:
    return 0 if text is None else sum(line.startswith(b"[") for line in text.splitlines())


async def _runs(reading: ConfigReader, file: ConfFile) -> bool:
    """Whether Asterisk has loaded exactly this text; True for a file without a check."""
    return file.proof is None or await reading.answer(file.proof) == file.proof.answer


async def _proven(reading: ConfigReader, file: ConfFile) -> None:
    """Wait until Asterisk runs the file. Raises Refused when it does not within PROOF_S."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + PROOF_S
    while not await _runs(reading, file):
        if loop.time() >= until_s:
            function = file.proof.variable.partition("(")[0] if file.proof else ""
            raise Refused(
                "conf-not-loaded",
                f"{PROOF_S:g} s after the reload of {file.module} this file's stamp is still missing",
                hint=f"include the file in Asterisk's own files, load {function}, and see Asterisk's log",
            )
        await asyncio.sleep(LOOK_S)
