"""The tables as one JSON document, for backups: every key that is not made again by itself.

Left out are the stream of events, sessions, browsers, counters of logins, and receipts of requests: a restored installation
begins without them.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callrec.adapters.redis import keys, scripts
from callrec.adapters.redis.connection import PATIENT_S, Address, run, within
from callrec.app.library.restore import store_not_empty
from callrec.domain.errors import Corrupt

KEPT = (
    *(keys.USERS, keys.LINES, keys.INCALLS, keys.VOICEMAILS, keys.CODES, keys.CLAIMS, keys.CONTEXTS, keys.ENTITIES),
    *(keys.PROFILES, keys.ROLES, keys.PLACES, keys.GROUPS, keys.FUNCTION_KEYS, keys.EDITION, keys.CALL_RECORD_SET),
    *(keys.REVISION, keys.LAST_CHANGE, keys.LAST_USER_ID, keys.SECOND_FACTORS, keys.TOKENS, keys.TOKENS_USED),
)
VERSION = 1
_RESTORE_S = 300.0
"""Half a million users are a few seconds."""


class _Key(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: str
    kind: Annotated[str, Field(pattern="^(hash|string)$")]
    content: list[str]


class _Document(BaseModel):
    version: Annotated[int, Field(ge=1, le=VERSION)]
    keys: list[_Key]


class TableCopy:
    """Implements `app.ports.backup.StoreCopy` for the store at this address."""

    def __init__(self, address: Address) -> None:
        self._address = address

    async def saved(self) -> bytes:
        """See ports.StoreCopy."""
        found = await self._run(scripts.SAVE_TABLES)
        saved = [{"key": KEPT[place - 1], "kind": kind, "content": content} for place, kind, content in found]
        return json.dumps({"version": VERSION, "keys": saved}, indent=1).encode() + b"\n"

    async def present(self) -> Sequence[str]:
        """See ports.StoreCopy."""
        return [KEPT[place - 1] for place, _, _ in await self._run(scripts.SAVE_TABLES)]

    async def restore(self, content: bytes) -> None:
        """See ports.StoreCopy."""
        places = {key: place for place, key in enumerate(KEPT, 1)}
        try:
            read = _Document.model_validate_json(content)
            given = [
                text
                for one in read.keys
                for text in (str(places[one.key]), one.kind, str(len(one.content)), *one.content)
            ]
        except (ValidationError, KeyError) as error:
            raise Corrupt(
                "backup-damaged", "the tables of the backup cannot be read", hint="use another backup"
            ) from error
        if there := await self._run(scripts.RESTORE_TABLES, *given):
            raise store_not_empty(len(there))

    async def _run(self, script: str, *given: str) -> Sequence[Any]:
        client = self._address.client()
        try:
            async with within(_RESTORE_S if given else PATIENT_S, self._address.shown):
                found: Sequence[Any] = await run(client, script, KEPT, *given)
                return found
        finally:
            await client.aclose()
