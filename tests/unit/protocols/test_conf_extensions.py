"""users_extensions.conf."""

import re
from dataclasses import replace

from conf_tables import LINE, TABLES, THREE, john, site

from callrec.domain.directory.model import Context, ContextKind, Feature, FeatureCode, Incall, Line, Tables, User
from callrec.domain.rules import UserId
from callrec.protocols.asterisk_conf import render
from callrec.protocols.asterisk_conf.extensions import extensions
from callrec.protocols.asterisk_conf.site import MOST_RUNG_BYTES


def test_numbers_ring_their_endpoint_and_have_lamps() -> None:
    lines = extensions(site(TABLES)).splitlines()
    assert lines[:6] == [
        "[default]",
        "include => pbx-inside",
        "exten => _*735X.,hint,Custom:${EXTEN}",
        "exten => 1000,hint,PJSIP/1000",
        "exten => 1000,1,Gosub(pbx-user,s,1(1000,30,1000@default,t,,1000@default,,en_US))",
        " same => n,Hangup()",
    ]


def test_an_sccp_line_rings_by_its_own_technology() -> None:
    text = extensions(site(TABLES))
    assert "exten => 1002,hint,SCCP/1002" in text
    assert "exten => 1002,1,Gosub(pbx-user,s,1(1002,30,,t,SCCP,1002@default))" in text


def test_incoming_numbers_ring_the_users_first_line_as_long_as_they_say() -> None:
    text = extensions(site(TABLES))
    assert (
        "exten => 2050,1,Gosub(pbx-caller,s,1)\n same => n,Gosub(pbx-user,s,1(1000,20,1000@default,t,,1000@default,,en_US))"
        in text
    )
    assert "exten => 2051,1,Gosub(pbx-caller,s,1)\n same => n,Gosub(pbx-user,s,1(zoe,30,,t,,1001@default))" in text


def test_an_incoming_number_of_a_user_without_a_line_is_congested() -> None:
    tables = replace(TABLES, lines=TABLES.lines[1:])
    assert "exten => 2050,1,Congestion(5)" in extensions(site(tables))


def test_who_wants_no_supervision_has_no_hint() -> None:
    text = extensions(site(john(enablehint=False)))
    assert "exten => 1000,hint" not in text
    assert "exten => 1001,hint" in text


def test_who_may_not_transfer_has_no_keys_for_it_when_called() -> None:
    text = extensions(site(john(enablexfer=False)))
    assert "exten => 1000,1,Gosub(pbx-user,s,1(1000,30,1000@default,,,1000@default,,en_US))" in text
    assert (
        "exten => 2050,1,Gosub(pbx-caller,s,1)\n same => n,Gosub(pbx-user,s,1(1000,20,1000@default,,,1000@default,,en_US))"
        in text
    )


def test_every_context_of_the_tables_is_there_and_the_two_that_always_are() -> None:
    tables = Tables(codes=(), contexts=(Context("sales", ContextKind.INTERNAL), Context("dids", ContextKind.INCALL)))
    inside = "include => pbx-inside\nexten => _*735X.,hint,Custom:${EXTEN}\n"
    assert extensions(site(tables)) == (
        f"[default]\n{inside}\n[dids]\n\n[from-extern]\n\n[sales]\n{inside}\n[callrec-features]\n\n[callrec-agents]\n\n"
    )


def test_two_lines_of_a_user_have_a_number_each() -> None:
    tables = replace(TABLES, lines=(LINE, replace(LINE, name="two", number="1005")), users=TABLES.users)
    assert "exten => 1005,1,Gosub(pbx-user,s,1(two,30,1000@default,t,,1005@default,,en_US))" in extensions(site(tables))


def test_an_incoming_number_may_ring_an_sccp_line() -> None:
    tables = replace(TABLES, incalls=(Incall("2052", "from-extern", THREE, 5),))
    assert (
        "exten => 2052,1,Gosub(pbx-caller,s,1)\n same => n,Gosub(pbx-user,s,1(1002,5,,t,SCCP,1002@default))"
        in extensions(site(tables))
    )


def test_a_boss_has_the_phones_of_the_secretaries_of_the_same_entity() -> None:
    john, zoe, bill = TABLES.users[:3]
    users = (replace(john, bosssecretary="boss"), replace(zoe, bosssecretary="secretary"), bill)
    text = extensions(site(replace(TABLES, users=users)))
    assert "exten => 1000,1,Gosub(pbx-user,s,1(1000,30,1000@default,t,,1000@default,PJSIP/zoe,en_US))" in text
    elsewhere = (users[0], replace(users[1], entityid=2), bill)
    assert "1000@default,PJSIP/zoe" not in extensions(site(replace(TABLES, users=elsewhere)))


def test_a_boss_rings_as_many_secretaries_as_asterisk_reads_and_the_others_are_named() -> None:
    """Whoever comes first by id; all keep their own numbers. An entity without a boss rings nobody, and leaves nobody out."""
    boss = User(UserId("1"), "Boss", bosssecretary="boss", entityid=2)
    crowd = [User(UserId(str(n)), "S", bosssecretary="secretary", entityid=2 + n % 2) for n in range(2, 1002)]
    lines = [Line(f"{'x' * 30}{user.id}", user.id, f"1{user.id:>05}", "default", secret="s") for user in (boss, *crowd)]
    rendered = render(Tables((boss, *crowd), tuple(lines)))
    text = next(file.text for file in rendered.files if file.name == "users_extensions.conf")
    (row,) = [row for row in text.splitlines() if row.startswith("exten => 100001,1,")]
    rung = re.findall(r"PJSIP/x+(\d+)", row)
    here = [user.id for user in crowd if user.entityid == 2]
    assert [*rung, *(one.user for one in rendered.left_out)] == here
    told = {(one.table, one.column, one.code) for one in rendered.left_out}
    assert told == {("users", "bosssecretary", "secretaries-too-many")}
    assert MOST_RUNG_BYTES - 50 < len("&".join(f"PJSIP/{'x' * 30}{one}" for one in rung)) <= MOST_RUNG_BYTES
    assert max(map(len, text.splitlines())) < 4096
    assert sum(f"exten => 1{user.id:>05},1," in text for user in crowd) == len(crowd)


def test_agents_are_reached_by_their_numbers() -> None:
    """Who has no line is reached by nobody."""
    john = replace(TABLES.users[0], agentnumber="2101")
    users = (john, *TABLES.users[1:])
    expected = "[callrec-agents]\nexten => 2101,1,Gosub(pbx-agent,s,1(1000,))\n same => n,Hangup()\n"
    assert expected in extensions(site(replace(TABLES, users=users)))
    assert "2101" not in extensions(site(replace(TABLES, users=users, lines=TABLES.lines[1:], voicemails=())))


def test_codes_lead_to_their_features_alone_and_with_an_argument() -> None:
    codes = (
        FeatureCode(Feature.CALL_RECORD, "*26"),
        FeatureCode(Feature.ONLINE_RECORD, "*3", enabled=True),
        FeatureCode(Feature.DND, "*25", enabled=True),
        FeatureCode(Feature.FORWARD_BUSY, "*23", enabled=True),
        FeatureCode(Feature.PICKUP, "*8", enabled=True),
        FeatureCode(Feature.VOICEMAIL_LEAVE, "*97", enabled=True),
        FeatureCode(Feature.VOICEMAIL_CONSULT, "*98", enabled=True),
        FeatureCode(Feature.PHONE_STATUS, "*10"),
    )
    text = extensions(site(Tables(codes=codes)))
    assert (
        "[callrec-features]\n"
        "exten => *26,1,Gosub(callrec-always,s,1(*26))\n"
        "exten => *25,1,Gosub(callrec-service,s,1(dnd,))\n"
        "exten => *23,1,Gosub(callrec-service,s,1(forward_busy,))\n"
        "exten => _*23.,1,Gosub(callrec-service,s,1(forward_busy,${FILTER(0-9*#,${EXTEN:3})}))\n"
        "exten => *8,1,Gosub(callrec-pickup,s,1())\n"
        "exten => _*8.,1,Gosub(callrec-pickup,s,1(${FILTER(0-9*#,${EXTEN:2})}@${CONTEXT}))\n"
        "exten => _*97.,1,VoiceMail(${FILTER(0-9*#,${EXTEN:3})}@${CONTEXT},u)\n"
        "exten => *98,1,Gosub(pbx-voicemail,s,1(${CONTEXT}))\n\n"
    ) in text
