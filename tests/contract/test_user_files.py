"""User files on a real store, as a person moves them: out, into an empty store, changed, and in again."""

import asyncio
import json
import os
import random
import stat
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import one_command
import pytest
from seeds import adding

from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.redis.connection import ask
from callrec.adapters.redis.store import open_store
from callrec.app.directory.user_file.export_users import export_users
from callrec.app.directory.user_file.import_users import import_users
from callrec.domain.directory.model import Incall, Line, Tables, User, Voicemail
from callrec.domain.directory.user_file.file_rules import Mode
from callrec.domain.rules import UserId

HEADER = "firstname|lastname|phonenumber|context|protocol|linename|linesecret|username|password|enableclient\n"
FILE = HEADER + "John|=Doe|1000|default|sip|||john|hush|1\nAnn|Lee|1001|default|sccp|||||\n"
FOREIGN = Path(__file__).parents[1] / "golden/foreign"
QUICK = Argon2Passwords(memory_kib=8, passes=1)
KILLS = 12


def run(folder: Path, *words: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """Exit code, what it printed, and what it complained about."""
    done = one_command.run(*words, env=environment(folder), cwd=folder, stdin=stdin)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def environment(folder: Path) -> dict[str, str]:
    """Nothing set but where the store is."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CALLREC_")}
    return {**kept, "CALLREC_STATE_DIR": str(folder / "s")}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def bare(tables: Tables) -> Tables:
    """The tables without ids: users in the order of their names, sections by what they are."""
    names = {user.id: UserId(user.name) for user in tables.users}
    return replace(
        tables,
        users=tuple(sorted((replace(user, id=names[user.id]) for user in tables.users), key=lambda user: user.id)),
        lines=tuple(replace(line, user=names[line.user]) for line in tables.lines),
        incalls=tuple(replace(incall, user=names[incall.user]) for incall in tables.incalls),
        voicemails=tuple(replace(box, user=names[box.user]) for box in tables.voicemails),
    )


def test_a_file_goes_in_changes_and_comes_out(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(FILE, "utf-8")
    code, out, _ = run(tmp_path, "users", "import", "users.csv", "--json")
    made = json.loads(out)
    (secret,) = made["secrets"]
    assert (0, ["new", "new"], "1000", 24) == (
        code, [one["what"] for one in made["added"]], secret["number"], len(secret["secret"]),
    )  # fmt: skip
    again = json.loads(run(tmp_path, "users", "import", "users.csv", "--json")[1])
    assert ([], [], [2, 3], []) == (again["added"], again["changed"], again["unchanged_lines"], again["secrets"])

    update = b"phonenumber|context|lastname|protocol\n1000|default|Roe|sip\n1001|default|Lee|sip\n"
    words = ("users", "import", "-", "--mode", "update")
    code, out, err = run(tmp_path, *words, "--dry-run", stdin=update)
    lines = [line.split("\t") for line in out.splitlines()]
    assert (0, ["2", "changed", "1", "John Roe", "1000", "lastname: =Doe -> Roe"]) == (code, lines[1])
    assert "linesecret: (empty) -> ***" in lines[2][5]
    assert "0 would be added, 2 would be changed, 0 unchanged" in err
    code, out, err = run(tmp_path, *words, "--secrets-file", "made.csv", stdin=update)
    assert (0, 0o600) == (code, mode_of(tmp_path / "made.csv"))
    number, _, made_secret, what = (tmp_path / "made.csv").read_text().splitlines()[1].split("|")
    assert ("1001", "line", False) == (number, what, made_secret in out + err)
    assert "0 added, 0 changed, 2 unchanged" in run(tmp_path, *words, stdin=update)[2]

    code, out, err = run(tmp_path, "users", "export", "all.csv")
    assert ((0, "", ""), 0o600) == ((code, out, err), mode_of(tmp_path / "all.csv"))
    assert all(one in (tmp_path / "all.csv").read_text() for one in (made_secret, secret["secret"], "$argon2id$"))
    out = run(tmp_path, "users", "export", "--no-secrets")[1]
    assert not any(one in out for one in (made_secret, secret["secret"], "argon2"))
    assert "2 unchanged" in run(tmp_path, *words, stdin=out.encode())[2]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("program", ["wazo", "freepbx"])
def test_a_file_of_another_program_goes_in(tmp_path: Path, program: str, *, told: bool) -> None:
    """Told, or taken for what it is. Sent again, it changes nothing; what was not taken over is named."""
    words = ("users", "import", str(FOREIGN / f"{program}.csv"), *(("--format", program) if told else ()))
    code, out, err = run(tmp_path, *words, "--json")
    report = json.loads(out)
    assert (code, report["format"], len(report["added"]), report["errors"]) == (0, program, 3, []), err
    assert report["left_out"]
    assert all(f"not taken over: {one}" in err for one in report["left_out"])
    assert told is ("taken for a file of" not in err)
    exported = run(tmp_path, "users", "export")[1]
    assert all(number in exported for number in ("1000", "1001", "1002"))
    assert {"wazo": "johnsecret", "freepbx": "f00ba4secret"}[program] in exported, "phones keep their secrets"
    again = json.loads(run(tmp_path, *words, "--json")[1])
    assert (again["added"], again["changed"], len(again["unchanged_lines"])) == ([], [], 3)


@pytest.mark.parametrize("told", ["freepbx", "callrec"])
def test_a_file_told_to_be_of_another_program_changes_nothing(tmp_path: Path, told: str) -> None:
    code, out, _ = run(tmp_path, "users", "import", str(FOREIGN / "wazo.csv"), "--format", told, "--json")
    assert (code, bool(json.loads(out)["errors"])) == (1, True)
    assert len(run(tmp_path, "users", "export")[1].splitlines()) <= 1
    code, _, err = run(tmp_path, "users", "import", str(FOREIGN / "wazo.csv"), "--format", "asterisk")
    assert (code, "Invalid value" in err) == (2, True)


def test_a_file_is_merged_and_a_mailbox_gets_its_password(tmp_path: Path) -> None:
    """The rows of known users change them, the other is new. The made password is shown once, and stays when it comes again."""
    assert 0 == run(tmp_path, "users", "import", "-", stdin=FILE.encode())[0]
    merged = (
        "sep=;\r\nFirst Name;Language;PhoneNumber;Context;Protocol;VoicemailName;VoicemailMailbox;OnlineRecord;;\r\n"
        "John;en_US;1000;default;sip;John;1000;Yes;;\r\nEve;;1002;default;sip;;;no;;\r\n;;;;;;;;;\r\n"
    ).encode("utf-16")
    words = ("users", "import", "-", "--mode", "merge")
    code, out, err = run(tmp_path, *words, "--json", stdin=merged)
    report = json.loads(out)
    assert (0, "merge", ["Eve"], ["John =Doe"]) == (
        code, report["mode"], [one["name"] for one in report["added"]], [one["name"] for one in report["changed"]],
    ), err  # fmt: skip
    made = {one["what"]: one for one in report["secrets"]}
    assert ("1002", "1000", "John") == (made["line"]["number"], made["voicemail"]["number"], made["voicemail"]["name"])
    assert len(made["voicemail"]["secret"]) == 6
    assert "0 added, 0 changed, 2 unchanged" in run(tmp_path, *words, stdin=merged)[2]
    exported = run(tmp_path, "users", "export")[1]
    assert made["voicemail"]["secret"] in exported


def test_what_cannot_be_written_or_said_is_told(tmp_path: Path) -> None:
    """A secrets file is never written over, and nothing is left of one that was not needed."""
    (tmp_path / "there.csv").write_text("x")
    words = ("users", "import", "-", "--secrets-file")
    code, _, err = run(tmp_path, *words, "there.csv", stdin=FILE.encode())
    assert (1, True, "x") == (code, "cannot write there.csv" in err, (tmp_path / "there.csv").read_text())
    assert 1 == run(tmp_path, *words, "made.csv", stdin=b"firstname\n\n")[0]
    assert not (tmp_path / "made.csv").exists()
    assert "[]\n" == run(tmp_path, "users", "list", "--json")[1]

    assert 0 == run(tmp_path, "users", "import", "-", stdin=FILE.encode())[0]
    assert 0 == run(tmp_path, "users", "set", "1000", "--rule", "out_external=never")[0]
    code, out, err = run(tmp_path, "users", "export")
    assert (1, 3, True) == (code, len(out.splitlines()), "user 1, John =Doe: left out: rules" in err)
    assert 1 == run(tmp_path, "users", "export", "nowhere/x.csv")[0]
    assert 1 == run(tmp_path, "users", "export", "/dev/null")[0]


def test_a_dry_run_shows_conflicts_beside_the_rest(tmp_path: Path) -> None:
    assert 0 == run(tmp_path, "users", "import", "-", stdin=FILE.encode())[0]
    rows = HEADER + "Eve|X|1000|default|sip|||||\nNew|Y|1002|default|sip|||||\n"
    code, out, err = run(tmp_path, "users", "import", "-", "--dry-run", stdin=rows.encode())
    assert (1, ["new", "new", "conflicting"]) == (code, [line.split("\t")[1] for line in out.splitlines()[1:]])
    assert "line 2, phonenumber: '1000' is taken already: by user 1, John =Doe" in err
    code, out, _ = run(tmp_path, "users", "import", "-", "--dry-run", "--json", stdin=rows.encode())
    assert (1, [2], 1) == (code, json.loads(out)["conflicting_lines"], json.loads(out)["count"])


def test_the_template_goes_in(tmp_path: Path) -> None:
    code, out, _ = run(tmp_path, "users", "template")
    assert 0 == code
    assert 0 == run(tmp_path, "users", "import", "-", stdin=out.encode())[0]


async def test_an_export_makes_the_same_tables_of_an_empty_store(tmp_path: Path) -> None:
    """On a real store, with everything that a row can say; only the ids are others."""
    users = (
        User(UserId("7"), "=John", "D|oe", "en_US", call_record=True, enableclient=True, username="john",
             password_hash=QUICK.hashed("hush"), profileclient="agent", agentnumber="7", mobilephonenumber="+331"),
        User(UserId("9"), "Ann", "'Lee\"", online_record=True, enablehint=False, outcallerid="@x"),
    )  # fmt: skip
    there = Tables(
        users,
        (
            Line("j", users[0].id, "1000", "default", secret="=|h"),
            Line("1001", users[1].id, "1001", "default", "sccp"),
        ),
        (Incall("2050", "from-extern", users[0].id, 7),),
        (Voicemail("1000", "default", users[0].id, "+J", "1234", "j@example.com", attach=True),),
    )
    async with open_store("embedded:", tmp_path / "s") as store:
        await store.edit(adding(there), "r1")
        text, remarks = await export_users(store)
        before = bare(await store.tables())
        await ask(store._client, "FLUSHALL")
        assert () == (await store.tables()).users
        await import_users(store, text.encode, "r2", passwords=QUICK)
        assert ([], before) == (remarks, bare(await store.tables()))
        done = await import_users(store, text.encode, "r3", passwords=QUICK, mode=Mode.UPDATE)
        assert ((), (2, 3)) == (done.changed, done.unchanged)


@pytest.fixture
def large(tmp_path: Path) -> bytes:
    """A file that takes a while to import."""
    rows = "".join(f"U{n}|{n}|{n}|big|sip|u{n}|secret{n}|||0\n" for n in range(10_000, 16_000))
    assert 0 == run(tmp_path, "contexts", "set", "big", "--range", "10000-19999")[0]
    return (HEADER + rows).encode()


def import_killed(folder: Path, after_s: float | None) -> float:
    """An import that gets SIGKILL at that moment, if it is not done before; how long it took."""
    began_s = time.monotonic()
    running = one_command.start("users", "import", "large.csv", env=environment(folder), cwd=folder)
    try:
        running.wait(after_s)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
    return time.monotonic() - began_s


async def test_an_import_that_is_killed_has_done_everything_or_nothing(tmp_path: Path, large: bytes) -> None:
    """SIGKILL at random moments from its beginning to its end; the store is its own process and goes on."""
    chance, seen = random.Random(26), set()  # noqa: S311 - a test's dice
    (tmp_path / "large.csv").write_bytes(large)
    tables = "callrec:{callrec:events}:"
    async with open_store("embedded:", tmp_path / "s") as store:
        whole_s = await asyncio.to_thread(import_killed, tmp_path, None)
        for kill in range(KILLS):
            there = await store.tables()
            assert await ask(store._client, "HLEN", f"{tables}claims") == 2 * len(there.lines)
            seen.add((len(there.users), len(there.lines)))
            await ask(store._client, "DEL", *(f"{tables}{name}" for name in ("users", "lines", "claims")))
            await asyncio.to_thread(import_killed, tmp_path, (kill + chance.random()) / KILLS * whole_s)
    assert {(0, 0), (6000, 6000)} == seen
