"""`callrec recordings adopt`: takes recordings of XiVO, FreePBX and Wazo into the library."""

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from callrec.cli.exit_codes import FOUND, plain
from callrec.cli.print_formats import JSON_OPTION, print_json, print_rows
from callrec.cli.store import settings, with_catalogue

if TYPE_CHECKING:
    from callrec.app.library.adoption import Adoption, FileReport
    from callrec.app.ports.library import Catalogue
    from callrec.config import Settings
    from callrec.domain.calls.ids import RecordingId

COLUMNS = ("outcome", "file", "recording", "code", "says")
_LOCALTIME = Path("/etc/localtime")


def adopt(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder; those below it, too.")],
    timezone: Annotated[
        str,
        typer.Option(help="The time zone of the machine that recorded them, as Europe/Berlin. Default: this one's."),
    ] = "",
    link: Annotated[
        bool, typer.Option("--link", help="Link the files in place of copying them: takes no space, same disk only.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Adopt recordings of XiVO, FreePBX and Wazo, with what their names say. Their files stay. Asks the running daemon."""
    from callrec.app.library.adoption import Outcome, counted
    from callrec.domain.errors import Refused

    read = settings()
    if link and read.encryption:
        says = "new recordings are encrypted, and a link would be to a file that is not"
        raise Refused("encryption-link", says, hint="leave out --link, or turn CALLREC_ENCRYPTION off")
    adoption = _adoption(read, folder, _zone(timezone), link=link)
    reports = list(adoption.preview() if dry_run else adoption.run())
    rows, count = [_row(one) for one in reports], counted(reports)
    if as_json:
        print_json({"files": rows, "counts": count})
    else:
        print_rows(rows, COLUMNS, as_json=False)
        typer.echo(
            ", ".join(f"{outcome}: {number}" for outcome, number in count.items() if number) or "no files", err=True
        )
    if any(one.outcome is Outcome.REFUSED for one in reports):
        raise typer.Exit(FOUND)


def _row(report: "FileReport") -> dict[str, object]:
    file = plain(report.file.encode("utf-8", "backslashreplace").decode())
    return {
        "file": file, "outcome": report.outcome.value, "recording": report.recording, "code": report.code or "",
        "says": report.says,
    }  # fmt: skip


def _adoption(read: "Settings", folder: Path, zone: ZoneInfo, *, link: bool) -> "Adoption":
    from callrec.adapters.daemon_api import DaemonApi
    from callrec.adapters.database.erasure_file import ErasureFile
    from callrec.adapters.disk.adoptable_files import DiskAdoptableFiles
    from callrec.adapters.media.encode import PyAvEncoder
    from callrec.app.library.adoption import Adoption, AdoptionPorts
    from callrec.domain.calls.ids import NodeId
    from callrec.wiring.encryption import library_of

    _same_owner(read.monitor_dir)
    entered, erasures = _Entered(read), ErasureFile(read.state_dir)

    def enter(paths: Sequence[str]) -> None:
        DaemonApi(read.state_dir).ask("POST", "/api/v1/recordings/adopted/enter", {"paths": list(paths)})

    def erased(recording: "RecordingId") -> bool:
        return bool(erasures.erased([recording]))

    library = library_of(read)
    files, encoder = DiskAdoptableFiles(folder, library.contents), PyAvEncoder(library.contents)
    ports = AdoptionPorts(files, library, encoder, enter, entered.holds, erased)
    return Adoption(ports, zone, NodeId(read.node), links=link)


class _Entered:
    """The adopted recordings that both the audit log and the catalogue have. They are read when the first one is asked for."""

    def __init__(self, read: "Settings") -> None:
        self._settings = read

    def holds(self, recording: "RecordingId") -> bool:
        """Whether this one is among them."""
        return recording in self._ids

    @cached_property
    def _ids(self) -> set[str]:
        from callrec.adapters.audit.log import FOLDER
        from callrec.adapters.audit.log_reader import DiskLogReader
        from callrec.app.access.audit_log.log_check import check_log
        from callrec.domain.errors import Misconfigured

        try:
            logged = {
                entry.recording for _, entry in check_log(DiskLogReader(self._settings.state_dir / FOLDER)).entries
            }
        except Misconfigured:  # there is no log yet
            return set()
        return logged & with_catalogue(_catalogued)


async def _catalogued(catalogue: "Catalogue") -> set[str]:
    from callrec.app.library.catalog import every
    from callrec.domain.library.manifest import StoredState
    from callrec.domain.library.search import Filter

    return {entry["id"] async for entry in every(catalogue, Filter(state=StoredState.ADOPTED))}


def _same_owner(monitor: Path) -> None:
    """Raises Refused when the library is another user's: the daemon could not read what this one adopts."""
    from callrec.domain.errors import Refused

    if monitor.exists() and monitor.stat().st_uid != os.geteuid():
        says = f"{monitor} belongs to the user {monitor.owner()}, and the daemon could not read what another one adopts"
        raise Refused("adopt-owner", says, hint=f"run it as {monitor.owner()}")


def _zone(name: str) -> ZoneInfo:
    """The zone with this name; without one, that of this machine."""
    wanted = name or os.environ.get("TZ", "").removeprefix(":")
    try:
        if wanted:
            return ZoneInfo(wanted)
        with _LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file)
    except FileNotFoundError:
        return ZoneInfo("UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise typer.BadParameter(f"there is no time zone {wanted!r}") from error
