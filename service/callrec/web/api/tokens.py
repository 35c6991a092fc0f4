"""Tokens of programs over HTTP."""

from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.access.program_tokens import MOST_DAYS, ProgramTokens
from callrec.domain.access.tokens import ProgramToken
from callrec.domain.directory.model import Permission
from callrec.web.api.records import IN_BODY, shown
from callrec.web.api.schemas import Body
from callrec.web.auth import actor_of, principal_of
from callrec.web.requests import body_of
from callrec.web.routes import Answer, Operation

_TAG = "tokens"


class TokenNew(Body):
    """A token for a program."""

    name: str = Field(min_length=1, max_length=64, description="Which program it is for.")
    permissions: list[Permission] = Field(
        min_length=1, max_length=len(Permission), description="What the program may do."
    )
    days: float | None = Field(None, gt=0, le=MOST_DAYS, description="When it expires, in days from now; null: never.")


class TokenShown(BaseModel):
    """A token, without its text."""

    id: str
    name: str
    permissions: list[Permission]
    made_s: float = Field(description="In Unix time.")
    made_by: str
    expires_s: float | None
    used_s: float | None = Field(description="When it was last used, to within a minute; null: never.")


class TokenMade(TokenShown):
    """A new token with its text, which no later answer has."""

    token: str = Field(description="What the program sends: `Authorization: Bearer ...`.")


class TokenList(BaseModel):
    """All tokens by age."""

    items: list[TokenShown]


def token_operations(tokens: ProgramTokens) -> list[Operation]:
    """The operations of tokens."""
    ok, served = HTTPStatus.OK, _Tokens(tokens)
    return [
        Operation(
            "GET", "/tokens", "listTokens", _TAG, "List the tokens of programs.", served.every,
            {ok: Answer("They, without their texts.", TokenList)}, needs=(Permission.ACCOUNTS_READ,),
        ),
        Operation(
            "POST", "/tokens", "createToken", _TAG, "Make a token for a program.", served.make,
            {HTTPStatus.CREATED: Answer("The token, with its text.", TokenMade)}, IN_BODY, body=TokenNew,
            needs=(Permission.ACCOUNTS_CHANGE,),
        ),
        Operation(
            "DELETE", "/tokens/{id}", "removeToken", _TAG, "Remove a token: it ends at once.", served.remove,
            {HTTPStatus.NO_CONTENT: Answer("It is removed.")}, (HTTPStatus.NOT_FOUND,), id_says="Its id in the list.",
            needs=(Permission.ACCOUNTS_CHANGE,),
        ),
    ]  # fmt: skip


class _Tokens:
    def __init__(self, tokens: ProgramTokens) -> None:
        self._tokens = tokens

    async def every(self, _: web.Request) -> web.Response:
        return shown({"items": [token_row(*found) for found in await self._tokens.every()]})

    async def make(self, request: web.Request) -> web.Response:
        body = await body_of(request, TokenNew)
        made, text = await self._tokens.make(
            body.name, body.permissions, body.days, actor_of(request), principal_of(request).actor
        )
        return shown({**token_row(made, None), "token": text}, HTTPStatus.CREATED)

    async def remove(self, request: web.Request) -> web.Response:
        await self._tokens.remove(request.match_info["id"], actor_of(request))
        return web.Response(status=HTTPStatus.NO_CONTENT)


def token_row(token: ProgramToken, used_s: float | None) -> dict[str, object]:
    """A token as lists show it."""
    return {
        "id": token.id,
        "name": token.name,
        "permissions": list(token.permissions),
        "made_s": token.made_s,
        "made_by": token.made_by,
        "expires_s": token.expires_s,
        "used_s": used_s,
    }
