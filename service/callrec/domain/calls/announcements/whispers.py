"""By way of which leg a participant hears a sound that is mixed into the call.

A sound is mixed into what a leg hears, after Asterisk has translated it for that. As long as a recorder is on the leg, recorder
and sound share that translation; where it drops the partner's frames (docs/decisions/0017-the-deaf-leg.md) it drops the sound
with them, and the phone hears the partner alone. Then the sound goes by way of the partner: it is mixed into what the partner's
leg *says*, which is translated for itself.
"""

from callrec.domain.calls.captures.partner_captures import may_be_deaf
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.session import Session


def way_to(session: Session, leg: LegId) -> LegId | None:
    """The partner in whose voice this leg has to hear a sound; None where it hears it by itself.

    While more than two talk, all others would hear it as well: then Asterisk makes the sound of the conversation itself, with
    numbers of its own."""
    capture = session.capture
    if (
        capture is None
        or capture.leg != leg
        or capture.id not in session.open_captures
        or not may_be_deaf(session, capture)
    ):
        return None
    others = [one for one in session.phones(leg) if one != leg]
    return others[0] if len(others) == 1 else None
