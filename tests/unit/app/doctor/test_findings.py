"""The doctor's judgement, by an Asterisk that answers from a table."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from callrec.app.doctor.asterisk_checks import Expected, languages, look_at_manager, look_at_rest, run_user
from callrec.app.doctor.dialplan_checks import CONTEXTS
from callrec.app.doctor.findings import Finding, Place, Verdict, exit_code, judge_place, judge_spool, judge_version
from callrec.app.doctor.module_checks import CONF_MODULES, MAILBOX_MODULE, MODULES, SCCP_MODULE
from callrec.domain.errors import Misconfigured, Refused, Unavailable
from callrec.domain.rules import PlaceKind
from callrec.protocols.ami import Message

Headers = Sequence[tuple[str, str]]

PLACE = Place(
    "/spool",
    exists=True,
    writable=True,
    owner="callrec",
    group="callrec",
    mode=0o2770,
    filesystem="ext4",
    free_bytes=1 << 40,
)
ACCOUNT = ["secret=s3cret", "deny=0.0.0.0/0", "permit=127.0.0.1", "read=call,user,system", "writetimeout=5000"]
EXPECTED = Expected(
    "callrec", "127.0.0.1:4573", "/spool", "*26", "*3", ("abc",), frozenset({"abc"}), frozenset({"from-extern"})
)
PHONE, TRUNK = {"Auth": "x", "MaxContacts": "1", "Context": "users"}, {"MaxContacts": "0", "Context": "from-extern"}
"""What Asterisk says of an endpoint where phones register, and of one that has an address."""


def message(*headers: tuple[str, str]) -> Message:
    return Message(headers)


def config(**sections: Sequence[str]) -> Message:
    headers = []
    for number, (name, lines) in enumerate(sections.items()):
        headers.append((f"Category-{number:06}", name))
        headers += [(f"Line-{number:06}-{nth:06}", line) for nth, line in enumerate(lines)]
    return message(*headers)


def extension(context: str, name: str, *applications: str) -> list[Message]:
    """As ShowDialPlan lists it."""
    lines = []
    for priority, one in enumerate(applications, 1):
        application, _, said = one.removesuffix(")").partition("(")
        where = (("Context", context), ("Extension", name), ("Priority", str(priority)), ("Registrar", "pbx_config"))
        lines.append(message(*where, ("Application", application), ("AppData", said)))
    return lines


class Asterisk:
    """All is well, until a test says otherwise."""

    def __init__(self) -> None:
        self.down = False
        self.denied: set[str] = set()
        self.core = message(("AsteriskVersion", "22.10.1"), ("CoreRunUser", "asterisk"))
        self.commands = {
            "MixMonitor": "system,all", "DBPut": "system,all", "DBDel": "system,all", "StopMixMonitor": "system,call,all",
            "MixMonitorMute": "system,call,all", "Setvar": "call,all", "Getvar": "call,reporting,all",
            "CoreShowChannels": "system,reporting,all", "DBGetTree": "system,reporting,all", "Ping": "<none>",
        }  # fmt: skip
        self.files = {
            "manager.conf": config(general=["timestampevents=yes"], callrec=ACCOUNT),
            "codecs.conf": config(plc=["genericplc=no", "genericplc_on_equal_codecs=no"]),
            "features.conf": config(
                general=["atxferthreeway=*7"],
                featuremap=["atxfer=*2"],
                applicationmap=["callrec=*3,self,Gosub(callrec-online,s,1)"],
            ),
        }
        self.loaded = {*MODULES, "res_timing_pthread", "codec_ulaw"}
        self.dialplan = [
            *(message(("Context", context)) for context in CONTEXTS),
            message(("Context", "users"), ("IncludeContext", "callrec-codes")),
            *extension("users", "1000", "Gosub(callrec-call,s,1(x))", "Dial(PJSIP/x)"),
        ]
        self.globals = {"CALLREC_SPOOL": "/spool", "CALLREC_ALWAYS_CODE": "*26"}
        self.endpoints = {
            "abc": ["LANG=fr", "CALLREC_TRANSFER=T,DYNAMIC_FEATURES=other#callrec,TRANSFER_CONTEXT=default"],
            "trunk": [],
        }
        self.kinds = {"trunk": TRUNK}

    async def action(self, name: str, headers: Headers = (), *, timeout_s: float = 1.0) -> Message:
        """One answer; see doctor_asterisk.Manager."""
        assert timeout_s > 0
        self._let_in(name)
        said = dict(headers)
        match name:
            case "CoreSettings":
                return self.core
            case "ListCommands":
                return message(*((name, f"Does it.  (Priv: {right})") for name, right in self.commands.items()))
            case "GetConfig":
                if said["Filename"] not in self.files:
                    raise Refused("ami-error", "Asterisk refused AMI GetConfig: 'Config file not found'")
                return self.files[said["Filename"]]
            case "ModuleCheck":
                if said["Module"] not in self.loaded:
                    raise Refused("ami-error", "Asterisk refused AMI ModuleCheck: 'Module not loaded'")
                return message(("Response", "Success"))
            case _:
                return message(("Value", self.globals.get(said["Variable"], "")))

    async def listing(self, name: str, headers: Headers = (), *, timeout_s: float) -> list[Message]:
        """Many lines; see doctor_asterisk.Manager."""
        assert timeout_s > 0
        self._let_in(name)
        if name == "ShowDialPlan":
            return self.dialplan
        if name == "QueueSummary":
            return [
                message(("Event", "QueueSummary"), ("Queue", "Support")),
                message(("Event", "QueueSummaryComplete")),
            ]
        if name == "PJSIPShowEndpoints":
            return [message(("Event", "EndpointList"), ("ObjectName", one)) for one in self.endpoints]
        endpoint = dict(headers)["Endpoint"]
        if endpoint not in self.endpoints:
            raise Refused("ami-error", f"Asterisk refused AMI {name}: 'Unable to retrieve endpoint {endpoint}'")
        kind = self.kinds.get(endpoint, PHONE)
        said = [("SetVar", one) for one in self.endpoints[endpoint]]
        return [
            message(("Event", "EndpointDetail"), ("Allow", "(ulaw)"), ("Language", "fr_FR"), *kind.items(), *said),
            message(("Event", "AorDetail"), ("MaxContacts", kind["MaxContacts"])),
            *([message(("Event", "IdentifyDetail"))] if "Identify" in kind else []),
        ]

    def _let_in(self, name: str) -> None:
        if self.down:
            raise Unavailable("ami-down", "AMI is down")
        if name in self.denied:
            raise Refused("ami-error", f"Asterisk refused AMI {name}: 'Permission denied'")


async def look(asterisk: Asterisk, expected: Expected = EXPECTED) -> dict[str, Finding]:
    return {finding.check: finding for finding in await look_at_manager(asterisk, expected)}


async def test_when_all_is_well_nothing_is_to_be_written() -> None:
    found = await look(Asterisk())
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}
    assert {finding.write for finding in found.values()} == {""}
    assert await run_user(Asterisk()) == "asterisk"


async def test_a_missing_right_and_one_too_many_are_told_apart() -> None:
    asterisk = Asterisk()
    del asterisk.commands["MixMonitor"]
    assert "missing: system" in (await look(asterisk))["ami rights"].says
    for action in ("StopMixMonitor", "MixMonitorMute"):
        del asterisk.commands[action]
    assert (await look(asterisk))[
        "ami rights"
    ].verdict is Verdict.OK  # app_mixmonitor is not loaded: told by the modules

    asterisk = Asterisk()
    asterisk.commands |= {"Originate": "originate,all", "Command": "command,all", "GetConfig": "system,config,all"}
    finding = (await look(asterisk))["ami rights"]
    assert finding.says == "the user has more than callrec needs: command, originate"
    assert "write = call,reporting,system" in finding.write


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["read=call,user", "writetimeout=5000", "permit=x"], "read lacks system"),
        (["read=all", "writetimeout=5000", "permit=x"], "read has more"),
        (["read=call,user,system", "writetimeout=100", "permit=x"], "writetimeout is below 1000 ms"),
        (["read=call,user,system", "permit=x"], "writetimeout is below 1000 ms"),
        (["read=call,user,system", "writetimeout=5000"], "from any address"),
        (
            [
                "read=call,user,system",
                "writetimeout=5000",
                "permit=x",
                "eventfilter=^Event: (Hangup|Newchannel)[^A-Za-z]",
            ],
            "eventfilter drops BridgeEnter, BridgeLeave, ChanSpyStart, ChanSpyStop, DialBegin, ",
        ),
    ],
)
async def test_the_account_is_compared_with_the_sample(lines: list[str], says: str) -> None:
    asterisk = Asterisk()
    asterisk.files["manager.conf"] = config(callrec=["secret=s3cret", *lines])
    finding = (await look(asterisk))["ami account"]
    assert (finding.verdict, says in finding.says) == (Verdict.WRONG, True)
    assert "s3cret" not in str(finding)


@pytest.mark.parametrize(
    "filters",
    [
        ["eventfilter=^Event: Hold[^A-Za-z]", "eventfilter=^Event: .*[^A-Za-z]", "eventfilter=!Event: Hold"],
        ["eventfilter=^Event: (Hold"],
    ],
)
async def test_a_filter_of_ones_own_is_fine_that_lets_pass_what_is_read(filters: list[str]) -> None:
    """What cannot be judged is not called wrong."""
    asterisk = Asterisk()
    asterisk.files["manager.conf"] = config(general=["timestampevents=yes"], callrec=[*ACCOUNT, *filters])
    assert (await look(asterisk))["ami account"].verdict is Verdict.OK


async def test_events_must_say_when_they_happened() -> None:
    asterisk = Asterisk()
    asterisk.files["manager.conf"] = config(general=["enabled=yes"], callrec=ACCOUNT)
    finding = (await look(asterisk))["event times"]
    assert (finding.verdict, finding.write) == (Verdict.WRONG, "[general] in manager.conf:\ntimestampevents = yes")


async def test_modules_that_are_not_loaded_are_all_named() -> None:
    asterisk = Asterisk()
    asterisk.loaded -= {"res_agi", "format_sln"}
    finding = (await look(asterisk))["modules"]
    assert finding.says == "not loaded: res_agi, format_sln"
    assert "load = res_agi.so\nload = format_sln.so" in finding.write


@pytest.mark.parametrize(
    ("kept", "missing"),
    [
        ({"mailboxes": True, "sccp_lines": True}, ()),
        ({"keeps_files": True}, CONF_MODULES),
        ({"keeps_files": True, "mailboxes": True}, (*CONF_MODULES, MAILBOX_MODULE)),
        ({"keeps_files": True, "sccp_lines": True}, (*CONF_MODULES, SCCP_MODULE)),
    ],
)
async def test_who_keeps_asterisks_files_needs_those_who_read_them_and_tell_of_it(
    kept: dict[str, bool], missing: tuple[str, ...]
) -> None:
    expected = replace(EXPECTED, **kept)
    finding = (await look(Asterisk(), expected))["modules"]
    assert [f"load = {module}.so" in finding.write for module in missing] == [True] * len(missing)
    assert (finding.verdict is Verdict.WRONG) is bool(missing)
    asterisk = Asterisk()
    asterisk.loaded |= set(missing)
    count = len(MODULES) + len(missing) + 2 - (not missing)  # without res_pjsip there are no PJSIP endpoints to tell of
    assert (await look(asterisk, expected))["modules"].says == f"all {count} are loaded"


async def test_the_function_that_tells_of_pjsip_endpoints_is_needed_only_with_them() -> None:
    asterisk = Asterisk()
    asterisk.loaded.discard("func_pjsip_endpoint")
    assert (await look(asterisk))["modules"].verdict is Verdict.OK
    asterisk.loaded.add("res_pjsip")
    assert (await look(asterisk))["modules"].says == "not loaded: func_pjsip_endpoint"


async def test_a_rule_at_a_queue_or_a_trunk_that_asterisk_does_not_have_is_told() -> None:
    """It may come later, so it is no error. Of conferences nothing is known."""
    places = {(PlaceKind.QUEUE, "SUPPORT"), (PlaceKind.TRUNK, "trunk"), (PlaceKind.CONFERENCE, "7003")}
    asterisk, check = Asterisk(), "places with rules"
    assert check not in await look(asterisk)
    assert (await look(asterisk, replace(EXPECTED, places=frozenset(places))))[check].verdict is Verdict.OK
    places |= {(PlaceKind.QUEUE, f"q{nth}") for nth in range(7)} | {(PlaceKind.TRUNK, "Trunk")}
    found = (await look(asterisk, replace(EXPECTED, places=frozenset(places))))[check]
    assert found.verdict is Verdict.UNSEEN
    assert "queue q0, queue q1, queue q2, queue q3, queue q4 and 3 more" in found.says
    asterisk.denied.add("QueueSummary")
    only = frozenset({(PlaceKind.QUEUE, "support")})
    assert "queue support." in (await look(asterisk, replace(EXPECTED, places=only)))[check].says


async def test_each_missing_line_of_the_dialplan_is_told_with_what_to_write() -> None:
    asterisk = Asterisk()
    asterisk.dialplan = [
        message(("Context", "callrec-call"), ("Application", "Gosub"), ("AppData", "callrec-call,s,1"))
    ]
    finding = (await look(asterisk))["includes"]
    assert ", ".join(context for context in CONTEXTS if context != "callrec-call") in finding.says
    assert [line.partition(" ")[0] for line in finding.write.splitlines()] == [
        "extensions.conf:",
        "#include",
        "in",
    ]


@pytest.mark.parametrize(
    "loaded",
    [{"res_ari"}, {"res_ari", "res_websocket_client"}],
)
async def test_a_module_that_older_series_do_not_have_is_missed_only_where_it_is_needed(loaded: set[str]) -> None:
    asterisk = Asterisk()
    asterisk.loaded -= {"res_websocket_client", "res_ari"}
    finding = (await look(asterisk))["modules"]
    assert finding.says == "not loaded: res_websocket_client, res_ari"
    asterisk.loaded |= loaded
    assert (await look(asterisk))["modules"].verdict is Verdict.OK


async def test_a_timer_and_the_codecs_of_the_phones_are_needed() -> None:
    asterisk = Asterisk()
    asterisk.loaded -= {"res_timing_pthread", "codec_ulaw"}
    assert (await look(asterisk))["modules"].says == "not loaded: res_timing_timerfd, codec_ulaw"


DIALS = (
    *("Dial(PJSIP/x)", "Queue(sales)", "ConfBridge(1)", "FollowMe(x)"),
    *("Dial(PJSIP/x&PJSIP/y,30)", "Dial(${DIALLED})"),
)


@pytest.mark.parametrize("application", DIALS)
async def test_one_hook_elsewhere_does_not_stand_before_another_dial(application: str) -> None:
    asterisk = Asterisk()
    asterisk.dialplan += extension("users", "2000", "Answer()", application)
    finding = (await look(asterisk))["hook before dial"]
    assert finding.verdict is Verdict.WRONG
    assert finding.says.startswith(f"the hook is missing before 1 of 2: users,2000,2 {application[:20]}")
    assert "Gosub(callrec-call,s,1(" in finding.write


@pytest.mark.parametrize(
    "before",
    [
        "Gosub(callrec-call,s,1())",
        "Gosub(sub-record,${EXTEN},1)",
        "GosubIf($[1]?callrec-call,s,1(y):other,s,1)",
        "GosubIf($[1]?other,s,1:sub-record,s,1)",
    ],
)
async def test_a_hook_in_a_subroutine_stands_before_what_follows(before: str) -> None:
    asterisk = Asterisk()
    asterisk.dialplan += extension("sub-record", "_X.", "Gosub(callrec-call,s,1())", "Return()")
    asterisk.dialplan += extension("users", "2000", before, "Dial(PJSIP/y)")
    assert (await look(asterisk))["hook before dial"].says.startswith("called before all 2 applications")


@pytest.mark.parametrize(
    ("hook", "dial", "is_right"),
    [
        ("Gosub(callrec-call,s,1(,,answered))", "Dial(PJSIP/x&PJSIP/y,30,tU(callrec-answered))", True),
        ("Gosub(callrec-call,s,1(,queue:${Q},answered))", "Queue(sales,,,,,,callrec-answered)", True),
        ("Gosub(callrec-call,s,1(,,answered))", "Dial(PJSIP/x&PJSIP/y,30,t)", False),
        ("Gosub(callrec-call,s,1(,queue:${Q},answered))", "Queue(sales)", False),
        ("GosubIf($[1]?callrec-call,s,1(,,answered))", "ConfBridge(1)", False),
        ("Gosub(callrec-call,s,1(answered))", "Queue(sales)", True),
    ],
)
async def test_what_the_hook_leaves_to_who_answers_is_decided_there(hook: str, dial: str, *, is_right: bool) -> None:
    asterisk = Asterisk()
    asterisk.dialplan += extension("users", "2000", hook, dial)
    asterisk.dialplan += extension("users", "2001", hook, "Gosub(callrec-call,s,1(x))", "Dial(PJSIP/x)")
    finding = (await look(asterisk))["hook before dial"]
    assert (finding.verdict is Verdict.OK) is is_right, finding
    assert is_right or f"not called by users,2000,2 {dial[:20]}" in finding.says
    assert is_right or "U(callrec-answered)" in finding.write


@pytest.mark.parametrize(
    ("dial", "is_known"),
    [
        ("Queue(sales)", False),
        ("Queue(sales,,,,,,callrec-answered)", True),
        ("Dial(PJSIP/x&PJSIP/y,30)", False),
        ("Dial(PJSIP/x&PJSIP/y,30,U(callrec-answered))", True),
        ("Dial(PJSIP/x,30)", False),
        ("Dial(Local/1000@default,30)", True),
        ("ConfBridge(1)", True),
    ],
)
async def test_it_is_told_where_the_fallback_mode_may_not_know_who_answers(dial: str, *, is_known: bool) -> None:
    asterisk = Asterisk()
    asterisk.dialplan = extension("users", "2000", "Gosub(callrec-call,s,1())", dial)
    finding = (await look(asterisk))["hook before dial"]
    assert finding.verdict is Verdict.OK
    assert finding.says.endswith("applications that connect calls" if is_known else f"users,2000,2 {dial}")


async def test_a_hook_behind_a_dial_is_none_and_what_modules_make_is_not_the_administrators() -> None:
    asterisk = Asterisk()
    asterisk.dialplan += extension("users", "2000", "Dial(PJSIP/y)", "Gosub(callrec-call,s,1(y))")
    asterisk.dialplan += extension("users", "2001", "Gosub(other-callrec-call,s,1(y))", "Dial(PJSIP/y)")
    asterisk.dialplan += [
        message(*((key, "res_parking" if key == "Registrar" else value) for key, value in line.headers))
        for line in extension("park-dial", "PJSIP_1000", "Dial(PJSIP/1000)")
    ]
    says = (await look(asterisk))["hook before dial"].says
    assert says == ("the hook is missing before 2 of 3: users,2000,1 Dial(PJSIP/y); users,2001,2 Dial(PJSIP/y)")


@pytest.mark.parametrize(
    ("context", "kind"),
    [
        ("from-extern", TRUNK),
        ("peering", TRUNK | {"Context": "peering"}),
        ("peering", PHONE | {"Context": "peering", "OutboundAuth": "x"}),
        ("peering", PHONE | {"Context": "peering", "Identify": "yes"}),
        ("peering", {"Context": "peering", "MaxContacts": "1"}),
    ],
)
async def test_codes_that_strangers_reach_are_found(context: str, kind: dict[str, str]) -> None:
    """Also by an include of an include."""
    asterisk = Asterisk()
    asterisk.kinds["trunk"] = kind
    assert (await look(asterisk))["strangers"].verdict is Verdict.OK
    asterisk.dialplan += [
        message(("Context", context), ("IncludeContext", "inside,09:00-17:00,mon-fri,*,*")),
        message(("Context", "inside"), ("IncludeContext", "callrec-codes")),
    ]
    finding = (await look(asterisk))["strangers"]
    assert (finding.verdict, context in finding.says) == (Verdict.WRONG, True)


async def test_a_phone_that_is_no_users_is_no_stranger_and_a_trunk_may_not_press() -> None:
    asterisk = Asterisk()
    asterisk.endpoints["door"] = ["DYNAMIC_FEATURES=callrec"]
    assert (await look(asterisk))["strangers"].verdict is Verdict.OK
    asterisk.endpoints["trunk"] = ["DYNAMIC_FEATURES=callrec"]
    finding = (await look(asterisk))["strangers"]
    assert finding.says == "trunk endpoints have DYNAMIC_FEATURES: trunk"


async def test_the_languages_of_endpoints_are_known() -> None:
    assert await languages(Asterisk(), {"abc", "gone"}) == {"fr_FR"}
    asterisk = Asterisk()
    asterisk.down = True
    assert await languages(asterisk, {"abc"}) == set()


async def test_globals_are_compared_with_our_settings() -> None:
    asterisk = Asterisk()
    asterisk.globals = {"CALLREC_AGI": "10.0.0.1:4573", "CALLREC_ALWAYS_CODE": "*26"}
    finding = (await look(asterisk))["globals"]
    assert finding.says == "CALLREC_AGI is 10.0.0.1:4573; CALLREC_SPOOL is not set"
    assert "CALLREC_SPOOL = /spool" in finding.write


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"general": ["atxferthreeway=*7"]}, "not in the applicationmap"),
        ({"general": ["atxferthreeway=*7"], "applicationmap": ["callrec=*9,self,Gosub(callrec-online,s,1)"]}, "is *9"),
        ({"applicationmap": ["callrec=> *3,self,Gosub(callrec-online,s,1)"]}, "atxferthreeway"),
        (
            {
                "general": ["atxferthreeway=*7"],
                "applicationmap": ["callrec=*3,self,Gosub(callrec-online,s,1)"],
                "featuremap": ["automixmon=*3"],
            },
            "automixmon",
        ),
    ],
)
async def test_the_digits_of_online_recording_are_its_own(sections: dict[str, list[str]], says: str) -> None:
    asterisk = Asterisk()
    asterisk.files["features.conf"] = config(**sections)
    finding = (await look(asterisk))["applicationmap"]
    assert (finding.verdict, says in finding.says) == (Verdict.WRONG, True)


PAUSES = replace(EXPECTED, pause_code="*4")
ONLINE_ROW, PAUSE_ROW = "callrec=*3,self,Gosub(callrec-online,s,1)", "callrec-pause=*4,self,Gosub(callrec-pause,s,1)"


@pytest.mark.parametrize(
    ("expected", "mapped", "group", "says"),
    [
        (EXPECTED, [ONLINE_ROW], ["callrec=>"], ""),
        (EXPECTED, [ONLINE_ROW], ["callrec=*3"], ""),
        (EXPECTED, [ONLINE_ROW, PAUSE_ROW], ["callrec=>"], "its code is disabled"),
        (EXPECTED, [ONLINE_ROW], ["callrec=*9"], "callrec is in the group callrec with the digits *9"),
        (PAUSES, [ONLINE_ROW, PAUSE_ROW], ["callrec=>", "callrec-pause=>"], ""),
        (PAUSES, [ONLINE_ROW], ["callrec=>"], "callrec-pause is not in the applicationmap"),
        (PAUSES, [ONLINE_ROW, PAUSE_ROW], [], "callrec-pause is not in the group callrec"),
        (PAUSES, [ONLINE_ROW, PAUSE_ROW], ["callrec=>"], "callrec-pause is not in the group callrec"),
        (PAUSES, [ONLINE_ROW, PAUSE_ROW], ["callrec-pause=>"], "callrec is not in the group callrec"),
        (
            PAUSES,
            [ONLINE_ROW, "callrec-pause=*5,self,Gosub(callrec-pause,s,1)"],
            ["callrec=>", "callrec-pause=>"],
            "is *5",
        ),
    ],
)
async def test_the_group_of_features_has_those_that_are_enabled(
    expected: Expected, mapped: list[str], group: list[str], says: str
) -> None:
    """Without the group its name on an endpoint means `*3` alone, as before there was one."""
    asterisk = Asterisk()
    sections = {"general": ["atxferthreeway=*7"], "applicationmap": mapped, **({"callrec": group} if group else {})}
    asterisk.files["features.conf"] = config(**sections)
    finding = (await look(asterisk, expected))["applicationmap"]
    assert (finding.verdict is Verdict.OK, says in finding.says) == (not says, True), finding.says


async def test_the_digits_of_pauses_are_their_own_too() -> None:
    asterisk = Asterisk()
    asterisk.files["features.conf"] = config(
        general=["atxferthreeway=*4"],
        applicationmap=[ONLINE_ROW, PAUSE_ROW],
        callrec=["callrec=>", "callrec-pause=>"],
    )
    assert "atxferthreeway also uses *4" in (await look(asterisk, PAUSES))["applicationmap"].says


async def test_endpoints_of_those_who_may_press_need_the_feature() -> None:
    asterisk = Asterisk()
    asterisk.endpoints = {"abc": ["DYNAMIC_FEATURES=other#callrec"], "abd": ["X=callrec"]}
    finding = (await look(asterisk, replace(EXPECTED, endpoints=("abc", "abd", "gone"))))["dynamic features"]
    assert finding.says == "missing on 2 of 3 endpoints: abd, gone"


async def test_what_asterisk_does_not_show_is_unseen_and_hides_no_other_check() -> None:
    asterisk = Asterisk()
    asterisk.denied = {"GetConfig", "ShowDialPlan", "ModuleCheck", "PJSIPShowEndpoint"}
    found = await look(asterisk)
    unseen = {check for check, finding in found.items() if finding.verdict is Verdict.UNSEEN}
    assert unseen == {
        "ami account",
        "event times",
        "applicationmap",
        "codecs",
        "includes",
        "modules",
        "dynamic features",
        "hook before dial",
        "strangers",
    }
    assert exit_code(list(found.values())) == 0


async def test_a_door_that_closes_meanwhile_is_closed() -> None:
    asterisk = Asterisk()
    asterisk.down = True
    assert {finding.verdict for finding in (await look(asterisk)).values()} == {Verdict.CLOSED}
    assert await run_user(asterisk) == ""


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (None, Verdict.OK),
        (Refused("ari-not-found", "404"), Verdict.OK),
        (Refused("ari-denied", "403"), Verdict.WRONG),
        (Misconfigured("ari-module", "res_ari_channels is not loaded"), Verdict.WRONG),
        (Refused("ari-refused", "400"), Verdict.UNSEEN),
        (Unavailable("ari-down", "down"), Verdict.CLOSED),
    ],
)
async def test_the_right_to_act_over_ari_is_tried_on_nobody(error: Exception | None, verdict: Verdict) -> None:
    class Ari:
        async def request(self, method: str, path_parts: Sequence[str]) -> object:
            """See doctor_asterisk.Rest."""
            assert (method, list(path_parts)) == ("DELETE", ["channels", "callrec-doctor-no-channel"])
            if error:
                raise error
            return None

    assert (await look_at_rest(Ari())).verdict is verdict


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ("22.10.1+dfsg+~cs6.17", Verdict.OK),
        ("22.5.0", Verdict.OK),
        ("GIT-22-abcdef", Verdict.OK),
        ("21.6.1", Verdict.OK),
        ("20.11.0", Verdict.OK),
        ("18.20.0", Verdict.OK),
        ("22.4.1", Verdict.WRONG),
        ("21.7.0", Verdict.WRONG),
        ("20.14.0", Verdict.WRONG),
        ("20.4.0", Verdict.WRONG),
        ("19.8.1", Verdict.WRONG),
        ("18.19.0", Verdict.WRONG),
        ("16.28.0", Verdict.WRONG),
        ("certified/20.7-cert1", Verdict.UNSEEN),
        ("unknown", Verdict.UNSEEN),
        ("", Verdict.UNSEEN),
    ],
)
def test_versions_whose_recordings_cannot_be_relied_on_are_wrong(version: str, verdict: Verdict) -> None:
    assert judge_version(version).verdict is verdict


@pytest.mark.parametrize(
    ("place", "verdict"),
    [
        (PLACE, Verdict.OK),
        (replace(PLACE, exists=False), Verdict.OK),
        (replace(PLACE, writable=False), Verdict.WRONG),
        (replace(PLACE, exists=False, writable=False), Verdict.WRONG),
        (replace(PLACE, free_bytes=1000), Verdict.WRONG),
    ],
)
def test_a_folder_must_be_ours_to_write_and_have_room(place: Place, verdict: Verdict) -> None:
    assert [finding.verdict for finding in judge_place("x", "CALLREC_X", place)] == [verdict]


@pytest.mark.parametrize("filesystem", ["nfs4", "fuse.sshfs", "tmpfs"])
def test_a_spool_that_is_no_local_disk_is_wrong(filesystem: str) -> None:
    findings = judge_spool(replace(PLACE, filesystem=filesystem), "callrec", ["callrec"])
    assert [finding.verdict for finding in findings] == [Verdict.OK, Verdict.WRONG, Verdict.OK]


@pytest.mark.parametrize(
    ("user", "groups", "mode", "verdict"),
    [
        ("callrec", [], 0o700, Verdict.OK),
        ("asterisk", ["asterisk", "callrec"], 0o2770, Verdict.OK),
        ("asterisk", ["asterisk", "callrec"], 0o2750, Verdict.WRONG),
        ("asterisk", ["asterisk"], 0o2770, Verdict.WRONG),
        ("asterisk", [], 0o777, Verdict.OK),
        ("callrec", ["callrec"], 0o070, Verdict.WRONG),
        ("root", [], 0o700, Verdict.OK),
        ("", [], 0o700, Verdict.UNSEEN),
    ],
)
def test_asterisk_must_be_able_to_write_to_the_spool(user: str, groups: list[str], mode: int, verdict: Verdict) -> None:
    assert judge_spool(replace(PLACE, mode=mode), user, groups)[-1].verdict is verdict


def test_a_spool_that_is_not_there_yet_says_nothing_about_asterisks_rights() -> None:
    assert len(judge_spool(replace(PLACE, exists=False), "asterisk", [])) == 2


def test_a_closed_door_outweighs_a_wrong_line() -> None:
    ok, wrong, closed = (Finding("x", verdict, "") for verdict in (Verdict.OK, Verdict.WRONG, Verdict.CLOSED))
    assert [exit_code(found) for found in ([ok], [ok, wrong], [wrong, closed])] == [0, 1, 3]


@pytest.mark.parametrize("plc", [None, [], ["genericplc=yes"], ["genericplc=yes", "genericplc_on_equal_codecs=no"]])
async def test_codecs_that_leave_packets_between_equal_phones_alone(plc: list[str] | None) -> None:
    """No codecs.conf, or one without the option: Asterisk's default is off."""
    asterisk = Asterisk()
    del asterisk.files["codecs.conf"]
    if plc is not None:
        asterisk.files["codecs.conf"] = config(plc=plc)
    found = (await look(asterisk))["codecs"]
    assert (found.verdict, found.write) == (Verdict.OK, "")


async def test_codecs_that_may_leave_a_transferred_phone_without_sound() -> None:
    """Right on one build of Asterisk, wrong on another: the doctor says both, and how to find out."""
    asterisk = Asterisk()
    asterisk.files["codecs.conf"] = config(plc=["genericplc=yes", "genericplc_on_equal_codecs=true"])
    found = (await look(asterisk))["codecs"]
    assert found.verdict is Verdict.UNSEEN
    assert "keep both voices" in found.says
    assert "may hear nothing" in found.says
    assert "genericplc_on_equal_codecs = false" in found.write


async def test_codecs_that_nobody_may_ask_for_are_not_seen() -> None:
    asterisk = Asterisk()
    asterisk.denied = {"GetConfig"}
    assert (await look(asterisk))["codecs"].verdict is Verdict.UNSEEN
