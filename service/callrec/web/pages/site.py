"""Makes pages of templates, for the person who asks."""

import secrets
from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from callrec import __version__
from callrec.app.ports.directory import TableCopy
from callrec.domain.access.principals import Principal
from callrec.domain.directory.model import User
from callrec.web.auth import known_principal
from callrec.web.pages.icons import icon
from callrec.web.pages.languages import LANGUAGES, locale_of, preferred_language, translations
from callrec.web.pages.navigation import home, reachable
from callrec.web.pages.routes import Page
from callrec.web.pages.view import View, attributes, length, zone_of
from callrec.web.static_files import StaticFiles

TEMPLATES = Path(__file__).parent.parent / "templates"
ZONE_COOKIE = "callrec-zone"
"""Its value is the name of the browser's time zone; a script sets it."""
DONE = "done"
MOST_ZONE = 64


class Site:
    """All pages. `tables` knows the names of people."""

    def __init__(self, pages: Sequence[Page], tables: TableCopy | None, node: str = "") -> None:
        self.pages = pages
        self.static = StaticFiles()
        self._tables, self._node = tables, node

    def view(self, request: web.Request, nonce: str = "") -> View:
        """For the person who asks."""
        principal = known_principal(request)
        language, user = self.language(request), self._user(request)
        done = self._done(request)
        return View(
            language,
            locale_of(language),
            zone_of(request.cookies.get(ZONE_COOKIE, "")[:MOST_ZONE]),
            nonce,
            principal,
            user.name if user else "",
            request.path,
            reachable(self.pages, principal, request.path) if principal else (),
            translations(language).gettext(done) if done else "",
            static=self.static.address,
        )

    def language(self, request: web.Request) -> str:
        """That of the person's account; else the one that the browser likes best."""
        user = self._user(request)
        return (user.page_language if user else "") or preferred_language(request.headers.get("Accept-Language", ""))

    def _user(self, request: web.Request) -> User | None:
        principal = known_principal(request)
        return self._tables.directory.user(principal.user) if self._tables and principal and principal.user else None

    def home(self, principal: Principal) -> str:
        """The path of the first page that this principal wants to see."""
        return home(self.pages, principal)

    def page(
        self, request: web.Request, template: str, status: int = HTTPStatus.OK, *, block: str = "", **values: object
    ) -> web.Response:
        """The page that a template makes of these values. `block`: only this block of it, for a part that a script replaces."""
        nonce = secrets.token_urlsafe(16)
        view = self.view(request, nonce)
        found = environment(view.language).get_template(template)
        context = {"view": view, "node": self._node, "version": __version__, "languages": LANGUAGES, **values}
        text = "".join(found.blocks[block](found.new_context(context))) if block else found.render(context)
        return web.Response(
            text=text, status=status, content_type="text/html", charset="utf-8", headers=headers(nonce, view.language)
        )

    @staticmethod
    def drawn(view: View, template: str, **values: object) -> str:
        """A part of a page by itself, for this person."""
        return environment(view.language).get_template(template).render({"view": view, **values})

    def _done(self, request: web.Request) -> str:
        """The sentence for `?done=word` of the page that is shown, in English; the word alone comes from outside."""
        word = request.query.get(DONE, "")
        route = request.match_info.route.resource
        here = route.canonical if route else ""
        return next((one.says[word] for one in self.pages if one.path_shown == here and word in one.says), "")


SITE = web.AppKey("site", Site)


def page(
    request: web.Request, template: str, status: int = HTTPStatus.OK, *, block: str = "", **values: object
) -> web.Response:
    """As `Site.page`, of the site that this request is for."""
    return request.app[SITE].page(request, template, status, block=block, **values)


def see_other(path: str, done: str = "") -> web.Response:
    """The answer to a form that has done something: the browser shows this page. `done`: a word of its `says`."""
    mark = "&" if "?" in path else "?"
    return web.Response(
        status=HTTPStatus.SEE_OTHER, headers={"Location": f"{path}{mark}{DONE}={done}" if done else path}
    )


def wants_part(request: web.Request) -> bool:
    """Whether a script of ours asks for a part of the page. Back and forward show a whole one."""
    whole = ("HX-Boosted", "HX-History-Restore-Request")
    return request.headers.get("HX-Request") == "true" and "true" not in map(request.headers.get, whole)


def headers(nonce: str, language: str) -> dict[str, str]:
    """The headers of a page: scripts and styles of this host alone, and styles that a script adds with this nonce."""
    policy = (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self'; "
        f"style-src 'self' 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Content-Language": language,
        "Referrer-Policy": "same-origin",  # without a referrer browsers send forms with `Origin: null`
    }


@cache
def environment(language: str) -> Environment:
    """The templates in a language."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    words = translations(language)
    made.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.filters["length_s"] = length
    made.globals |= {"attributes": attributes, "icon": icon}
    return made
