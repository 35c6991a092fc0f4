"""The pages: one table, from which their routes, their permissions and the navigation are made."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from callrec.domain.directory.model import Permission
from callrec.web.routes import Handler

_PATTERN = re.compile(r"\{([a-z]+):[^/]+\}")


@dataclass(frozen=True, slots=True)
class Page:
    """One method of one path. GET shows; POST is a form, which does something and leads (303) to a page that shows."""

    method: str
    path: str
    """In aiohttp's notation, e.g. `/recordings/{id}`."""
    name: str
    """For the audit log and the tests: `recordings`, `holdRecording`."""
    handler: Handler
    needs: tuple[Permission, ...] = field(kw_only=True)
    """As an operation's: all of these the person must have; () for each person who has logged in."""
    is_open: bool = False
    """Whether people may ask who have not logged in."""
    says: Mapping[str, str] = field(default_factory=dict)
    """Sentences that the page shows for `?done=word`, by word: what a form has done."""
    limit_s: float | None = None
    """The time limit of the handler in seconds; None for the usual one."""

    @property
    def path_shown(self) -> str:
        """The path as aiohttp names the route: without regular expressions."""
        return _PATTERN.sub(r"{\1}", self.path)
