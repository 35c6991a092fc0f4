"""Answers about user files as pydantic models, with the same fields as `callrec users import --json`."""

from typing import Literal

from pydantic import BaseModel, Field

from callrec.domain.directory.user_file.foreign_files import FileFormat


class FileError(BaseModel):
    """One error in a user file."""

    line: int = Field(description="The line in the file; the header is line 1.")
    column: str
    value: str = Field(description="The wrong value, shortened; *** for a secret.")
    reason: str


class ImportedRow(BaseModel):
    """A user who is new or changed."""

    line: int
    what: Literal["new", "changed"]
    id: str = Field(description="The user's id; empty for a new one of a dry run.")
    name: str
    number: str
    fields: list[str] = Field(description="For a changed user: COLUMN: BEFORE -> AFTER.")


class MadeSecret(BaseModel):
    """The generated secret of a line, or the generated password of a mailbox."""

    number: str = Field(description="The number of the line or the mailbox.")
    name: str = Field(description="For a line: the name with which its phone logs in; for a mailbox: its user.")
    secret: str
    what: Literal["line", "voicemail"]


class ImportCounts(BaseModel):
    """Numbers of users."""

    added: int
    changed: int
    unchanged: int


class ImportReport(BaseModel):
    """The result of an import or of its dry run."""

    repeated: bool = Field(description="The same request was executed before: this answer has only its counts.")
    counts: ImportCounts
    dry_run: bool
    mode: Literal["add", "update", "merge"]
    format: FileFormat = Field(
        description="Whose columns the file has; of a repeated request that was not told: callrec."
    )
    left_out: list[str] = Field(description="Columns of another program's file that were not taken over.")
    added: list[ImportedRow]
    changed: list[ImportedRow]
    unchanged_lines: list[int]
    conflicting_lines: list[int] = Field(
        description="In a dry run: lines with errors; an import would refuse the file."
    )
    secrets: list[MadeSecret] = Field(description="The generated secrets; shown only in this answer.")
    errors: list[FileError] = Field(description="The first 1000 errors.")
    count: int = Field(description="The number of all errors.")
