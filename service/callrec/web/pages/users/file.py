"""Import of users: upload or drop, look at what it changes, apply it, take the generated secrets; and export."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from callrec.app.directory.records import Records
from callrec.app.directory.user_file.import_report import EMPTY
from callrec.app.directory.user_file.jobs import FileErrors, ImportJob
from callrec.app.ports.directory import UserFiles
from callrec.domain.access.audit import Action
from callrec.domain.directory.model import ContextKind, Permission
from callrec.domain.directory.user_file.csv_text import FileRefused, escaped, separator_of, written
from callrec.domain.directory.user_file.file_looks import CANDIDATES, FileLooks, looks_of
from callrec.domain.directory.user_file.file_rules import Mode
from callrec.domain.directory.user_file.foreign_files import FileFormat, Given, known_columns, recognised
from callrec.domain.errors import Refused
from callrec.web.api.access_changes import log_access_change
from callrec.web.auth import principal_of
from callrec.web.pages.forms import Form, blank, typed
from callrec.web.pages.languages import N_, translations
from callrec.web.pages.refusals import refusal_line
from callrec.web.pages.routes import Page
from callrec.web.pages.rule_sentences import in_words
from callrec.web.pages.sentences import Sentences
from callrec.web.pages.site import SITE, page, see_other
from callrec.web.pages.users.uploads import LARGEST_BYTES, Upload, Uploads, too_large
from callrec.web.requests import change_request_under

IMPORT = "/users/import"
ONE = IMPORT + "/{ticket:[A-Za-z0-9]+}"
LIMIT_S = 600.0
MOST_ROWS = 200
"""So many rows, and so many errors, are shown on a page; all are counted."""
MOST_NAME = 100
MOST_CONTEXT, MOST_LANGUAGE = 39, 10
SEPARATORS = {"|": "|", ",": ",", ";": ";", "\t": "Tab"}
STEPS: Mapping[str, str] = {
    "reading": N_("Reading the file"),
    "comparing": N_("Comparing it with the users"),
    "passwords": N_("Hashing passwords"),
    "storing": N_("Storing"),
}
MODES = (
    (Mode.ADD, N_("Add: each row is a new user")),
    (Mode.UPDATE, N_("Update: each row changes a user who is there")),
    (Mode.MERGE, N_("Merge: both")),
)
FORMATS = (
    (FileFormat.CALLREC, "XiVO, callrec"),
    (FileFormat.WAZO, "Wazo"),
    (FileFormat.FREEPBX, "FreePBX"),
)
LEFT_OUT = (
    N_("the rules of some kinds of calls only (line %(lines)s): set them by the API, or by callrec users set"),
    N_("the rules of some kinds of calls only (line %(lines)s and more): set them by the API, or by callrec users set"),
)
"""What `foreign_files` says that it does not take over, besides names of columns."""
_LEFT_OUT = Sentences(LEFT_OUT)
_NEEDS = (Permission.USERS_READ, Permission.USERS_CHANGE, Permission.ACCOUNTS_CHANGE)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read: what its rows do, in which encoding it is (empty: as found), and whose columns it has."""

    mode: Mode
    encoding: str
    given: Given

    @classmethod
    def of(cls, said: Mapping[str, str]) -> "Reading":
        """What a form or an address says; what is unknown counts as not said."""
        file_format = FileFormat(said["format"]) if said.get("format") in set(FileFormat) else None
        usual = Given()
        given = Given(
            file_format,
            said.get("context", "").strip()[:MOST_CONTEXT] or usual.context,
            said.get("language", "").strip()[:MOST_LANGUAGE] or usual.language,
        )
        encoding = said.get("encoding", "") if said.get("encoding") in {"utf-8", *CANDIDATES} else ""
        return cls(_mode(said), encoding, given)


class ImportPages:
    """The handlers."""

    def __init__(self, files: UserFiles, records: Records, uploads: Uploads) -> None:
        self._files, self._records, self._uploads = files, records, uploads

    def pages(self) -> list[Page]:
        """The table of pages."""
        return [
            Page("GET", IMPORT, "importUsers", self.show, needs=_NEEDS),
            Page("POST", IMPORT, "uploadUsers", self.upload, needs=_NEEDS, limit_s=LIMIT_S),
            Page("GET", ONE, "previewImport", self.preview, needs=_NEEDS, limit_s=LIMIT_S),
            Page("POST", ONE, "applyImport", self.apply, needs=_NEEDS, limit_s=LIMIT_S),
            Page("GET", f"{ONE}/progress", "progressOfImport", self.progress, needs=_NEEDS),
            Page("GET", f"{ONE}/result", "resultOfImport", self.result, needs=_NEEDS),
            Page("GET", f"{ONE}/secrets.csv", "secretsOfImport", self.secrets, needs=_NEEDS),
            Page("POST", f"{ONE}/forget", "forgetImport", self.forget, needs=_NEEDS),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The form."""
        return _form(request, blank(request))

    async def upload(self, request: web.Request) -> web.Response:
        """Take a file, and lead to its preview."""
        form = blank(request)
        if request.content_type != "multipart/form-data":
            form.add("file", N_("Choose a file first."))
            return _form(request, form)
        name, pieces, mode = "", list[bytes](), Mode.ADD.value
        try:
            async for part in await request.multipart():
                if getattr(part, "name", None) == "file":
                    name = (getattr(part, "filename", None) or "")[:MOST_NAME]
                    pieces = await _pieces(part)
                elif getattr(part, "name", None) == "mode":
                    mode = (await part.read(decode=True)).decode("utf-8", "replace")[:10]  # type: ignore[union-attr]
                    form.values["mode"] = [mode]
            if not any(pieces):
                form.add("file", N_("Choose a file first."))
                return _form(request, form)
            ticket = self._uploads.keep(principal_of(request).actor, name, pieces)
        except Refused as refused:
            form.refuse_at("file", refused)
            return _form(request, form)
        known = mode if mode in set(Mode) else Mode.ADD.value
        return see_other(f"{IMPORT}/{ticket}?mode={known}")

    async def preview(self, request: web.Request) -> web.Response:
        """What the file would change, and every error."""
        upload = self._upload(request)
        if upload.result is not None:
            return see_other(f"{request.path}/result")
        return await self._previewed(request, upload, Reading.of(request.query))

    async def apply(self, request: web.Request) -> web.Response:
        """Import the file."""
        form, upload = await typed(request), self._upload(request)
        reading = Reading.of({name: form.value(name) for name in ("mode", "encoding", "format", "context", "language")})
        if upload.result is not None or upload.is_running:
            return see_other(f"{request.path}/result")
        upload.is_running = True
        try:
            await log_access_change(request, Action.ACCOUNT_CHANGED, "", f"import of a user file, mode {reading.mode}")
            upload.result = await self._done(request, upload, reading, dry_run=False)
            await self._records.seen()
        except FileErrors as refused:
            return await self._previewed(request, upload, reading, said=refused)
        finally:
            upload.is_running = False
        return see_other(f"{request.path}/result")

    async def progress(self, request: web.Request) -> web.Response:
        """How far the import is, for the script of the page."""
        upload = self._upload(request)
        now = upload.progress
        said = {"running": upload.is_running, "step": now.step, "done": now.done, "all": now.all}
        return web.json_response(said)

    async def result(self, request: web.Request) -> web.Response:
        """What the import has done."""
        upload = self._upload(request)
        if upload.result is None and not upload.is_running:
            return see_other(request.path.removesuffix("/result"))
        return page(
            request, "users/imported.html", upload=upload, result=upload.result, most=MOST_ROWS, steps=STEPS,
            path=request.path.removesuffix("/result"),
        )  # fmt: skip

    async def secrets(self, request: web.Request) -> web.Response:
        """The generated secrets as a file."""
        upload = self._upload(request)
        found = (upload.result or {}).get("secrets")
        columns = ("what", "number", "name", "secret")
        rows = [
            [escaped(name, str(one.get(name, ""))) for name in columns]
            for one in (found if isinstance(found, list) else [])
        ]
        disposition = {"Content-Disposition": 'attachment; filename="secrets.csv"'}
        return web.Response(
            text=written([columns, *rows]), content_type="text/csv", charset="utf-8", headers=disposition
        )

    async def forget(self, request: web.Request) -> web.Response:
        """Drop the file, and the secrets."""
        await typed(request)
        self._uploads.forget(request.match_info["ticket"], principal_of(request).actor)
        return see_other("/users")

    def _upload(self, request: web.Request) -> Upload:
        return self._uploads.find(request.match_info["ticket"], principal_of(request).actor)

    async def _previewed(
        self, request: web.Request, upload: Upload, reading: Reading, said: FileErrors | None = None
    ) -> web.Response:
        looks, whose = await asyncio.to_thread(_looks, upload, reading)
        report: dict[str, Any] = {}
        language = request.app[SITE].language(request)
        why = ""
        errors: list[dict[str, object]] = []
        count = 0
        try:
            if said:
                raise said
            report = await self._done(request, upload, reading, dry_run=True)
            errors, count = report["errors"], report["count"]
        except FileErrors as refused:
            errors, count = refused.errors, refused.count
        except Refused as refused:
            why = refusal_line(refused, language)
        return page(
            request, "users/preview.html", in_words=in_words, changed_words=changed_words,
            left_out=[left_out_words(one, language) for one in report.get("left_out", ())],
            upload=upload, looks=looks, report=report, errors=errors[:MOST_ROWS],
            count=count, why=why, reading=reading, modes=MODES, formats=FORMATS, whose=whose.value, most=MOST_ROWS,
            contexts=sorted(one.name for one in self._records.directory.contexts() if one.kind is ContextKind.INTERNAL),
            candidates=("utf-8", *CANDIDATES), separator=SEPARATORS.get(looks.separator, ""), path=request.path,
            ticket=request.match_info["ticket"], steps=STEPS,
        )  # fmt: skip

    async def _done(self, request: web.Request, upload: Upload, reading: Reading, *, dry_run: bool) -> dict[str, Any]:
        """The report of an import or of its dry run. Raises FileErrors, Refused, Unavailable."""
        request_id = f"page:import:{request.match_info['ticket']}"
        change_request = change_request_under(request)
        if not dry_run:  # the ticket is the key: a form that is sent twice imports once
            change_request = replace(change_request, request_id=request_id, may_be_repeated=True)
        job = ImportJob(change_request, reading.mode, dry_run, reading.encoding or None, reading.given)
        async with self._files.done(job, upload.chunks(), tell=upload.progress.tell) as done:
            text = b"".join([chunk async for chunk in done.chunks])
        report: dict[str, Any] = await asyncio.to_thread(json.loads, text)
        return report


async def _pieces(part: Any) -> list[bytes]:
    """The bytes of a part of the form. Raises Refused when they are too many."""
    pieces, kept = list[bytes](), 0
    while piece := await part.read_chunk(64 * 1024):
        kept += len(piece)
        if kept > LARGEST_BYTES:
            raise too_large()
        pieces.append(piece)
    return pieces


def _form(request: web.Request, form: Form) -> web.Response:
    return page(request, "users/import.html", form=form, modes=MODES, most_mib=LARGEST_BYTES // 1024 // 1024)


def left_out_words(one: str, language: str) -> str:
    """What an import leaves out, in the language: a sentence, or the name of a column."""
    told = _LEFT_OUT.told(one, language)
    return told or translations(language).gettext(N_("the column %(column)s")) % {"column": one}


def changed_words(one: str, language: str) -> str:
    """What changes in a field, as the report says it (`column: before -> after`), in the language."""
    empty = translations(language).gettext(N_("(empty)"))
    column, _, values = one.partition(": ")
    if values.startswith(f"{EMPTY} -> "):
        values = empty + values.removeprefix(EMPTY)
    if values.endswith(f" -> {EMPTY}"):
        values = values.removesuffix(EMPTY) + empty
    return f"{column}: {values}"


def _mode(given: Mapping[str, str]) -> Mode:
    return Mode(given["mode"]) if given.get("mode") in set(Mode) else Mode.ADD


def _looks(upload: Upload, reading: Reading) -> tuple[FileLooks, FileFormat]:
    """What the file looks like, and whose columns it has. Blocking."""
    content = upload.content()
    looks = looks_of(content, reading.encoding)
    text = content.decode(looks.encoding, "replace") if looks.encoding else ""
    try:
        whose = reading.given.format or recognised(text)
    except FileRefused:  # its errors are told by the preview
        whose = FileFormat.CALLREC
    return replace(looks, separator=separator_of(text, known_columns(whose)) if text else ""), whose
