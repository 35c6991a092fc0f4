"""How many places have a rule."""

from callrec.domain.directory.model import Context, ContextKind, Incall, Place, User
from callrec.domain.directory.ruled_places import WHERE_IT_CAME_IN, RuledPlaces
from callrec.domain.rules import PlaceKind, Rule, UserId

QUEUE = Place(PlaceKind.QUEUE, "support", Rule.ALWAYS)
DID = Incall("2050", "from-extern", UserId("1"), record=Rule.NEVER)
RECORDS = (QUEUE, DID, Context("a", ContextKind.INCALL), User(UserId("1"), "Ann"))


def test_only_records_with_a_rule_count() -> None:
    places = RuledPlaces(RECORDS)
    assert places.any_of(PlaceKind.QUEUE, PlaceKind.CONFERENCE)
    assert places.any_of(WHERE_IT_CAME_IN)
    assert not places.any_of(PlaceKind.TRUNK)


def test_the_last_one_that_goes_takes_its_kind_with_it() -> None:
    places = RuledPlaces((*RECORDS, QUEUE))
    for table_record in (QUEUE, *RECORDS, None):
        assert places.any_of(PlaceKind.QUEUE) is (table_record is QUEUE or table_record in RECORDS[:1])
        places.forget(table_record)
    assert not places.any_of(WHERE_IT_CAME_IN, *PlaceKind)
