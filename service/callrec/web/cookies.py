"""The cookies of people who have logged in.

Over https their names begin with `__Host-`: the browser then takes them from this very host only, with Secure, and sends them
back to it only. Plain http is for this machine alone; there the names are others, since browsers refuse such a name without
https."""

import re
from dataclasses import dataclass

from aiohttp import web

from callrec.domain.access.login_limits import DEVICE_KEPT_S
from callrec.web.clients import Way

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class CookieNames:
    """The cookies of one kind of way."""

    session: str
    device: str


SECURE = CookieNames("__Host-callrec", "__Host-callrec-device")
LOCAL = CookieNames("callrec-local", "callrec-local-device")


def names_of(way: Way) -> CookieNames | None:
    """The names of the cookies on this way; None where no session can be used."""
    if way.is_encrypted:
        return SECURE
    return LOCAL if way.is_local else None


def secret_in(request: web.Request, name: str) -> str:
    """The secret in this cookie; empty without one, and for anything else than callrec has set."""
    said = request.cookies.get(name, "")
    return said if _SECRET.fullmatch(said) else ""


def give(answer: web.Response, way: Way, secret: str, device: str) -> None:
    """Set the session's cookie, which ends with the browser, and the device's if there is a new one."""
    names = names_of(way)
    assert names is not None, "the way was checked before the login"  # noqa: S101 - a defect of ours
    _set(answer, names.session, secret, way, max_age_s=None)
    if device:
        _set(answer, names.device, device, way, max_age_s=int(DEVICE_KEPT_S))


def take_away(answer: web.Response, way: Way) -> None:
    """Remove the session's cookie."""
    if names := names_of(way):
        _set(answer, names.session, "", way, max_age_s=0)


def _set(answer: web.Response, name: str, value: str, way: Way, *, max_age_s: int | None) -> None:
    answer.set_cookie(
        name, value, max_age=max_age_s, path="/", secure=way.is_encrypted, httponly=True, samesite="Strict"
    )
