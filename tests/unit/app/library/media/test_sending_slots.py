"""Who may have how many of the places for files that are being sent."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from stored_library import StoredLibrary

from callrec.app.library.media.logged_access import Asker
from callrec.app.library.media.sending_slots import Places
from callrec.domain.access.principals import DAEMON, Principal, PrincipalKind
from callrec.domain.errors import Unavailable
from callrec.domain.vocabulary import DropReason

LINK, ACCOUNT = Asker(Principal(PrincipalKind.LINK, "l1")), Asker(Principal(PrincipalKind.ACCOUNT, "7"))


def test_one_link_does_not_take_all_places(tmp_path: Path) -> None:
    """Above its part a link has to wait while others still find places, until one of its own is free again."""
    heard = StoredLibrary(tmp_path)
    places = Places("files", heard)
    with ExitStack() as held:
        first = held.enter_context(ExitStack())
        first.enter_context(places.taken(LINK, 4, 2))
        held.enter_context(places.taken(LINK, 4, 2))
        with pytest.raises(Unavailable, match="2 of your files"), places.taken(LINK, 4, 2):
            pass
        with places.taken(ACCOUNT, 4, 2):
            pass
        first.close()
        with places.taken(LINK, 4, 2):
            pass
    assert heard.lost == [DropReason.MEDIA]


def test_the_daemons_own_token_may_take_all_places_and_no_more(tmp_path: Path) -> None:
    """Who has it may do everything; the bound of all holds for it too."""
    places = Places("files", StoredLibrary(tmp_path))
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(places.taken(Asker(DAEMON), 4, 2))
        with pytest.raises(Unavailable, match="4 files"), places.taken(ACCOUNT, 4, 2):
            pass
