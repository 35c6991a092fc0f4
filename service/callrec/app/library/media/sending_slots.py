"""Places for files and exports that are being sent: a few in all, and of these a part at most for each who asks."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from callrec.app.library.media.logged_access import Asker
from callrec.app.ports.media import MediaNotices
from callrec.domain.access.principals import PrincipalKind
from callrec.domain.errors import Unavailable
from callrec.domain.vocabulary import DropReason

if TYPE_CHECKING:
    from callrec.domain.access.audit import Actor


class Places:
    """The places of one kind. `what` is sent in them, in the plural."""

    def __init__(self, what: str, notices: MediaNotices) -> None:
        self._what, self._notices = what, notices
        self._taken = 0
        self._of: Counter[Actor] = Counter()

    @contextmanager
    def taken(self, asker: Asker, most: int, most_each: int) -> Iterator[None]:
        """One place, of `most` in all and `most_each` for an account, a token or a link; the daemon's own token, which stands for
        the administrator of this machine, has no part of its own. Raises Unavailable (`media-busy`)."""
        actor, is_counted = asker.actor, asker.principal.kind not in {PrincipalKind.DAEMON, PrincipalKind.MACHINE}
        if self._taken >= most or (is_counted and self._of[actor] >= most_each):
            self._notices.dropped(DropReason.MEDIA)
            says = f"{most} {self._what} are" if self._taken >= most else f"{most_each} of your {self._what} are"
            raise Unavailable("media-busy", f"{says} being sent", hint="try again later")
        self._taken += 1
        self._of[actor] += 1
        try:
            yield
        finally:
            self._taken -= 1
            self._of[actor] -= 1
            if not self._of[actor]:
                del self._of[actor]
