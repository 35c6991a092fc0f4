"""The look-ups of the call path, and what one change does to them."""

from dataclasses import replace

from callrec.domain.directory.directory import Directory, Party
from callrec.domain.directory.edit import Table, place
from callrec.domain.directory.model import (
    DEFAULT_CODES,
    Context,
    ContextKind,
    Feature,
    FeatureCode,
    FunctionKey,
    Group,
    Incall,
    Line,
    Place,
    Range,
    Tables,
    User,
    Voicemail,
)
from callrec.domain.directory.table_changes import CodeChanged, Difference, RecordsChanged, UserChanged
from callrec.domain.directory.unique_keys import Kind, claims
from callrec.domain.rules import PlaceKind, PlaceRule, Rule, UserId

QUEUE = Place(PlaceKind.QUEUE, "Support", Rule.ALWAYS)
JOHN = User(UserId("1"), "John", "Doe", username="john", agentnumber="5")
ADA = User(UserId("2"), "Ada")
DESK = Line("desk", JOHN.id, "1000", "default")
SCCP = Line("1001", JOHN.id, "1001", "default", "sccp")
ORPHAN = Line("orphan", UserId("9"), "1009", "default")
DID = Incall("2050", "from-extern", JOHN.id)
LOST_DID = Incall("2051", "from-extern", UserId("9"))
SALES = Context("sales", ContextKind.INTERNAL, (Range("3000", "3099"),))
BOX = Voicemail("1000", "default", JOHN.id, "John Doe")
TABLES = Tables((JOHN, ADA), (DESK, SCCP, ORPHAN), (DID, LOST_DID), (BOX,))


def test_look_ups():
    """Endpoint, extension, DID and id lead to the user; what is unknown gives None."""
    directory = Directory(TABLES)
    assert Party(JOHN, DESK) == directory.by_endpoint("PJSIP/desk")
    assert Party(JOHN, SCCP) == directory.by_endpoint("SCCP/1001")
    assert Party(JOHN, DESK) == directory.by_extension("1000", "default")
    assert (JOHN, DID) == directory.by_did("2050", "from-extern")
    assert JOHN == directory.user(JOHN.id)
    assert (DESK, SCCP) == directory.lines_of(JOHN.id)
    assert (BOX,) == directory.voicemails_of(JOHN.id)
    assert ([JOHN, ADA], 3, 2) == (list(directory.users()), len(directory.lines()), len(directory.incalls()))


def test_a_number_speaks_its_own_language_or_its_users():
    """Named as Asterisk names its folders; a number that is not known speaks none."""
    french = replace(TABLES, incalls=(replace(DID, language="fr_CA"),))
    assert Directory(french).language_at("from-extern", "2050") == "fr"
    english = replace(TABLES, users=tuple(replace(user, language="en_US") for user in TABLES.users))
    assert Directory(english).language_at("from-extern", "2050") == "en"
    assert Directory(english).language_at("from-extern", "1") == ""


def test_rules_of_a_number_come_before_those_of_its_context():
    """Each names its place; where nothing is said there is none."""
    contexts = (Context("from-extern", ContextKind.INCALL, record=Rule.NEVER), Context("default", ContextKind.INTERNAL))
    directory = Directory(replace(TABLES, incalls=(replace(DID, record=Rule.ALWAYS),), contexts=contexts))
    number = PlaceRule(Rule.ALWAYS, "incall:2050@from-extern")
    context = PlaceRule(Rule.NEVER, "context:from-extern")
    assert (number, context) == directory.rules_at("from-extern", "2050")
    assert (context,) == directory.rules_at("from-extern", "1")
    assert () == directory.rules_at("default", "1000") == directory.rules_at("elsewhere", "2050")
    assert () == Directory(TABLES).rules_at("from-extern", "2050")


def test_it_knows_whether_any_number_or_context_has_a_rule():
    """Where a call came in is asked only then."""
    directory = Directory(TABLES)
    ruled = replace(DID, record=Rule.NEVER)
    assert not directory.has_rules_at()
    directory.apply(RecordsChanged(((*place(ruled), ruled),)))
    assert directory.has_rules_at()
    directory.apply(RecordsChanged(((*place(DID), DID),)))
    assert not directory.has_rules_at()
    assert Directory(replace(TABLES, contexts=(Context("a", ContextKind.INCALL, record=Rule.ALWAYS),))).has_rules_at()


def test_a_trunk_a_queue_and_a_conference_have_rules_of_their_own():
    """Asterisk takes queues, and conferences, as one when they differ in upper and lower case only; a trunk's name is exact."""
    directory = Directory(replace(TABLES, places=(QUEUE, Place(PlaceKind.TRUNK, "Provider", Rule.NEVER))))
    assert directory.rule_of(PlaceKind.QUEUE, "SUPPORT") == PlaceRule(Rule.ALWAYS, "queue:Support")
    assert directory.rule_of(PlaceKind.TRUNK, "Provider") == PlaceRule(Rule.NEVER, "trunk:Provider")
    assert directory.rule_of(PlaceKind.TRUNK, "provider") is None
    assert directory.rule_of(PlaceKind.CONFERENCE, "support") is None


def test_it_knows_whether_any_place_of_a_kind_has_a_rule():
    """Asterisk is asked only then what the legs of a call run."""
    directory, key = Directory(TABLES), (Table.PLACES, "queue:support")
    assert not directory.has_rule_of(*PlaceKind)
    assert directory.apply(RecordsChanged(((*key, QUEUE),))).others
    assert directory.has_rule_of(PlaceKind.QUEUE, PlaceKind.CONFERENCE)
    assert not directory.has_rule_of(PlaceKind.CONFERENCE)
    assert directory.apply(RecordsChanged(((*key, None),))).others
    assert not directory.has_rule_of(*PlaceKind)


def test_unknown_keys_give_nothing():
    """An unknown key, or a line whose user is gone, gives nothing and raises nothing."""
    directory = Directory(TABLES)
    assert directory.by_endpoint("PJSIP/nobody") is None
    assert directory.by_endpoint("PJSIP/orphan") is None
    assert directory.by_extension("1000", "elsewhere") is None
    assert directory.by_did("1", "from-extern") is None
    assert directory.by_did("2051", "from-extern") is None
    assert directory.user(UserId("404")) is None
    assert () == directory.lines_of(UserId("404")) == directory.voicemails_of(UserId("404"))


def test_codes_have_defaults():
    """A feature without a stored code has the shipped one; a stored one comes before it."""
    assert DEFAULT_CODES[0] == Directory(Tables(codes=())).code(Feature.CALL_RECORD)
    moved = FeatureCode(Feature.CALL_RECORD, "*27", enabled=True)
    directory = Directory(Tables(codes=(moved,)))
    assert moved == directory.code(Feature.CALL_RECORD)


def test_apply_says_what_is_new():
    """A change that changes something names it; the same change again, or one of a stranger, is no change."""
    directory = Directory(TABLES)
    flagged = replace(JOHN, call_record=True)
    assert Difference(users=frozenset({JOHN.id})) == directory.apply(UserChanged(flagged))
    assert Party(flagged, DESK) == directory.by_endpoint("PJSIP/desk")
    assert not directory.apply(UserChanged(flagged))
    assert not directory.apply(UserChanged(replace(JOHN, id=UserId("77"))))
    code = FeatureCode(Feature.ONLINE_RECORD, "*33")
    assert Difference(codes=frozenset({Feature.ONLINE_RECORD})) == directory.apply(CodeChanged(code))
    assert not directory.apply(CodeChanged(code))
    assert code == directory.code(Feature.ONLINE_RECORD)


def test_difference_of_a_reload():
    """After a reload those are named who came, went or changed, and the endpoints that are no more."""
    code = FeatureCode(Feature.CALL_RECORD, "*26", enabled=True)
    after = Directory(Tables((ADA,), (replace(DESK, user=ADA.id), ORPHAN), codes=(code, DEFAULT_CODES[1])))
    assert Difference(
        frozenset({JOHN.id, ADA.id}), frozenset({Feature.CALL_RECORD}), frozenset({"SCCP/1001"}), others=True
    ) == after.difference(Directory(TABLES))
    assert not Directory(TABLES).difference(Directory(TABLES))


def test_claims_name_all_that_is_unique():
    """Numbers, endpoints, mailboxes, user names and agents are claimed; an unknown protocol keeps its own name."""
    found = {(claim.kind, claim.key) for claim in claims(Tables((JOHN, ADA), (DESK,), (DID,), (BOX,)))}
    assert {
        (Kind.USERNAME, "john"),
        (Kind.AGENT, "5"),
        (Kind.EXTENSION, "1000@default"),
        (Kind.ENDPOINT, "PJSIP/desk"),
        (Kind.EXTENSION, "2050@from-extern"),
        (Kind.MAILBOX, "1000@default"),
    } == found
    (_, other) = claims(Tables(lines=(replace(DESK, protocol="iax"),)))
    assert "IAX/desk" == other.key


def test_an_edit_reaches_every_look_up():
    """Records that come, change and go are found, or not, by each of their keys."""
    directory = Directory(TABLES)
    jane = User(UserId("3"), "Jane", "Doe", username="jane", agentnumber="6")
    desk, did, box = (
        Line("jane", jane.id, "1003", "default"),
        Incall("2053", "from-extern", jane.id),
        Voicemail("1003", "default", jane.id, "Jane"),
    )
    key = FunctionKey(jane.id, 1, "call_record")
    new = tuple((*place(table_record), table_record) for table_record in (jane, desk, did, box, SALES, key))
    assert Difference(frozenset({jane.id}), others=True) == directory.apply(RecordsChanged(new))
    assert not directory.apply(RecordsChanged(new))
    assert [jane] == list(directory.by_name("jane", 5))
    assert ((desk,), (did,), (box,)) == (
        directory.lines_of(jane.id),
        directory.incalls_of(jane.id),
        directory.voicemails_of(jane.id),
    )
    assert SALES in directory.contexts()
    assert (key,) == directory.keys_of(jane.id)
    gone = tuple((table, key, None) for table, key, _ in new)
    assert Difference(
        frozenset({jane.id}), endpoints_gone=frozenset({"PJSIP/jane"}), keys_gone=frozenset({key}), others=True
    ) == directory.apply(RecordsChanged(gone))
    assert ([], None) == (list(directory.by_name("jane", 5)), directory.by_extension("1003", "default"))
    assert Directory(TABLES).tables() == directory.tables()


def test_a_line_that_leaves_its_user_to_another():
    """The former user keeps their other lines, and the number leads to the new one."""
    directory = Directory(TABLES)
    moved = replace(DESK, user=ADA.id)
    assert Difference(frozenset({JOHN.id, ADA.id})) == directory.apply(RecordsChanged(((*place(moved), moved),)))
    assert ((SCCP,), (moved,)) == (directory.lines_of(JOHN.id), directory.lines_of(ADA.id))
    assert Party(ADA, moved) == directory.by_extension("1000", "default")


def test_a_number_that_two_records_exchange_stays_findable():
    """The former holder of a number is forgotten under that number only when it still holds it."""
    directory = Directory(TABLES)
    one, other = replace(DESK, number="1001"), replace(SCCP, number="1000")
    directory.apply(RecordsChanged(tuple((*place(line), line) for line in (one, other))))
    assert (Party(JOHN, other), Party(JOHN, one)) == (
        directory.by_extension("1000", "default"),
        directory.by_extension("1001", "default"),
    )


def test_a_callers_number_leads_to_its_user_until_it_is_given_up():
    john = User(UserId("71"), "John", mobilephonenumber="+49170")
    directory = Directory(Tables((john,)))
    assert john == directory.by_caller("49 170")
    directory.apply(RecordsChanged(((Table.USERS, john.id, None),)))
    assert directory.by_caller("49170") is None
    directory.apply(RecordsChanged(((Table.USERS, john.id, john),)))
    assert john == directory.by_caller("49170")


def test_a_copy_that_nobody_uses_any_more_is_given_up_step_by_step():
    john = User(UserId("71"), "John", username="john")
    directory = Directory(Tables((john,), (Line("l", john.id, "1000", "default"),)))
    directory.dismantle()
    assert ([], [], None) == ([*directory.users()], [*directory.by_name("john", 5)], directory.by_caller("1000"))


def test_bosses_and_secretaries_of_one_entity_find_each_other():
    """Also when they change sides, or the entity."""
    boss, clerk = replace(JOHN, bosssecretary="boss"), replace(ADA, bosssecretary="secretary")
    directory = Directory(replace(TABLES, users=(boss, clerk)))
    assert ([clerk], [boss], []) == (directory.team(boss), directory.team(clerk), directory.team(JOHN))
    assert [clerk.id] == list(directory.partners({boss.id})) != list(directory.partners({UserId("404")}))
    elsewhere = replace(clerk, entityid=2)
    directory.apply(UserChanged(elsewhere))
    assert ([], []) == (directory.team(boss), directory.team(elsewhere))
    directory.apply(UserChanged(replace(clerk, bosssecretary="boss")))
    assert [] == directory.team(boss)


def test_who_loses_a_boss_is_told_so():
    """The lamp of the boss' filter is at the secretaries' phones."""
    boss, clerk = replace(JOHN, bosssecretary="boss"), replace(ADA, bosssecretary="secretary")
    before = Tables((boss, clerk))
    for became in (None, replace(boss, bosssecretary="no"), replace(boss, entityid=2)):
        after = Directory(Tables((clerk, became) if became else (clerk,)))
        assert {boss.id, clerk.id} == after.difference(Directory(before)).users
        edited = Directory(before).apply(RecordsChanged(((*place(boss), became),)))
        assert {boss.id, clerk.id} == edited.users
    assert {boss.id} == Directory(before).apply(RecordsChanged(((*place(boss), replace(boss, firstname="J")),))).users


def test_a_key_that_changes_is_its_owners_change_and_the_former_one_is_gone():
    key = FunctionKey(JOHN.id, 1, "dnd")
    directory = Directory(replace(TABLES, keys=(key,)))
    other = replace(key, type="phone_status")
    expected = Difference(frozenset({JOHN.id}), keys_gone=frozenset({key}), others=True)
    assert expected == Directory(replace(TABLES, keys=(other,))).difference(directory)
    assert expected == directory.apply(RecordsChanged(((*place(other), other),)))
    assert [other] == list(directory.function_keys())


def test_a_users_lines_keep_their_order_whichever_came_first():
    directory = Directory(replace(TABLES, lines=(SCCP, DESK)))
    assert (DESK, SCCP) == directory.lines_of(JOHN.id)


def test_a_user_is_found_by_the_name_of_the_account():
    directory = Directory(TABLES)
    assert directory.by_username("john") == JOHN
    assert directory.by_username("John") is directory.by_username("") is None
    renamed = replace(JOHN, username="johnny")
    directory.apply(UserChanged(renamed))
    assert (directory.by_username("johnny"), directory.by_username("john")) == (renamed, None)
    directory.apply(RecordsChanged(((Table.USERS, JOHN.id, None),)))
    assert directory.by_username("johnny") is None


def test_groups_come_and_go_and_say_whom_a_user_supervises():
    sales = Group("sales", (UserId("2"), UserId("3")), (JOHN.id,))
    directory = Directory(replace(TABLES, groups=(sales, Group("other", (UserId("4"),)))))
    assert directory.supervised(JOHN.id) == {"2", "3"}
    assert directory.supervised(UserId("2")) == frozenset()
    assert directory.apply(RecordsChanged(((Table.GROUPS, "sales", None),))).others
    assert [group.name for group in directory.groups()] == ["other"]
    assert directory.supervised(JOHN.id) == frozenset()
