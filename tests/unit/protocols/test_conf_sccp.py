"""users_sccp.conf, read back as strictly as chan-sccp's own reader, which is Asterisk's."""

from dataclasses import replace

from asterisk_reading import by_name, read
from conf_tables import BOX, TABLES, THREE, site

from callrec.domain.directory.model import FunctionKey, Group
from callrec.protocols.asterisk_conf.sccp import sccp


def test_a_line_has_its_section_and_a_device_template_with_its_button() -> None:
    box = replace(BOX, mailbox="1002", user=THREE)
    sections = by_name(sccp(site(replace(TABLES, voicemails=(box,)))))
    assert list(sections) == ["callrec-line", "1002", "callrec-1002"]
    (template,), (line,), (device,) = sections.values()
    assert (template.template, template.rows) == ("!", (("type", "line"),))
    assert line.template == "callrec-line"
    assert dict(line.rows) == {
        "id": "1002",
        "label": "Sam Cisco",
        "description": "Sam Cisco",
        "context": "default",
        "cid_name": "Sam Cisco",
        "cid_num": "1002",
        "mailbox": "1002@default",
    }
    assert (device.template, device.rows) == ("!", (("type", "device"), ("button", "line, 1002")))


def test_a_line_without_a_mailbox_says_nothing_of_one() -> None:
    assert "mailbox" not in sccp(site(TABLES))


def test_without_sccp_lines_there_is_the_template_alone() -> None:
    assert [section.name for section in read(sccp(site(replace(TABLES, lines=TABLES.lines[:2]))))] == ["callrec-line"]


def test_customized_keys_are_speed_dials_at_their_numbers() -> None:
    """Behind the button of the line; an empty button where there is no key. A supervised one follows a hint."""
    keys = (
        FunctionKey(THREE, 4, "customized", "*43", 'Echo, test; "x"', supervision=True),
        FunctionKey(THREE, 1, "customized", "0123"),
        FunctionKey(THREE, 2, "dnd"),
        FunctionKey(THREE, 5, "customized", "1,2"),
    )
    (device,) = by_name(sccp(site(replace(TABLES, keys=keys))))["callrec-1002"]
    assert [value for name, value in device.rows if name == "button"] == [
        "line, 1002",
        "speeddial, 0123, 0123",
        "empty",
        "empty",
        "speeddial, Echo test; x, *43, *43@default",
    ]


def test_a_member_of_groups_may_take_their_calls() -> None:
    groups = (Group("Sales, inside", (THREE,)), Group("b", (THREE,)))
    (line,) = by_name(sccp(site(replace(TABLES, groups=groups))))["1002"]
    assert dict(line.rows)["namedpickupgroup"] == dict(line.rows)["namedcallgroup"] == "Sales.002c.0020inside,b"
