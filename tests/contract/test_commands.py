"""`callrec` as a person runs it: a process of its own, its output and its exit code."""

import asyncio
import json
import os
import shlex
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import one_command
import pytest
from seeds import adding

from callrec.adapters.redis.store import open_store
from callrec.domain.calls.ids import CallId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Recording
from callrec.domain.directory.model import Line, Tables, User
from callrec.domain.library.manifest import SCHEMA, Manifest, StoredState
from callrec.domain.rules import Rule, UserId
from callrec.protocols.json_documents import encode_manifest

USERS = "firstname|lastname|phonenumber|context|protocol|linename|callrecord\n"


class Shell:
    """A folder with its own store, and nothing else set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CALLREC_")},
            "CALLREC_STATE_DIR": str(folder / "s"),
            "CALLREC_MONITOR_DIR": str(folder / "monitor"),
            "CALLREC_SPOOL_DIR": str(folder / "spool"),
        }

    def __call__(self, *words: str, stdin: bytes = b"", **settings: str) -> tuple[int, str, str]:
        """Exit code, what it printed, and what it complained about."""
        done = one_command.run(*words, env={**self.environment, **settings}, cwd=self.folder, stdin=stdin)
        return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    (tmp_path / "spool").mkdir()
    (tmp_path / "monitor").mkdir()
    return Shell(tmp_path)


def test_a_wrong_word_is_usage(shell: Shell) -> None:
    assert shell("nosuch")[0] == 2
    assert shell("users", "set", "1000")[0] == 2
    assert shell("users", "set", "1000", "--call-record", "maybe")[0] == 2
    assert shell("extensions", "set", "nosuch", "--enable")[0] == 2


def test_a_wrong_setting_is_one_sentence_and_usage(shell: Shell) -> None:
    code, out, err = shell("users", "list", CALLREC_FORMAT="aiff")
    assert (code, out) == (2, "")
    assert err.startswith("callrec: CALLREC_FORMAT: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [("users", "list"), ("extensions", "list")])
def test_a_store_that_is_away_is_unavailable(shell: Shell, words: tuple[str, ...]) -> None:
    code, out, err = shell(*words, CALLREC_REDIS_URL="redis://user:s3cret@127.0.0.1:1/0")
    assert (code, out) == (3, "")
    assert err.count("\n") == 1
    assert "s3cret" not in err


def test_recordings_need_no_store(shell: Shell) -> None:
    """Only the event of a rebuild goes there."""
    away = {"CALLREC_REDIS_URL": "redis://user:s3cret@127.0.0.1:1/0"}
    code, out, err = shell("rebuild", **away)
    assert (code, out) == (0, "recordings indexed: 0, findings: 0\n")
    assert "the event recordings-rebuilt could not be published" in err
    assert "s3cret" not in err
    assert shell("recordings", "list", "--json", **away) == (0, "[]\n", "")


def test_a_list_says_that_nothing_has_filled_the_catalogue_yet(shell: Shell) -> None:
    code, out, err = shell("recordings", "list", "--json")
    assert (code, out) == (0, "[]\n")
    assert "the catalogue is not complete yet" in err


def test_users_are_imported_listed_shown_and_set(shell: Shell) -> None:
    (shell.folder / "users.csv").write_text(USERS + "John|Doe|1000|default|sip|abc|0\n", "utf-8")
    code, out, _ = shell("users", "import", "users.csv", "--dry-run", "--json")
    assert (code, json.loads(out)["dry_run"], len(json.loads(out)["added"])) == (0, True, 1)
    assert shell("users", "list")[1].splitlines()[1:] == []

    assert shell("users", "import", "users.csv")[0] == 0
    assert shell("users", "list")[1].splitlines()[1].split("\t")[1:5] == ["John Doe", "1000", "abc", "off"]

    assert shell("users", "set", "1000", "--call-record", "on", "--rule", "out_external=never")[0] == 0
    shown = json.loads(shell("users", "show", "abc", "--json")[1])
    assert (shown["call_record"], shown["rule_out_external"]) == (True, "never")
    assert "secret" not in shown

    code, _, err = shell("users", "set", "1000", "--forward-busy", "1000", "--dnd", "on")
    assert (code, "forward_busy must be another number than the user's own" in err) == (1, True)
    assert not json.loads(shell("users", "show", "abc", "--json")[1])["dnd"]
    assert shell("users", "set", "1000", "--forward-busy", "1001")[0] == 0

    code, _, err = shell("users", "show", "nobody")
    assert (code, "nobody" in err) == (1, True)


def test_a_lines_secret_is_shown_where_asterisk_gets_it_from_us(shell: Shell) -> None:
    """Elsewhere its endpoint has one already, and this one would only be taken for it."""
    row = "{}|Doe|{}|default|sip|{}|0\n"
    (shell.folder / "one.csv").write_text(USERS + row.format("John", 1000, "abc"), "utf-8")
    (shell.folder / "two.csv").write_text(USERS + row.format("Jane", 1001, "abd"), "utf-8")
    code, out, err = shell("users", "import", "one.csv")
    assert (code, "secret" in out, "1 lines had no linesecret and got a generated one" in err) == (0, False, True)
    code, out, err = shell("users", "import", "two.csv", CALLREC_CONFGEN_DIR=str(shell.folder))
    assert (code, "1001\tabd\t" in out, "shown only now" in err, "no linesecret" in err) == (0, True, True, False)


def run(shell: Shell, line: str) -> tuple[int, str, str]:
    """A line of a real shell, in which $callrec is the command: exit code, stdout, stderr."""
    command = shlex.join((sys.executable, "-m", "callrec"))
    words = ["bash", "-c", f"set -o pipefail; {line.replace('$callrec', command)}"]
    done = subprocess.run(  # noqa: S603 - our own program
        words, env=shell.environment, cwd=shell.folder, capture_output=True, timeout=60, check=False, text=True
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", ["users list", "users export", "users template", "roles list --json", "--help"])
@pytest.mark.parametrize("to", [">/dev/full", ">&-"])
def test_an_answer_that_cannot_be_written_is_one_sentence(shell: Shell, words: str, to: str) -> None:
    code, _, err = run(shell, f"$callrec {words} {to}")
    assert (code, err.count("\n")) == (3, 1), err
    assert err.startswith("callrec: standard output cannot be written: ")


@pytest.mark.parametrize("to", [">/dev/full", ">&-", "2>/dev/full", "2>&-"])
def test_an_import_whose_answer_is_lost_does_not_say_that_nothing_was_changed(shell: Shell, to: str) -> None:
    """Exit code 1 would: so it is 3, or 0 when only the count on stderr is lost."""
    (shell.folder / "users.csv").write_text(USERS + "John|Doe|1000|default|sip|abc|0\n", "utf-8")
    code, _, err = run(shell, f"$callrec users import users.csv {to}")
    lost = not to.startswith("2")
    assert (code, "it may have done so" in err) == (3 if lost else 0, lost), err
    assert len(json.loads(shell("users", "list", "--json")[1])) == 1


def test_a_reader_who_has_read_enough_is_told_nothing(shell: Shell) -> None:
    code, _, err = run(shell, "(sleep 3; $callrec users template) | true")
    assert (code, err) == (3, "")


def test_a_complaint_that_nobody_can_read_leaves_the_exit_code(shell: Shell) -> None:
    assert run(shell, "$callrec users show nobody 2>/dev/full") == (1, "", "")
    assert run(shell, "$callrec users show nobody 2>&-") == (1, "", "")


def test_a_closed_standard_input_is_refused(shell: Shell) -> None:
    code, out, err = run(shell, "$callrec users import - <&-")
    assert (code, out, err) == (1, "", "callrec: cannot read -: standard input is closed\n")


def test_every_error_of_a_user_file_is_told_and_nothing_is_changed(shell: Shell) -> None:
    bad = USERS + "John|Doe|1000|default|sip|abc|0\nX|Y|\x1b[31m|default|sip|A/BC|7\n"
    code, out, err = shell("users", "import", "-", stdin=bad.encode())
    assert (code, out) == (1, "")
    assert "line 3, phonenumber: " in err
    assert "callrecord" in err
    assert "\x1b" not in err
    assert err.splitlines()[-1].endswith("nothing was changed")

    code, out, _ = shell("users", "import", "-", "--json", stdin=bad.encode())
    assert (code, json.loads(out)["count"]) == (1, 3)
    assert shell("users", "list", "--json")[1] == "[]\n"


def test_only_the_first_thousand_errors_are_shown_and_all_are_counted(shell: Shell) -> None:
    rows = "X|Y|x|default|sip|abc|7\n" * 600
    _, out, err = shell("users", "import", "-", stdin=(USERS + rows).encode())
    shown = [line for line in err.splitlines() if line.startswith("line ")]
    assert (out, len(shown)) == ("", 1000)
    assert int(err.splitlines()[-1].split()[2]) > 1000


def test_a_file_that_cannot_be_read_or_understood_is_refused(shell: Shell) -> None:
    assert shell("users", "import", "nowhere.csv")[0] == 1
    code, _, err = shell("users", "import", "-", stdin=b"\xff\xfe\xfa")
    assert (code, "--encoding" in err or "encoding" in err) == (1, True)


def test_a_feature_code_is_set_and_switched(shell: Shell) -> None:
    confgen = {"CALLREC_CONFGEN_DIR": str(shell.folder)}
    code, _, err = shell("extensions", "set", "call_record", "--code", "*27", "--enable", **confgen)
    assert (code, "after the next run of callrec confgen" in err) == (0, True)
    listed = {row["feature"]: row for row in json.loads(shell("extensions", "list", "--json")[1])}
    assert listed["call_record"] == {"feature": "call_record", "code": "*27", "enabled": True, "needs": ""}
    assert listed["dnd"] == {"feature": "dnd", "code": "*25", "enabled": True, "needs": "confgen"}

    assert shell("extensions", "set", "call_record", "--code", "*3")[0] == 1
    assert shell("extensions", "set", "call_record", "--code", "x")[0] == 1
    assert "could be" in shell("extensions", "set", "call_record", "--code", "*215")[2]

    # A PBX that includes no files of confgen has two codes
    assert "work only where Asterisk includes its files" in shell("extensions", "list")[2]
    assert shell("extensions", "list", **confgen)[2] == ""
    assert "CALLREC_ALWAYS_CODE in extensions.conf" in shell("extensions", "set", "call_record", "--enable")[2]
    assert "only with the files of callrec confgen" in shell("extensions", "set", "dnd", "--disable")[2]


def test_an_empty_library_is_clean_and_its_index_is_made_anew(shell: Shell) -> None:
    assert shell("verify")[:2] == (0, "recordings: 0, findings: 0\n")
    assert json.loads(shell("rebuild", "--json")[1]) == {"recordings": 0, "findings": []}
    assert shell("recordings", "list", "--json", "--since", "2026-01-01")[:2] == (0, "[]\n")
    assert shell("recordings", "show", "nothing")[0] == 1


def test_lists_take_and_show_local_time(shell: Shell) -> None:
    """02:00 in Kiritimati is noon of the day before in UTC. Folders stay UTC."""
    noon_s = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
    recording = Recording(
        RecordingId("c1-1"),
        CallId("c1"),
        "1.1",
        NodeId("n"),
        Rule.ALWAYS,
        POLICY,
        noon_s,
        noon_s,
        cause="unanswered: BUSY",
    )
    sidecar = shell.folder / "monitor/2026/11/22/c1-1.json"
    sidecar.parent.mkdir(parents=True)
    sidecar.write_bytes(encode_manifest(Manifest(SCHEMA, StoredState.UNANSWERED, recording)))
    assert shell("rebuild")[0] == 0
    far = {"TZ": "Pacific/Kiritimati"}
    for since, until, found in (
        ("2026-11-23T01:59:59", "2026-11-23T02:00:01", ["2026-11-23T02:00:00+14:00"]),
        ("2026-11-23T02:00:01", "2026-11-24", []),
        ("2026-11-22", "2026-11-23", []),
    ):
        code, out, _ = shell("recordings", "list", "--json", "--since", since, "--until", until, **far)
        assert (code, [one["start"] for one in json.loads(out)]) == (0, found)


def test_what_verify_finds_is_exit_1(shell: Shell) -> None:
    (shell.folder / "monitor" / "stray.wav").write_bytes(b"x")
    code, out, _ = shell("verify", "--json")
    assert (code, [one["code"] for one in json.loads(out)["findings"]]) == (1, ["media-orphan"])
    assert "stray.wav" in shell("verify")[1]


def test_odd_files_end_neither_verify_nor_rebuild(shell: Shell) -> None:
    """A pipe, a socket, a link and bad ids, in the library and in the spool: each is named, and both come to their end."""
    monitor, spool = shell.folder / "monitor", shell.folder / "spool"
    for folder, names in (
        (monitor, ("a.json", "b.json", "c.json")),
        (spool, ("d", "e-1-1.read.sln", "f-1-1.read.sln")),
    ):
        pipe, link, bad = names
        os.mkfifo(folder / pipe)
        (folder / link).symlink_to("/dev/zero")
        (folder / bad).touch()
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(os.path.relpath(monitor / "g.json"))
    (spool / "x-999999-999999.write.sln16").touch()
    code, out, _ = shell("verify", "--json")
    assert code == 1
    assert {(one["code"], one["path"]) for one in json.loads(out)["findings"]} == {
        *(("file-odd", name) for name in "abg"),
        ("sidecar-unreadable", "c"),
        ("spool-odd", "d"),
        ("spool-odd", "e-1-1.read.sln"),
        ("spool-leftover", "f-1-1"),
        ("spool-leftover", "x-999999-999999"),
    }
    code, out, err = shell("rebuild")
    assert (code, len(out.splitlines()), err) == (1, 5, "recordings indexed: 0, findings: 4\n")


async def test_names_from_the_store_cannot_move_the_cursor_and_the_daemons_store_is_joined(shell: Shell) -> None:
    tables = Tables(
        users=(User(UserId("1"), "\x1b[2J\u202eEvil"),), lines=(Line("abc", UserId("1"), "1000", "default"),), codes=()
    )
    async with open_store("embedded:", shell.folder / "s") as store:
        await store.edit(adding(tables), "r1")
        code, out, _ = await asyncio.to_thread(shell, "users", "list")

    assert code == 0
    assert r"\x1b[2J\u202eEvil" in out


def test_the_doctor_says_which_doors_are_closed(shell: Shell) -> None:
    closed = {"CALLREC_AMI_URL": "ami://a:s3cret@127.0.0.1:1", "CALLREC_ARI_URL": "http://a:s3cret@127.0.0.1:1/ari"}
    closed["CALLREC_CONFGEN_DIR"] = str(shell.folder / "etc")
    code, out, _ = shell("doctor", "--json", CALLREC_AGI_BIND="127.0.0.1:1", **closed)
    verdicts = {one["check"]: one["verdict"] for one in json.loads(out)}

    assert code == 3
    assert [verdicts[door] for door in ("ami", "ari", "agi")] == ["closed"] * 3
    assert [verdicts[check] for check in ("settings", "redis", "redis persistence", "spool folder")] == ["ok"] * 4
    assert verdicts["folder of Asterisk's files"] == "ok"
    assert "s3cret" not in out
    assert "unreachable ami: " in shell("doctor", CALLREC_AGI_BIND="127.0.0.1:1", **closed)[1]


def test_the_doctor_names_a_secret_that_every_user_may_read(shell: Shell) -> None:
    secret = shell.folder / "ami"
    secret.write_text("ami://callrec:s3cret@127.0.0.1:1\n")
    secret.chmod(0o644)
    code, out, _ = shell("doctor", "--json", CALLREC_AMI_URL_FILE=str(secret))
    (finding,) = json.loads(out)

    assert (code, finding["check"], finding["verdict"]) == (1, "settings", "wrong")
    assert "mode 644" in finding["says"]
    assert finding["write"].startswith(f"chmod o-rwx {secret}")
    assert "s3cret" not in out
    assert shell("serve", CALLREC_AMI_URL_FILE=str(secret))[0] == 2


def test_contexts_say_which_numbers_may_be_given(shell: Shell) -> None:
    """A number outside its context's ranges is refused; after the range is set it is taken, and the range must keep it."""
    file = USERS.encode() + b"Ann|Lee|300|sales|sip|ann|0\n"
    code, _, err = shell("users", "import", "-", stdin=file)
    assert (code, "must be a context of users; there are: default" in err) == (1, True)
    code, out, err = shell("contexts", "set", "sales", "--range", "300-399", "--range", "7", "--json")
    assert (code, err) == (0, "")
    assert [("sales", "internal", ["300-399", "7"])] == [
        (one["name"], one["kind"], one["ranges"]) for one in json.loads(out) if one["name"] == "sales"
    ]
    assert shell("users", "import", "-", stdin=file)[0] == 0
    for words, complaint in (
        (("set", "sales", "--range", "301-399"), "would lie outside: 300"),
        (("set", "sales", "--range", "3-1"), "is not a range"),
        (("remove", "sales"), "would lie outside: 300"),
        (("remove", "nosuch"), "there is no context"),
    ):
        code, _, err = shell("contexts", *words)
        assert (code, complaint in err) == (1, True), err
    assert shell("contexts", "set", "sales", "--kind", "nosuch")[0] == 2
    assert shell("contexts", "set", "sales", "--record", "on_demand")[0] == 2
    for said, record in (("always", "always"), ("never", "never"), ("none", None)):
        code, out, _ = shell("contexts", "set", "sales", "--record", said, "--json")
        assert (code, [one["record"] for one in json.loads(out) if one["name"] == "sales"]) == (0, [record])
    assert shell("contexts", "set", "lab", "--kind", "incall")[0] == 0
    code, out, _ = shell("contexts", "remove", "lab")
    assert (code, [line.split("\t")[0] for line in out.splitlines()[1:]]) == (0, ["default", "from-extern", "sales"])
    assert shell("contexts", "list")[1] == out


def test_an_incoming_number_gets_a_rule_and_loses_it(shell: Shell) -> None:
    """By its number; where several contexts have it, the context is asked for."""
    assert shell("contexts", "set", "extern-2", "--kind", "incall", "--range", "2000-2999")[0] == 0
    file = USERS.splitlines()[0] + "|incallexten|incallcontext\n"
    rows = ["Ann|Lee|1100|default|sip|ann|0|2050|from-extern\n", "Ben|Lee|1101|default|sip|ben|0|2050|extern-2\n"]
    assert shell("users", "import", "-", stdin=(file + "".join(rows)).encode())[0] == 0
    code, _, err = shell("incalls", "set", "2050", "--record", "always")
    assert (code, "several contexts: " in err, "--context" in err) == (1, True, True)
    for said, record in (("always", "always"), ("never", "never"), ("none", None)):
        code, out, _ = shell("incalls", "set", "2050", "--context", "extern-2", "--record", said, "--json")
        found = {(one["context"], one["user"], one["ring_s"]): one["record"] for one in json.loads(out)}
        assert (code, found) == (0, {("extern-2", "Ben Lee", 30): record, ("from-extern", "Ann Lee", 30): None})
    assert shell("incalls", "set", "2050", "--record", "on_demand")[0] == 2
    for said, is_now in (("fr_FR", "fr_FR"), ("none", None)):
        code, out, _ = shell("incalls", "set", "2050", "--context", "extern-2", "--language", said, "--json")
        found = {one["context"]: one["language"] for one in json.loads(out)}
        assert (code, found) == (0, {"extern-2": is_now, "from-extern": None})
    code, _, err = shell("incalls", "set", "2050", "--context", "extern-2", "--language", "tlh")
    assert code == 1
    assert "language" in err
    assert shell("incalls", "set", "2050")[0] == 2
    code, _, err = shell("incalls", "set", "2051", "--record", "always")
    assert (code, "no incoming number '2051'" in err) == (1, True)
    assert json.loads(shell("incalls", "list", "--json")[1]) == json.loads(out)


def test_a_trunk_a_queue_and_a_conference_get_rules_and_lose_them(shell: Shell) -> None:
    """Queues and conferences by their names in whatever case; a name that Asterisk could not have is refused."""
    for kind, name, record in (
        ("queue", "Support 2", "always"),
        ("queue", "SUPPORT 2", "never"),
        ("trunk", "a-b", "always"),
    ):
        code, out, _ = shell("places", "set", kind, name, "--record", record, "--json")
        assert code == 0
    wanted = [
        {"kind": "queue", "name": "SUPPORT 2", "record": "never"},
        {"kind": "trunk", "name": "a-b", "record": "always"},
    ]
    assert json.loads(out) == wanted == json.loads(shell("places", "list", "--json")[1])
    for name in ("a,b", "${EXTEN}", "a/b", "x" * 81, " a", "é"):
        code, _, err = shell("places", "set", "queue", name, "--record", "always")
        assert (code, "name must be letters, digits, blanks" in err) == (1, True), err
    assert shell("places", "set", "room", "a", "--record", "always")[0] == 2
    for record in ("on_demand", "none"):
        assert shell("places", "set", "queue", "a", "--record", record)[0] == 2
    code, _, err = shell("places", "remove", "trunk", "A-B")
    assert (code, "no rule hangs at the trunk 'A-B'" in err) == (1, True)
    assert shell("places", "remove", "queue", "support 2")[0] == 0
    code, out, _ = shell("places", "remove", "trunk", "a-b", "--json")
    assert (code, json.loads(out)) == (0, [])


def test_roles_say_what_somebody_may_do(shell: Shell) -> None:
    code, out, err = shell(
        "roles", "set", "reader", "--permission", "audit.read", "--permission", "calls.read", "--json"
    )
    assert (code, err) == (0, "")
    assert {"name": "reader", "permissions": ["calls.read", "audit.read"]} in json.loads(out)
    code, out, _ = shell("roles", "set", "reader", "--permission", "audit.read")
    assert (code, "reader\taudit.read\t" in out.splitlines()) == (0, True)
    code, _, err = shell("roles", "set", "reader", "--permission", "fly")
    assert (code, "'fly' is not a permission; use one of users.read, " in " ".join(err.split())) == (2, True)
    for words, complaint in (
        (("remove", "administrator"), "administrator is the only role with settings.change"),
        (("set", "administrator", "--permission", "calls.read"), "the only role with settings.change"),
        (("set", "a" * 65, "--permission", "calls.read"), "name must be"),
        (("remove", "nosuch"), "there is no role"),
        (("remove", "user"), "the profile agent has the role user"),
    ):
        code, _, err = shell("roles", *words)
        assert (code, complaint in err) == (1, True), err
    code, out, _ = shell("roles", "remove", "reader")
    assert (code, [line.split("\t")[0] for line in out.splitlines()[1:]]) == (
        0,
        ["administrator", "auditor", "listener", "operator", "supervisor", "user"],
    )
    assert shell("roles", "list")[1] == out
    code, out, _ = shell("roles", "remove", "operator", "--json")
    assert (code, [role["name"] for role in json.loads(out)]) == (
        0,
        ["administrator", "auditor", "listener", "supervisor", "user"],
    )
    assert json.loads(shell("roles", "list", "--json")[1]) == json.loads(out)


def test_profiles_name_a_role_and_groups_have_supervisors(shell: Shell) -> None:
    code, out, err = shell("profiles", "set", "agent", "--role", "operator")
    assert (code, err, "agent\toperator" in out.splitlines()) == (0, "", True)
    assert "role must be a role's name" in shell("profiles", "set", "agent", "--role", "nosuch")[2]
    assert "agent\t" in shell("profiles", "set", "agent", "--role", "none")[1].splitlines()
    assert shell("profiles", "remove", "agent")[0] == 0

    file = USERS.encode() + b"Ann|Lee|1001|default|sip|ann|0\nBob|Ray|1002|default|sip|bob|0\n"
    assert shell("users", "import", "-", stdin=file)[0] == 0
    both = ("--member", "1002", "--member", "ann", "--supervisor", "Bo")
    code, out, err = shell("groups", "set", "sales", *both, "--json")
    assert (code, err, [len(one["members"]) for one in json.loads(out)]) == (0, "", [2])
    assert [one["supervisors"][0].split(" (id:")[0] for one in json.loads(out)] == ["Bob Ray"]
    (group,) = json.loads(shell("groups", "set", "sales", "--no-members", "--json")[1])
    assert (group["members"], len(group["supervisors"])) == ([], 1)
    assert "exclude each other" in " ".join(shell("groups", "set", "sales", "--member", "1", "--no-members")[2].split())
    assert "no user has" in shell("groups", "set", "sales", "--member", "nosuch")[2]
    assert shell("groups", "remove", "sales", "--json")[1] == "[]\n"


def test_an_account_is_made_changed_and_listed(shell: Shell) -> None:
    """The administrator of a new house has no phone; a user of the directory gets an account by the phone's number."""
    made = ("accounts", "set", "alice", "--role", "administrator")
    assert "a new one needs --password" in shell(*made)[2]
    assert "8 to 64 characters" in shell(*made, "--password", stdin=b"short\n")[2]
    code, out, err = shell(*made, "--password", "--json", stdin=b"correct horse\n")
    row = json.loads(out)
    assert (code, err) == (0, "")
    assert (row["profile"], row["role"], row["enabled"], row["password"]) == (
        "administrator",
        "administrator",
        True,
        True,
    )
    assert "correct horse" not in out
    file = USERS.encode() + b"Ann|Lee|1001|default|sip|ann|0\n"
    assert shell("users", "import", "-", stdin=file)[0] == 0
    code, out, _ = shell("accounts", "set", "ann", "--user", "1001", "--role", "user", "--generate-password", "--json")
    row = json.loads(out)
    assert (code, row["user"].startswith("Ann Lee"), row["profile"], len(row["new_password"])) == (0, True, "agent", 16)
    code, out, _ = shell("accounts", "set", "ann", "--disable")
    assert (code, "enabled   off" in out) == (0, True)
    listed = json.loads(shell("accounts", "list", "--json")[1])
    assert {one["username"]: one["role"] for one in listed} == {"alice": "administrator", "ann": "user"}
    assert [(one["sessions"], one["locked_s"]) for one in listed] == [(0, 0), (0, 0)]
    code, _, err = shell("accounts", "sessions", "ann")
    assert (code, "start it with callrec serve" in err) == (3, True)
    assert "there is no account" in shell("accounts", "sessions", "nobody")[2]


def test_function_keys_are_exported_and_imported_all_or_none(shell: Shell) -> None:
    users = "firstname|phonenumber|context|protocol\nKeya|1701|default|sip\nKeyb|1702|default|sip\n"
    (shell.folder / "users.csv").write_text(users, "utf-8")
    assert shell("users", "import", "users.csv")[0] == 0
    rows = "user|number|type|destination|label|supervision\n1701|1|dnd|||1\n1702@default|2|user|Keya|A|0\n"
    (shell.folder / "keys.csv").write_text(rows, "utf-8")
    code, out, _ = shell("keys", "import", "keys.csv", "--dry-run", "--json")
    assert (code, json.loads(out)) == (0, {"added": 2, "changed": 0, "removed": 0, "dry_run": True})
    assert shell("keys", "import", "keys.csv")[0] == 0
    code, out, _ = shell("keys", "export")
    assert "1701@default|1|dnd|||1" in out.splitlines()
    assert "1702@default|2|user|1701@default|A|0" in out.splitlines()
    assert shell("keys", "export", "out.csv")[0] == 0
    assert (shell.folder / "out.csv").read_text("utf-8") == out
    (shell.folder / "bad.csv").write_text(rows + "1701|3|listen|||\nnobody|x|dnd|||\n", "utf-8")
    code, _, err = shell("keys", "import", "bad.csv", "--replace")
    assert code == 1
    assert [line.split(",")[0] for line in err.splitlines() if line.startswith("line")] == [
        "line 4",
        "line 5",
        "line 5",
    ]


def test_function_keys_are_given_listed_and_taken_away(shell: Shell) -> None:
    """A user is found by the beginning of a name; what a key dials and its lamp are shown; the same key twice is refused."""
    file = (
        USERS.encode()
        + b"Ann|Lee|1001|default|sip|ann|0\nBob|Ray|1002|default|sip|bob|0\nBea|Ray|1003|default|sip|bea|0\n"
    )
    assert shell("users", "import", "-", stdin=file)[0] == 0
    assert shell("keys", "set", "1001", "1", "call_record", "--supervised")[0] == 0
    code, out, err = shell("keys", "set", "1001", "2", "user", "--to", "bo", "--label", "Bob", "--supervised", "--json")
    assert (code, err) == (0, "")
    assert [(1, "*7351***226", "*7351***226"), (2, "1002", "1002")] == [
        (one["number"], one["dials"], one["lamp"]) for one in json.loads(out)
    ]
    for words, complaint in (
        (("3", "call_record"), "key 1 does the same as key 3 would"),
        (("3", "listen"), "are not served"),
        (("3", "user", "--to", "ray"), "may be one of: id:2 (Bob Ray), id:3 (Bea Ray)"),
        (("3", "user", "--to", "zoe"), "no user has"),
        (("300", "call_record"), "1 to 250"),
    ):
        code, _, err = shell("keys", "set", "1001", *words)
        assert (code, complaint in err) == (1, True), err
    assert shell("keys", "remove", "1001", "1")[0] == 0
    assert shell("keys", "remove", "1001", "1")[0] == 1
    assert [2] == [one["number"] for one in json.loads(shell("keys", "list", "1001", "--json")[1])]


def test_confgen_writes_what_differs_and_names_what_fits_nowhere(shell: Shell) -> None:
    """Without Asterisk: `--no-reload` writes, anything else says that it cannot be asked, and writes nothing."""
    folder = shell.folder / "etc"
    folder.mkdir()
    header = "firstname|lastname|phonenumber|context|protocol|linename|linesecret\n"
    assert shell("users", "import", "-", stdin=f"{header}Ann|Lee|1000|default|sip|ann|a;b\n".encode())[0] == 0
    assert shell("confgen", "--no-reload")[0] == 2
    named = {"CALLREC_CONFGEN_DIR": str(folder)}
    code, _, err = shell("confgen", CALLREC_AMI_URL="ami://a:b@127.0.0.1:1", **named)
    assert (code, "nothing was written" in err, list(folder.iterdir())) == (3, True, [])
    for words, state in ((("--dry-run",), "differs"), (("--no-reload",), "written"), (("--no-reload",), "unchanged")):
        code, out, err = shell("confgen", *words, "--dir", str(folder))
        assert (code, out.count(state), "All files are up to date" in err) == (0, 5, state == "unchanged")
    assert "password = a\\;b" in (folder / "users_pjsip.conf").read_text()

    header, tail = "firstname|phonenumber|context|protocol|linename|linesecret|bosssecretary\n", "x" * 37
    staff = [f"S|{1000 + n}|default|sip|{n:>03}{tail}|x|{'secretary' if n > 1 else 'boss'}\n" for n in range(1, 77)]
    assert shell("users", "import", "-", stdin=(header + "".join(staff)).encode())[0] == 0
    code, out, _ = shell("confgen", "--no-reload", "--json", **named)
    told = json.loads(out)
    assert (code, {file["state"] for file in told["files"]}) == (1, {"unchanged", "written"})
    assert [(one["table"], one["row"], one["column"]) for one in told["left_out"]] == [("users", "77", "bosssecretary")]
    assert "left out: users 77, bosssecretary" in shell("confgen", "--no-reload", **named)[2]


def test_commands_at_once_without_a_daemon_share_one_store(shell: Shell) -> None:
    """Whichever comes first runs it, and the others may finish: all say the same of the same tables, and one has written them."""
    assert shell("users", "import", "-", stdin=f"{USERS}Ann|Lee|1000|default|sip|ann|0\n".encode())[0] == 0
    named = {"CALLREC_CONFGEN_DIR": str(shell.folder / "etc")}
    with ThreadPoolExecutor(4) as pool:
        ran = [each.result() for each in [pool.submit(shell, "confgen", "--no-reload", **named) for _ in range(4)]]
    assert [err for code, _, err in ran if code] == []
    assert sorted((out.count("written"), out.count("unchanged")) for _, out, _ in ran) == [(0, 5)] * 3 + [(5, 0)]


def test_a_command_in_another_working_folder_says_which_new_store_it_uses(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Once: then the store is there."""
    shell = Shell(tmp_path_factory.mktemp("o"))
    del shell.environment["CALLREC_STATE_DIR"]
    code, out, err = shell("users", "list", "--json")
    assert (code, out) == (0, "[]\n")
    assert f"creating a new, empty one in {shell.folder}/recordings/state/valkey" in err
    assert shell("users", "list", "--json") == (0, "[]\n", "")


def test_confgen_from_another_working_folder_is_refused(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Before, it left one endpoint of sixteen, and ended with 0. The files are of another store's tables: that is said, and what
    decides it; and the doctor says the same."""
    rows = "".join(f"U|{n}|10{n:02d}|default|sip|u{n}|0\n" for n in range(15))
    (shell.folder / "users.csv").write_text(USERS + rows, "utf-8")
    etc = str(shell.folder / "etc")
    assert shell("users", "import", "users.csv")[0] == 0
    assert shell("confgen", "--dir", etc, "--no-reload")[0] == 0
    files = {file.name: file.read_bytes() for file in Path(etc).iterdir()}
    other = Shell(tmp_path_factory.mktemp("o"))  # a short name: a socket's path has an end
    del other.environment["CALLREC_STATE_DIR"]
    for words in (("--no-reload",), ("--dry-run",)):
        code, out, err = other("confgen", "--dir", etc, *words)
        assert (code, out) == (1, "")
        assert "has revision 0 of the tables (users: 0), but Asterisk's files were written from revision 1" in err
        assert "callrec confgen --accept-store 0" in err
    code, out, _ = other("doctor", "--json", CALLREC_CONFGEN_DIR=etc)
    (finding,) = (one for one in json.loads(out) if one["check"] == "redis tables")
    assert (finding["verdict"], "--accept-store 0" in finding["write"]) == ("wrong", True)
    assert {file.name: file.read_bytes() for file in Path(etc).iterdir()} == files
    code, _, err = other("confgen", "--dir", etc, "--no-reload", "--accept-store", "1")
    assert (code, "has revision 0 of the tables (users: 0), not 1" in err) == (1, True)
    code, out, err = other("confgen", "--dir", etc, "--no-reload", "--accept-store", "0")
    assert (code, "Accepted: revision 0" in err, out.count("written")) == (0, True, 2)
    assert shell("confgen", "--dir", etc, "--no-reload")[0] == 0
    assert b"[u14]" in (Path(etc) / "users_pjsip.conf").read_bytes()


def test_accepting_needs_no_folder_of_files_and_is_no_dry_run(shell: Shell) -> None:
    code, out, err = shell("confgen", "--accept-store", "0")
    assert (code, out, "No file was written" in err) == (0, "", True)
    assert json.loads((shell.folder / "s/tables.json").read_text()) == {"revision": 0, "event": ""}
    assert shell("confgen", "--accept-store", "0", "--dry-run")[0] == 2
    assert shell("confgen")[0] == 2
