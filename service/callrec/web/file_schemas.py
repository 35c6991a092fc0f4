"""What the API says of a user file, as pydantic models: the same words as `callrec users import --json`."""

from typing import Literal

from pydantic import BaseModel, Field


class FileError(BaseModel):
    """One thing wrong in a user file."""

    line: int = Field(description="Of the file, from 1: the header.")
    column: str
    value: str = Field(description="What stands there, shortened; *** for a secret.")
    reason: str


class ImportedRow(BaseModel):
    """A user who is new or changed."""

    line: int
    what: Literal["new", "changed"]
    id: str = Field(description="The user's id; empty for a new one of a dry run.")
    name: str
    number: str
    fields: list[str] = Field(description="Of a changed user: COLUMN: BEFORE -> AFTER.")


class MadeSecret(BaseModel):
    """The generated secret of a line, or the generated password of a mailbox."""

    number: str = Field(description="Of the line, or of the mailbox.")
    name: str = Field(description="Of the line: what its phone logs in as; of a mailbox: whose it is.")
    secret: str
    what: Literal["line", "voicemail"]


class ImportCounts(BaseModel):
    """How many users."""

    added: int
    changed: int
    unchanged: int


class ImportReport(BaseModel):
    """What an import did, or would do."""

    repeated: bool = Field(description="This very request was done before: only the counts are told again.")
    counts: ImportCounts
    dry_run: bool
    mode: Literal["add", "update", "merge"]
    added: list[ImportedRow]
    changed: list[ImportedRow]
    unchanged_lines: list[int]
    conflicting_lines: list[int] = Field(description="Of a dry run: lines with errors, which refuse the whole file.")
    secrets: list[MadeSecret] = Field(description="What was generated; said this once.")
    errors: list[FileError] = Field(description="The first 1000.")
    count: int = Field(description="How many errors there are.")
