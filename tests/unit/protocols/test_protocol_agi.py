"""FastAGI's bytes: every state and reply of the table, hostile requests, and that pieces do not matter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.errors import CallrecError, Corrupt, Refused
from callrec.protocols import agi, agi_commands
from callrec.protocols.agi import HUNG_UP, Answer, Command, Dialogue, DialogueState, Reply, Request

HEADERS = {
    "agi_network": "yes",
    "agi_network_script": "toggle?who=self",
    "agi_request": "agi://127.0.0.1:4573/toggle?who=self",
    "agi_channel": "PJSIP/1000-00000001",
    "agi_language": "en",
    "agi_type": "PJSIP",
    "agi_uniqueid": "1795388400.1",
    "agi_version": "22.10.1",
    "agi_callerid": "1000",
    "agi_calleridname": "John Doe",
    "agi_callingpres": "0",
    "agi_dnid": "unknown",
    "agi_rdnis": "unknown",
    "agi_context": "callrec-toggle",
    "agi_extension": "s",
    "agi_priority": "1",
    "agi_enhanced": "0.0",
    "agi_accountcode": "",
    "agi_threadid": "139872345",
}
COMMAND = agi_commands.set_variable("X", "1")


def block(*, without: str = "", **changed: str) -> bytes:
    """A request as Asterisk writes it, with some headers changed, added at the end, or left out."""
    headers = {name: value for name, value in (HEADERS | changed).items() if name != without}
    return "".join(f"{name}: {value}\n" for name, value in headers.items()).encode("utf-8", "surrogateescape") + b"\n"


def request(**changed: str) -> Request:
    (event,) = Dialogue().receive_data(block(**changed))
    assert isinstance(event, Request)
    return event


def waiting() -> Dialogue:
    dialogue = Dialogue()
    dialogue.receive_data(block())
    dialogue.send(COMMAND)
    return dialogue


def code_of(data: bytes, dialogue: Dialogue | None = None) -> str:
    with pytest.raises(CallrecError) as raised:
        (dialogue or Dialogue()).receive_data(data)
    return raised.value.code


class TestRequest:
    """What Asterisk says first."""

    def test_says_who_runs_what(self) -> None:
        """The leg, the script, its query and its arguments are named fields."""
        asked = request(agi_arg_1="one", agi_arg_2="two words, and a comma", agi_arg_3="")

        assert (asked.script, asked.query) == ("toggle", {"who": "self"})
        assert asked.arguments == ("one", "two words, and a comma", "")
        assert (asked.channel, asked.uniqueid, asked.language) == ("PJSIP/1000-00000001", "1795388400.1", "en")
        assert (asked.caller_number, asked.caller_name) == ("1000", "John Doe")
        assert (asked.context, asked.extension) == ("callrec-toggle", "s")
        assert asked.headers["agi_version"] == "22.10.1"

    def test_unknown_is_empty(self) -> None:
        """What Asterisk calls unknown is an empty text."""
        asked = request(agi_callerid="unknown", agi_calleridname="unknown")

        assert (asked.caller_number, asked.caller_name, asked.dnid, asked.rdnis) == ("", "", "", "")

    @pytest.mark.parametrize(
        ("address", "script", "query"),
        [
            ("", "", {}),
            ("/a/b/", "a/b", {}),
            ("call%20me?to=%2B49%201&from=+49&&flag", "call me", {"to": "+49 1", "from": "+49", "flag": ""}),
            ("x?a=b=c&d=%0d%0aSET%00&e=%ff%80", "x", {"a": "b=c", "d": "\ufffd\ufffdSET\ufffd", "e": "\ufffd\ufffd"}),
        ],
    )
    def test_script_and_query_are_decoded(self, address: str, script: str, query: dict[str, str]) -> None:
        """Percent signs are decoded, a plus stays, and no decoded text has a control character."""
        asked = request(agi_network_script=address)

        assert (script, query) == (asked.script, asked.query)

    @pytest.mark.parametrize(("address", "script"), [("agi://h:1/a/b?x=1", "a/b"), ("agi://h", ""), ("echo", "")])
    def test_script_from_the_whole_address(self, address: str, script: str) -> None:
        """Without agi_network_script the path comes from agi_request."""
        (asked,) = Dialogue().receive_data(block(without="agi_network_script", agi_request=address))

        assert isinstance(asked, Request)
        assert script == asked.script

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("J\udcf6rn", "J\ufffdrn"),
            ("a\rb\x1b[2J\x7f", "a\ufffdb\ufffd[2J\ufffd"),
            ("\udced\udca0\udc80", "\ufffd\ufffd\ufffd"),
            ("\u202eneve\u05d0", "\u202eneve\u05d0"),
            ("a\u2028b\x85c", "a\ufffdb\ufffdc"),
            ("${SHELL(id)}", "${SHELL(id)}"),
            ("x" * 4096, "x" * 4096),
            ("agi_channel: evil", "agi_channel: evil"),
        ],
    )
    def test_hostile_names_survive_as_text(self, name: str, expected: str) -> None:
        """Bytes that are no UTF-8 and control characters become replacement characters; the rest stays."""
        assert expected == request(agi_calleridname=name).caller_name

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"agi_calleridname": "a\0b"}, "agi-nul"),
            ({"agi_calleridname": "a\nb"}, "agi-header"),
            ({"agi_calleridname": "a\nagi_context: evil"}, "agi-header-twice"),
            ({"agi_calleridname": "a\nagi_arg_1: evil"}, "agi-arguments"),
            ({"agi_calleridname": "a\nagi_arg_1: evil", "agi_arg_2": "b"}, "agi-arguments"),
            ({"agi_calleridname": "a\n\n200 result=1 (evil)"}, "agi-header-missing"),
            ({"agi_network_script": "x?a=1&%61=2"}, "agi-query-twice"),
            ({"without": "agi_uniqueid"}, "agi-header-missing"),
            ({"AGI_X": "1"}, "agi-header"),
        ],
    )
    def test_what_is_no_request(self, changed: dict[str, str], code: str) -> None:
        """A line that is no header, a header twice or missing, a NUL: each has its own code."""
        assert code == code_of(block(**changed))

    def test_forged_end_of_the_headers(self) -> None:
        """A name that carries all remaining headers and an empty line leaves the real ones as something unasked."""
        forged = "".join(f"\n{name}: evil" for name in list(HEADERS)[10:])

        assert code_of(block(agi_calleridname=f"a{forged}\n\nx")) == "agi-unasked"

    def test_limits(self) -> None:
        """8 KiB and 128 lines are a request, one more is not, with or without its end."""
        room = agi.MAX_REQUEST_BYTES - len(block(agi_arg_1=""))
        lines = {f"agi_x{number}": "" for number in range(agi.MAX_REQUEST_LINES - len(HEADERS))}

        assert room == len(request(agi_arg_1="x" * room).arguments[0])
        assert code_of(block(agi_arg_1="x" * (room + 1))) == "agi-too-long"
        assert code_of(b"x" * agi.MAX_REQUEST_BYTES) == "agi-too-long"
        assert Dialogue().receive_data(b"x" * (agi.MAX_REQUEST_BYTES - 1)) == []
        assert len(request(**lines).headers) == agi.MAX_REQUEST_LINES
        assert code_of(block(**lines, agi_one="more")) == "agi-too-long"


class TestReplies:
    """What Asterisk says after a command."""

    @pytest.mark.parametrize(
        ("line", "reply"),
        [
            (b"200 result=1\n", Reply(200, "1", "")),
            (b"200 result=0\n", Reply(200, "0", "")),
            (b"200 result=-1\n", Reply(200, "-1", "")),
            (b"200 result=1 (value)\n", Reply(200, "1", "value")),
            (b"200 result=1 ()\n", Reply(200, "1", "")),
            (b"200 result=1 (a (b) c))\n", Reply(200, "1", "a (b) c)")),
            (b"200 result=1 (a\n(b) c\n\n520-\nHANGUP\n)\n", Reply(200, "1", "a\n(b) c\n\n520-\nHANGUP\n")),
            (b"200 result=1 (\xff\xc3\xb6)\n", Reply(200, "1", "\ufffdö")),
            (b"200 result= (timeout)\n", Reply(200, "", "timeout")),
            (b"200 result=*12#\n", Reply(200, "*12#", "")),
            (b"200 result=35 (dtmf) endpos=8000\n", Reply(200, "35", "dtmf")),
            (b"200 result=0 endpos=8000\n", Reply(200, "0", "")),
            (b"200 result=0 Gosub complete\n", Reply(200, "0", "")),
            (b"510 Invalid or unknown command\n", Reply(510, "", "Invalid or unknown command")),
            (
                b"511 Command Not Permitted on a dead channel\n",
                Reply(511, "", "Command Not Permitted on a dead channel"),
            ),
            (b"520 Invalid command syntax.\n", Reply(520, "", "Invalid command syntax.")),
            (
                b"520-Invalid command syntax.  Proper usage follows:\nUsage: NOOP\n\tDoes nothing.\n520 End of proper usage.\n",
                Reply(520, "", "Invalid command syntax.  Proper usage follows:\nUsage: NOOP\n\tDoes nothing."),
            ),
        ],
    )
    def test_each_kind(self, line: bytes, reply: Reply) -> None:
        """A reply is whole with its last byte, not before, and then it is our turn."""
        dialogue = waiting()

        assert dialogue.receive_data(line[:-1]) == []
        assert DialogueState.WAITING is dialogue.state
        assert [reply] == dialogue.receive_data(line[-1:])
        assert DialogueState.IDLE is dialogue.state
        assert not reply.is_provisional

    def test_provisional(self) -> None:
        """A 1xx does not end the wait for the reply."""
        dialogue = waiting()
        provisional = Reply(100, "", "result=0 Trying...")

        assert [provisional] == dialogue.receive_data(b"100 result=0 Trying...\n")
        assert provisional.is_provisional
        assert DialogueState.WAITING is dialogue.state
        assert [Reply(200, "1", "")] == dialogue.receive_data(b"200 result=1\n")

    def test_hangup_at_any_moment(self) -> None:
        """HANGUP comes with the request, between commands, before a reply, and without its newline."""
        dialogue = Dialogue()

        assert HUNG_UP is dialogue.receive_data(block() + b"HANGUP\n")[1]
        assert dialogue.receive_data(b"HANGUP\nHANGUP\n") == [HUNG_UP, HUNG_UP]
        dialogue.send(COMMAND)
        assert [HUNG_UP, Reply(200, "1", ""), HUNG_UP] == dialogue.receive_data(b"HANGUP\n200 result=1\nHANGUP\n")
        dialogue.send(COMMAND)
        assert [HUNG_UP, Reply(511, "", "dead")] == dialogue.receive_data(b"HANGUP511 dead\n")

    @pytest.mark.parametrize(
        "line", [b"hello\n", b"\n", b"200\n", b"200 result=1 (a", b"200result=1\n", b"HANGUP \n", b"\x16\x03\x01\n"]
    )
    def test_what_is_no_reply(self, line: bytes) -> None:
        """Other lines end the dialogue; a reply that grows without end does so at its limit."""
        dialogue = waiting()

        assert code_of(line * agi.MAX_REPLY_BYTES, dialogue) in {"agi-reply", "agi-too-long"}
        assert DialogueState.CLOSED is dialogue.state
        assert code_of(b"200 result=1\n", dialogue) == "agi-closed"

    def test_a_value_that_looks_like_its_own_end(self) -> None:
        """A value with `)` at the end of a line is an error, and never a shorter value."""
        assert code_of(b"200 result=1 (a)\nb)\n", waiting()) == "agi-unasked"

    def test_unasked(self) -> None:
        """A reply to nothing is an error."""
        dialogue = Dialogue()
        dialogue.receive_data(block())

        assert code_of(b"200 result=1\n", dialogue) == "agi-unasked"

    def test_limits(self) -> None:
        """A reply has at most 16 KiB, whether it has an end or not."""
        line = b"200 result=1 (%b)\n"
        room = agi.MAX_REPLY_BYTES - len(line % b"")

        assert [Reply(200, "1", "x" * room)] == waiting().receive_data(line % (b"x" * room))
        assert code_of(line % (b"x" * (room + 1)), waiting()) == "agi-too-long"
        assert code_of(b"2" * agi.MAX_REPLY_BYTES, waiting()) == "agi-too-long"
        assert code_of(b"520-" + b"x\n" * agi.MAX_REPLY_BYTES, waiting()) == "agi-too-long"


class TestCommands:
    """What we say."""

    def test_one_at_a_time(self) -> None:
        """A command before the request, or before the last one's reply, is refused."""
        dialogue = Dialogue()
        with pytest.raises(Refused, match="request"):
            dialogue.send(COMMAND)
        dialogue.receive_data(block())
        assert dialogue.send(COMMAND) == COMMAND
        with pytest.raises(Refused, match="waiting") as refused:
            dialogue.send(COMMAND)
        assert refused.value.code == "agi-not-our-turn"

    @pytest.mark.parametrize(
        ("command", "line"),
        [
            (agi_commands.set_variable("X", ""), 'SET VARIABLE "X" ""'),
            (
                agi_commands.set_variable("__X_1", 'a "b" \\ ${SHELL(id)}'),
                r'SET VARIABLE "__X_1" "a \"b\" \\ ${SHELL(id)}"',
            ),
            (agi_commands.set_variable("CHANNEL(language)", "dé"), 'SET VARIABLE "CHANNEL(language)" "dé"'),
            (agi_commands.get_variable("X"), 'GET VARIABLE "X"'),
            (agi_commands.get_full_variable("CHANNEL(endpoint)"), 'GET FULL VARIABLE "${CHANNEL(endpoint)}"'),
            (agi_commands.get_full_variable("X", "SIP/1-1"), 'GET FULL VARIABLE "${X}" "SIP/1-1"'),
            (agi_commands.exec_("Playback", "a b", "skip"), 'EXEC Playback "a b,skip"'),
            (agi_commands.exec_("NoOp"), 'EXEC NoOp ""'),
        ],
    )
    def test_lines(self, command: Command, line: str) -> None:
        """Arguments are quoted; quotes and backslashes in them are escaped."""
        assert f"{line}\n".encode() == command

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            *((value, "agi-line-break") for value in ("a\nb", "a\rb", "a\0b", '"\n')),
            ("\ud800", "agi-surrogate"),
            ("x" * agi_commands.MAX_COMMAND_BYTES, "agi-too-long"),
        ],
    )
    def test_values_that_no_line_can_carry(self, value: str, code: str) -> None:
        """A line break, a NUL, a lone surrogate or too many bytes are refused."""
        with pytest.raises(Refused) as refused:
            agi_commands.set_variable("X", value)
        assert refused.value.code == code
        with pytest.raises(Refused) as refused:
            agi_commands.exec_("NoOp", value)
        assert refused.value.code == code

    @pytest.mark.parametrize("name", ["", "1X", "X Y", "${X}", "X)", "SHELL(a b)", "EVAL(${X})", "X\n", 'X"'])
    def test_names_that_are_none(self, name: str) -> None:
        """A name is a variable's or a function's, and has nothing that Asterisk would evaluate."""
        for command in (
            agi_commands.get_variable,
            agi_commands.get_full_variable,
            lambda name: agi_commands.set_variable(name, ""),
        ):
            with pytest.raises(Refused, match="channel variable") as refused:
                command(name)
            assert refused.value.code == "agi-variable"
        with pytest.raises(Refused, match="application") as refused:
            agi_commands.exec_(f"No Op{name}")
        assert refused.value.code == "agi-application"

    @pytest.mark.parametrize("argument", ["a,b", "${SHELL(id)}", "$[1+1]"])
    def test_arguments_that_asterisk_would_read(self, argument: str) -> None:
        """EXEC takes no comma and no expression inside an argument."""
        with pytest.raises(Refused, match="EXEC") as refused:
            agi_commands.exec_("NoOp", argument)
        assert refused.value.code == "agi-exec-argument"

    def test_answer_ends_with_its_result(self) -> None:
        """CALLREC_RESULT is the last variable: whoever has it has all."""
        answer = Answer("on", (("CALLREC_SOUND", "beep"),))

        assert (
            agi_commands.set_variable("CALLREC_SOUND", "beep"),
            agi_commands.set_variable("CALLREC_RESULT", "on"),
        ) == answer.commands()


REPLIES = [
    b"200 result=1\n",
    b"HANGUP\n200 result=1 (a\n(b)\xc3\xb6 c)\n",
    b"100 x\n510 no\n",
    b"520-a\nb\n520 c\nHANGUP\n",
]


def conversation(pieces: list[int]) -> list[object]:
    """The events of one dialogue whose bytes arrive in pieces of these sizes, over and over."""
    dialogue, events, turn = Dialogue(), [], 0
    for part in (block(agi_calleridname="J\udcf6rn \u05d0"), *REPLIES):
        if dialogue.state is DialogueState.IDLE:
            dialogue.send(COMMAND)
        begin = 0
        while begin < len(part):
            end = begin + pieces[turn % len(pieces)]
            events += dialogue.receive_data(part[begin:end])
            begin, turn = end, turn + 1
    return events


@given(st.lists(st.integers(1, 300), min_size=1))
def test_pieces_do_not_matter(pieces: list[int]) -> None:
    """Any chunking gives the same events."""
    assert conversation([4096]) == conversation(pieces)


FRAGMENTS = st.sampled_from(
    [
        b"\n",
        b"\n\n",
        b"HANGUP",
        b"200 result=",
        b"1",
        b" (",
        b")",
        b")\n",
        b"520-",
        b"520 ",
        b"100 a\n",
        b"agi_arg_1: ",
        b"\0",
        block(),
    ]
)


@given(st.lists(FRAGMENTS | st.binary(max_size=50)), st.booleans())
def test_any_bytes_raise_only_our_errors(parts: list[bytes], after_a_request: bool) -> None:
    """Random bytes and fragments of the protocol give events, Refused or Corrupt; and pieces change no verdict."""

    def verdict(pieces: list[bytes]) -> str:
        dialogue = waiting() if after_a_request else Dialogue()
        try:
            for piece in pieces:
                dialogue.receive_data(piece)
        except (Refused, Corrupt) as error:
            return error.code
        return dialogue.state.value

    joined = b"".join(parts)
    assert verdict(parts) == verdict([joined]) == verdict([joined[i : i + 1] for i in range(len(joined))])
