"""Legal holds on all recordings that meet conditions: put, or ended, each with a preview."""

from dataclasses import dataclass

from callrec.app.library.changing_many import ChangedMany, ChangingMany, Planning
from callrec.app.library.media.logged_access import Asker
from callrec.domain.access.audit import Action
from callrec.domain.library.annotations import has_hold_of, held_once, is_held_for, released_of
from callrec.domain.library.search import Filter


@dataclass(frozen=True, slots=True)
class Case:
    """Why recordings are held, or need not be any longer. `reference`: of a case or ticket."""

    reason: str
    reference: str = ""


class Holding:
    """The use case."""

    def __init__(self, many: ChangingMany) -> None:
        self._many = many

    async def hold(self, wanted: Filter, case: Case, asker: Asker, *, is_preview: bool = False) -> ChangedMany:
        """Hold each that meets the conditions, once for a case: also who sends it again adds no second hold. Raises as
        `ChangingMany.each`."""
        change = Planning(
            Action.HELD,
            lambda by, _: held_once(case.reason, case.reference, by),
            lambda found: not is_held_for(found, case.reason, case.reference),
            case.reason,
        )
        return await self._many.each(wanted, change, asker, is_preview=is_preview)

    async def release(self, wanted: Filter, case: Case, asker: Asker, *, is_preview: bool = False) -> ChangedMany:
        """End the holds with the case's reference; with an empty one all holds. Raises as `ChangingMany.each`."""
        change = Planning(
            Action.RELEASED,
            lambda _by, _s: released_of(case.reference),
            lambda found: has_hold_of(found, case.reference),
            case.reason,
        )
        return await self._many.each(wanted, change, asker, is_preview=is_preview)
