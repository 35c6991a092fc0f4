"""At which queue or conference a leg is, by what Asterisk says that it runs."""

from callrec.app.calls.legs.leg_places import LegPlaces
from callrec.domain.calls.ids import LegId
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Place, Tables
from callrec.domain.rules import PlaceKind, PlaceRule, Rule

LEG, OTHER = LegId("1.1"), LegId("1.2")
SALES, SUPPORT, ROOM = (
    PlaceRule(Rule.ALWAYS, "queue:sales"),
    PlaceRule(Rule.NEVER, "queue:Support"),
    PlaceRule(Rule.ALWAYS, "conference:7003"),
)
TABLES = Tables(
    places=(
        Place(PlaceKind.QUEUE, "sales", Rule.ALWAYS),
        Place(PlaceKind.QUEUE, "Support", Rule.NEVER),
        Place(PlaceKind.CONFERENCE, "7003", Rule.ALWAYS),
    )
)


def places(*runs: tuple[str, str, bool]) -> LegPlaces:
    """What is known when Asterisk has told these of the leg, one after another: application, arguments, whether in a bridge."""
    found = LegPlaces(Directory(TABLES))
    for application, arguments, in_bridge in runs:
        found.told(LEG, application, arguments, in_bridge=in_bridge)
    return found


def test_asterisk_is_asked_only_when_a_queue_or_a_conference_has_a_rule() -> None:
    trunk = Tables(places=(Place(PlaceKind.TRUNK, "provider", Rule.ALWAYS),))
    assert [LegPlaces(Directory(tables)).are_needed for tables in (Tables(), trunk, TABLES)] == [False, False, True]


def test_the_first_argument_is_the_name_in_whatever_case() -> None:
    legs = places()
    for application, arguments, rule in (
        ("Queue", "SUPPORT,c,,,30", SUPPORT),
        ("queue", "sales", SALES),
        ("ConfBridge", "7003,,,recordable", ROOM),
        ("ConfBridge", "7004", None),
        ("Queue", "", None),
    ):
        legs.told(LEG, application, arguments, in_bridge=False)
        assert legs.rule_of(LEG) == rule, (application, arguments)


def test_a_caller_who_left_a_queue_without_a_talk_is_its_caller_no_more() -> None:
    legs = places(("Queue", "support", False), ("Dial", "PJSIP/1000", False))
    assert legs.rule_of(LEG) is None


def test_a_caller_who_has_talked_stays_its_caller_until_another_queue_takes_the_call() -> None:
    """A transfer leads to a phone, then back into another queue."""
    legs = places(
        ("Queue", "support", False),
        ("Queue", "support", True),
        ("Queue", "Support", False),
        ("Dial", "PJSIP/1000", True),
        ("", "", True),
    )
    assert legs.rule_of(LEG) == SUPPORT
    legs.told(LEG, "Queue", "sales", in_bridge=False)
    assert legs.rule_of(LEG) == SALES


def test_a_conference_ends_with_the_conference() -> None:
    legs = places(("ConfBridge", "7003", True), ("Playback", "goodbye", False))
    assert legs.rule_of(LEG) is None


def test_what_was_told_of_a_leg_goes_with_it() -> None:
    legs = places(("Queue", "sales", True))
    legs.inherits(OTHER, [LegId("9"), LEG])
    legs.gone(LEG)
    legs.gone(LEG)
    assert (legs.rule_of(LEG), legs.rule_of(OTHER)) == (None, SALES)


def test_the_queue_in_which_a_caller_has_talked_is_noted_until_another_place_takes_the_call() -> None:
    legs = places(("Queue", "sales", False))
    assert legs.unnoted([LEG, OTHER]) == {}
    legs.told(LEG, "Queue", "sales", in_bridge=True)
    assert legs.unnoted([LEG, OTHER]) == {LEG: "sales"}
    legs.noted(LEG, "sales")
    legs.told(LEG, "Dial", "PJSIP/1000", in_bridge=True)
    assert legs.unnoted([LEG]) == {}
    legs.told(LEG, "ConfBridge", "7003", in_bridge=True)
    assert legs.unnoted([LEG]) == {LEG: ""}
    legs.gone(LEG)
    assert legs.unnoted([LEG]) == {}


def test_a_note_of_a_daemon_before_counts_until_another_place_takes_the_call() -> None:
    legs = places()
    legs.found_note(LEG, "support")
    legs.told(LEG, "Dial", "PJSIP/1000", in_bridge=True)
    assert (legs.rule_of(LEG), legs.unnoted([LEG])) == (SUPPORT, {})
    legs.told(LEG, "Queue", "sales", in_bridge=False)
    assert (legs.rule_of(LEG), legs.unnoted([LEG])) == (SALES, {LEG: ""})
