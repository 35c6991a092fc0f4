"""users_extensions.conf."""

from dataclasses import replace

from conf_tables import LINE, TABLES, THREE, house, john

from callrec.domain.provisioning.model import Context, ContextKind, Incall, Tables
from callrec.protocols.asterisk_conf.extensions import extensions


def test_numbers_ring_their_endpoint_and_have_lamps() -> None:
    lines = extensions(house(TABLES)).splitlines()
    assert lines[:6] == [
        "[default]",
        "include => pbx-inside",
        "exten => _*735X.,hint,Custom:${EXTEN}",
        "exten => 1000,hint,PJSIP/1000",
        "exten => 1000,1,Gosub(pbx-user,s,1(1000,30,1000@default,t))",
        " same => n,Hangup()",
    ]


def test_an_sccp_line_rings_by_its_own_technology() -> None:
    text = extensions(house(TABLES))
    assert "exten => 1002,hint,SCCP/1002" in text
    assert "exten => 1002,1,Gosub(pbx-user,s,1(1002,30,,t,SCCP))" in text


def test_incoming_numbers_ring_the_users_first_line_as_long_as_they_say() -> None:
    text = extensions(house(TABLES))
    assert "exten => 2050,1,Gosub(pbx-user,s,1(1000,20,1000@default,t))" in text
    assert "exten => 2051,1,Gosub(pbx-user,s,1(zoe,30,,t))" in text


def test_an_incoming_number_of_a_user_without_a_line_is_congested() -> None:
    tables = replace(TABLES, lines=TABLES.lines[1:])
    assert "exten => 2050,1,Congestion(5)" in extensions(house(tables))


def test_who_wants_no_supervision_has_no_hint() -> None:
    text = extensions(house(john(enablehint=False)))
    assert "exten => 1000,hint" not in text
    assert "exten => 1001,hint" in text


def test_who_may_not_transfer_has_no_keys_for_it_when_called() -> None:
    text = extensions(house(john(enablexfer=False)))
    assert "exten => 1000,1,Gosub(pbx-user,s,1(1000,30,1000@default,))" in text
    assert "exten => 2050,1,Gosub(pbx-user,s,1(1000,20,1000@default,))" in text


def test_every_context_of_the_tables_is_there_and_the_two_that_always_are() -> None:
    tables = Tables(contexts=(Context("sales", ContextKind.INTERNAL), Context("dids", ContextKind.INCALL)))
    inside = "include => pbx-inside\nexten => _*735X.,hint,Custom:${EXTEN}\n"
    assert extensions(house(tables)) == (f"[default]\n{inside}\n[dids]\n\n[from-extern]\n\n[sales]\n{inside}\n")


def test_two_lines_of_a_user_have_a_number_each() -> None:
    tables = replace(TABLES, lines=(LINE, replace(LINE, name="two", number="1005")), users=TABLES.users)
    assert "exten => 1005,1,Gosub(pbx-user,s,1(two,30,1000@default,t))" in extensions(house(tables))


def test_an_incoming_number_may_ring_an_sccp_line() -> None:
    tables = replace(TABLES, incalls=(Incall("2052", "from-extern", THREE, 5),))
    assert "exten => 2052,1,Gosub(pbx-user,s,1(1002,5,,t,SCCP))" in extensions(house(tables))
