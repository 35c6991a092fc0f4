"""From the tables to a running Asterisk: what is written, reloaded, proven and put back."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import pytest

from callrec.app.asterisk.config_files import BUSY_S, MARK, Confgen, FileResult
from callrec.app.ports.directory import Source
from callrec.domain.directory.model import Tables
from callrec.domain.directory.tables_mark import WRITTEN_FROM, Marked, Standing, TablesMark, dumped, judge
from callrec.domain.errors import CallrecError, Corrupt, Refused, Unavailable
from callrec.protocols.asterisk_conf import Question, render
from callrec_lab.simulated_asterisk import TABLES as NO_SECRETS
from callrec_lab.simulated_asterisk import away, virtual

TABLES = replace(NO_SECRETS, lines=tuple(replace(line, secret="s") for line in NO_SECRETS.lines))
NAMES = [file.name for file in render(TABLES).files]
FEATURES, PJSIP, SCCP, VOICEMAIL, EXTENSIONS = NAMES
OTHER = replace(TABLES, lines=TABLES.lines[:2])
"""One line less: two of the files are others."""


def source(tables: Tables) -> Source:
    """These tables, whenever they are asked for."""

    async def now(_written_from: TablesMark | None) -> Marked:
        return Marked(tables, None)

    return now


class Disk:
    """See ports.ConfigFolder."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.writes: list[list[str]] = []
        self.claimed = False

    def claim(self) -> AbstractContextManager[object] | None:
        """See Folder."""
        return None if self.claimed else self._claim()

    @contextmanager
    def _claim(self) -> Iterator[None]:
        self.claimed = True
        try:
            yield
        finally:
            self.claimed = False

    def read(self, name: str) -> bytes | None:
        """See Folder."""
        return self.files.get(name)

    def replace(self, files: Mapping[str, bytes | None]) -> None:
        """See Folder."""
        self.writes.append(list(files))
        for name, content in files.items():
            if content is None:
                self.files.pop(name, None)
            else:
                self.files[name] = content


class Reader:
    """An Asterisk without SCCP. It loads what it does not refuse; `faults` are raised by module."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.loaded: dict[str, str] = {}
        self.reloads: list[str] = []
        self.refuses: set[str] = set()
        self.slow_looks = 0
        self.faults: dict[str, CallrecError] = {}

    async def reload(self, module: str) -> bool:
        """See Reading."""
        self.reloads.append(module)
        if module in self.faults:
            raise self.faults[module]
        if module == "chan_sccp.so":
            return False
        for file in render(TABLES).files + render(OTHER).files:
            text = self.disk.files.get(file.name, b"").decode()
            if file.module == module and file.text == text and module not in self.refuses and file.proof:
                self.loaded[module] = file.proof.variable + file.proof.answer
        return True

    async def answer(self, question: Question) -> str:
        """See Reading."""
        if self.slow_looks:
            self.slow_looks -= 1
            return ""
        return question.answer if question.variable + question.answer in self.loaded.values() else ""


class House:
    """A folder, the Asterisk that reads it, and confgen between tables and both."""

    def __init__(self, *, with_asterisk: bool = True) -> None:
        self.disk = Disk()
        self.reader = Reader(self.disk)
        self.confgen = Confgen(self.disk, self.reader if with_asterisk else None)

    async def states(self, tables: Tables = TABLES) -> list[str]:
        """What became of the files."""
        return [state.value for state in (await self.confgen.generate(source(tables))).files.values()]


@virtual
async def test_what_differs_is_written_reloaded_and_proven_and_then_nothing_is_done() -> None:
    house = House()
    assert await house.states() == ["reloaded", "reloaded", "written", "reloaded", "reloaded"]
    assert house.reader.reloads == ["features", "res_pjsip.so", "chan_sccp.so", "app_voicemail.so", "pbx_config.so"]
    assert house.disk.files == {file.name: file.text.encode() for file in render(TABLES).files}
    house.reader.reloads.clear()
    generated = await house.confgen.generate(source(TABLES))
    assert generated.did_nothing
    assert (house.reader.reloads, house.disk.writes) == ([], [NAMES])


@virtual
async def test_only_the_modules_whose_files_changed_are_reloaded() -> None:
    house = House()
    await house.states()
    house.reader.reloads.clear()
    assert await house.states(OTHER) == ["unchanged", "reloaded", "unchanged", "unchanged", "reloaded"]
    assert house.reader.reloads == ["res_pjsip.so", "pbx_config.so"]
    assert house.disk.writes[-1] == [PJSIP, EXTENSIONS]


@virtual
async def test_a_dry_run_and_one_without_asterisk_leave_it_alone() -> None:
    house = House()
    looked = await house.confgen.look(TABLES)
    assert set(looked.files.values()) == {FileResult.DIFFERS}
    assert house.disk.files == {}
    written = await Confgen(house.disk, None).generate(source(TABLES))
    assert set(written.files.values()) == {FileResult.WRITTEN}
    assert set((await house.confgen.look(TABLES)).files.values()) == {FileResult.UNCHANGED}
    assert house.reader.reloads == []


@virtual
async def test_what_was_written_and_never_loaded_is_reloaded() -> None:
    """A daemon that died between the two, or an Asterisk that was away."""
    house = House()
    await Confgen(house.disk, None).generate(source(TABLES))
    assert await house.states() == ["reloaded", "reloaded", "unchanged", "reloaded", "reloaded"]
    assert house.disk.writes == [NAMES]


@virtual
async def test_a_module_may_take_its_time() -> None:
    house = House()
    house.reader.slow_looks = 20
    assert await house.states() == ["reloaded", "reloaded", "written", "reloaded", "reloaded"]


@virtual
async def test_a_file_that_asterisk_does_not_run_is_named_and_the_former_ones_are_put_back() -> None:
    house = House()
    await house.states()
    former = dict(house.disk.files)
    house.reader.refuses = {"pbx_config.so"}
    house.reader.reloads.clear()
    with pytest.raises(Refused, match=r"does not run users_extensions.conf.*put back and reloaded") as caught:
        await house.states(OTHER)
    assert caught.value.code == "conf-refused"
    assert isinstance(caught.value.__cause__, Refused)
    assert caught.value.__cause__.code == "conf-not-loaded"
    assert "DIALPLAN_EXISTS" in caught.value.hint
    assert house.disk.files == former
    assert house.reader.reloads == ["res_pjsip.so", "pbx_config.so", "res_pjsip.so", "pbx_config.so"]


@virtual
async def test_files_that_were_not_there_are_gone_again() -> None:
    house = House()
    house.reader.faults["res_pjsip.so"] = Refused("ami-error", "no")
    with pytest.raises(Refused, match=r"users_pjsip.conf: no.*put back, but not reloaded"):
        await house.states()
    assert house.disk.files == {}


@virtual
async def test_what_stands_on_the_disk_and_does_not_load_has_no_former() -> None:
    house = House()
    await Confgen(house.disk, None).generate(source(TABLES))
    house.reader.refuses = {"res_pjsip.so"}
    with pytest.raises(Refused, match="written before"):
        await house.states()
    assert house.disk.writes == [NAMES]


@virtual
async def test_an_asterisk_that_goes_away_leaves_the_new_files_for_the_next_run() -> None:
    house = House()
    house.reader.faults["app_voicemail.so"] = away()
    with pytest.raises(Unavailable):
        await house.states()
    house.reader.faults.clear()
    assert await house.states() == ["unchanged", "unchanged", "unchanged", "reloaded", "reloaded"]


@virtual
async def test_a_record_that_fits_nowhere_is_named_and_the_others_are_generated() -> None:
    house = House()
    bad = replace(TABLES.lines[0], secret="a b")
    generated = await Confgen(house.disk, None).generate(source(replace(TABLES, lines=(bad, *TABLES.lines[1:]))))
    assert [str(one).partition(":")[0] for one in generated.left_out] == [f"lines PJSIP/{bad.name}, linesecret"]


@virtual
async def test_two_runs_take_turns_and_the_later_one_asks_for_the_tables_then() -> None:
    """So neither waits for a stamp that the other has overwritten, and nothing older comes after something newer."""
    house = House()
    house.reader.slow_looks = 20
    tables = TABLES
    waits: list[str] = []
    other = Confgen(house.disk, house.reader, on_wait=lambda: waits.append("waits"))

    async def now(_written_from: TablesMark | None) -> Marked:
        return Marked(tables, None)

    first = asyncio.create_task(house.confgen.generate(now))
    await asyncio.sleep(0.5)
    second = asyncio.create_task(other.generate(now))
    await asyncio.sleep(0.5)
    assert house.disk.writes == [NAMES]
    tables = OTHER
    assert [list((await run).files.values()).count(FileResult.RELOADED) for run in (first, second)] == [4, 2]
    assert house.disk.files == {file.name: file.text.encode() for file in render(OTHER).files}
    assert not house.disk.claimed
    assert waits == ["waits"]


@virtual
async def test_a_run_that_never_ends_is_not_waited_for_without_end() -> None:
    house = House()
    house.disk.claimed = True
    with pytest.raises(Unavailable, match=f"for {BUSY_S:g} s") as caught:
        await house.states()
    assert caught.value.code == "conf-busy"
    assert house.disk.files == {}


@virtual
async def test_a_run_that_fails_leaves_the_folder_to_the_next_one() -> None:
    house = House()

    async def unknown(_written_from: TablesMark | None) -> Marked:
        raise away()

    with pytest.raises(Unavailable):
        await house.confgen.generate(unknown)
    assert not house.disk.claimed


def standing_at(tables: Tables, standing: Standing) -> Source:
    """These tables of a store that stands so."""

    async def now(written_from: TablesMark | None) -> Marked:
        judge(written_from, standing, WRITTEN_FROM)
        return Marked(tables, standing.mark)

    return now


@virtual
async def test_tables_of_another_store_are_not_rendered_until_an_operator_says_so() -> None:
    """A flushed store, or a fresh one in another working folder, would leave no telephone in the files."""
    house = House(with_asterisk=False)
    await house.confgen.generate(standing_at(TABLES, Standing(7, "7-0")))
    written, writes = dict(house.disk.files), len(house.disk.writes)
    for standing, reason in (
        (Standing(0), r"has revision 0 of the tables \(users: 0\), but Asterisk's files were written from revision 7"),
        (Standing(9, "9-0", follows=False, users=3), "which is not among its changes"),
        (Standing(9, "9-0", gone=("lines",)), "records are missing that no edit has removed: lines"),
    ):
        with pytest.raises(Corrupt, match=reason) as caught:
            await house.confgen.generate(standing_at(Tables(), standing))
        assert f"--accept-store {standing.revision}" in caught.value.hint
    assert (house.disk.files, len(house.disk.writes)) == (written, writes)
    generated = await house.confgen.generate(standing_at(Tables(), Standing(0)), accept=True)
    assert not generated.did_nothing
    assert house.disk.files[MARK] == dumped(TablesMark(0))
    assert (await house.confgen.generate(standing_at(Tables(), Standing(0)))).did_nothing


@virtual
async def test_tables_that_were_emptied_by_edits_are_rendered() -> None:
    house = House(with_asterisk=False)
    await house.confgen.generate(standing_at(TABLES, Standing(7, "7-0")))
    await house.confgen.generate(standing_at(Tables(), Standing(8, "8-0")))
    assert await house.confgen.written_from() == TablesMark(8, "8-0")


@virtual
async def test_files_from_before_the_mark_are_not_replaced_from_a_store_that_was_never_written_to() -> None:
    house = House(with_asterisk=False)
    await house.states()
    former = dict(house.disk.files)
    with pytest.raises(Corrupt, match=r"never written to, and users_pjsip\.conf would lose"):
        await house.confgen.generate(standing_at(Tables(), Standing(0)))
    assert house.disk.files == former
    await house.confgen.generate(standing_at(TABLES, Standing(3, "3-0")))
    assert house.disk.files == former | {MARK: dumped(TablesMark(3, "3-0"))}
    house.disk.files[MARK] = b"{"
    with pytest.raises(Corrupt, match="no mark"):
        await house.confgen.generate(standing_at(TABLES, Standing(4)))
