"""Files that nobody should import: each is refused with the place and the reason, changes nothing, and costs little memory."""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import one_command
import pytest
import pytest_asyncio

from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.redis.store import RedisStore, open_store
from callrec.app.directory.user_file.file_text import LARGEST_BYTES
from callrec.app.directory.user_file.import_users import import_users
from callrec.domain.errors import Refused

HEAD = "firstname|phonenumber|context|protocol|linename|username|agentnumber\n"
THERE = HEAD + "Ann|1000|default|sip|ann|ann|7\n"
BOX = "firstname|language|phonenumber|context|protocol|voicemailname|voicemailmailbox|voicemailpassword\n"
MIB = 1024 * 1024
ALLOWED_BYTES = 80 * MIB


def zipped() -> bytes:
    """What a spreadsheet program saves when nobody says CSV."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("users.csv", THERE)
    return archive.getvalue()


BAD: dict[str, tuple[bytes | str, str]] = {
    "empty": ("", "line 1: must be a header: the file is empty"),
    "blank lines only": ("\n \r\n\n", "line 1: must be a header"),
    "a byte order mark only": (b"\xef\xbb\xbf", "line 1: must be a header"),
    "header only": (HEAD, "line 2: must be a row: the file has none"),
    "header and blank lines": (HEAD + "\n\n", "line 2: must be a row"),
    "NUL in a row": (HEAD + "B\0b||||||\n", "line 2 has a NUL character"),
    "NUL only": (bytes(1000), "line 1 has a NUL character"),
    "UTF-16 without mark": (THERE.encode("utf-16-le"), "line 1 has a NUL character"),
    "UTF-16 cut in a character": (b"\xff\xfef\0i", "is not utf-16"),
    "UTF-16 with an unknown column": ("nosuch\nx\n".encode("utf-16"), "line 1, nosuch"),
    "latin-1": ((HEAD + "Zoé||||||\n").encode("latin-1"), "is not utf-8: line 2, byte 3"),
    "cut UTF-8": ((HEAD + "Zoé").encode()[:-1], "is not utf-8: line 2, byte 3"),
    "overlong UTF-8": (HEAD.encode() + b"\xc0\xaf||||||\n", "is not utf-8: line 2, byte 1"),
    "surrogate in UTF-8": (HEAD.encode() + b"\xed\xa0\x80||||||\n", "is not utf-8: line 2, byte 1"),
    "random bytes": (bytes(range(128, 256)) * 10, "is not utf-8: line 1, byte 1"),
    "zip": (zipped(), "is a zip archive"),
    "gzip": (b"\x1f\x8b\x08\0", "is compressed"),
    "old spreadsheet": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old spreadsheet"),
    "PDF": (b"%PDF-1.7\n", "is a PDF"),
    "JSON": ('[{"firstname": "Ann"}]', "line 1"),
    "HTML": ("<html><body>firstname</body></html>", "line 1, <html>"),
    "CRLF, CR and LF with an error": ("firstname|entityid\r\nA|1\rB|1\nC|x\r\n", "line 4, entityid: 'x'"),
    "unbalanced quote": (HEAD + 'B|"1001|default|sip|||\nC|1002|default|sip|||\n', "line 2: cannot be read"),
    "quote inside": (HEAD + '"B"b|1001|default|sip|||\n', "line 2: cannot be read"),
    "unbalanced quote in the header": ('"firstname|lastname\nA|B\n', "line 1: cannot be read"),
    "10 MB in one value": (HEAD + "B" * 10_000_000 + "||||||\n", "line 2: cannot be read: field larger"),
    "10 MB of quotes": (HEAD + '"' * 10_000_001 + "\n", "line 2"),
    "10 MB in one header": ("B" * 10_000_000 + "\n", "line 1"),
    "a million separators": (
        HEAD + "|" * 1_000_000 + "x\n",
        "line 2: must have as many values as the header: 7, not 1000001",
    ),
    "missing firstname": ("lastname\nDoe\n", "line 1, firstname: '' must be among the columns"),
    "unknown column": ("firstname|shoesize\nA|46\n", "line 1, shoesize: 'shoesize' is no column"),
    "column twice": ("firstname|firstname\nA|B\n", "line 1, firstname: 'firstname' must be there only once"),
    "upper case column": ("Firstname|Shoe\nA|46\n", "line 1, Shoe: 'Shoe' is no column"),
    "one column twice in other spellings": ("firstname|First Name\nA|B\n", "must be there only once"),
    "tabs and bars": ("firstname\tlastname|language\nA\tB|C\n", "is no column of a user file"),
    "column without name": ("firstname||lastname\nA||B\n", "line 1: must have a name in column 2"),
    "rows of separators only": (HEAD + "||||||\n" * 1000, "line 2: must be a row: the file has none"),
    "a separator that is none": ("sep=:\nfirstname:lastname\nA:B\n", "line 1, sep=:"),
    "names that differ in capitals": (
        HEAD + "B|1001|default|sip|bob||\nC|1002|default|sip|Bob||\n",
        "line 3, linename: 'Bob' must differ from bob in more than capitals: line 2 has it",
    ),
    "a name of somebody in capitals": (
        HEAD + "B|1001|default|sip|ANN||\n",
        "line 2, linename: 'ANN' must differ from ann in more than capitals: that of user 1, Ann",
    ),
    "too few values": (HEAD + "B|1001\n", "line 2: must have as many values as the header: 7, not 2"),
    "too many values": (HEAD + "B|1001|default|sip||||x\n", "line 2: must have as many values as the header: 7, not 8"),
    "two equal users": (HEAD + "B|||||bob|\nB|||||bob|\n", "line 3, username: 'bob' must be unique: line 2"),
    "a user name of somebody": (HEAD + "B|||||ann|\n", "line 2, username: 'ann' is taken already: by user 1, Ann"),
    "an agent of somebody": (HEAD + "B||||||7\n", "line 2, agentnumber: '7' is taken already"),
    "a number twice": (
        HEAD + "B|1001|default|sip|||\nC|1001|default|sip|||\n",
        "line 3, phonenumber: '1001' must be unique",
    ),
    "a number of somebody": (HEAD + "B|1000|default|sip|||\n", "line 2, phonenumber: '1000' is taken already"),
    "a line name twice": (
        HEAD + "B|1001|default|sip|b||\nC|1002|default|sip|b||\n",
        "line 3, linename: 'b' must be unique",
    ),
    "a line name of somebody": (HEAD + "B|1001|default|sip|ann||\n", "line 2, linename: 'ann' is taken already"),
    "a number outside its range": (HEAD + "B|9999|default|sip|||\n", "line 2, phonenumber: '9999' must be in a range"),
    "an unknown context": (HEAD + "B|1001|nosuch|sip|||\n", "line 2, context: 'nosuch' must be a context of users"),
    "a context of incoming numbers": (HEAD + "B|2001|from-extern|sip|||\n", "line 2, context: 'from-extern'"),
    "an incall in a users' context": (
        "firstname|incallexten|incallcontext\nB|1005|default\n",
        "line 2, incallcontext: 'default' must be a context of incoming numbers",
    ),
    "a line without protocol": (HEAD + "B|1001|default||||\n", "line 2, protocol: '' must have a value"),
    "a voicemail without language": (BOX + "B||1001|default|sip|B|1001|1\n", "line 2, language: '' must have a value"),
    "a voicemail without line": (BOX + "B|en_US||||B|1001|1\n", "line 2, phonenumber: '' must have a value"),
    "an unknown entity": ("firstname|entityid\nB|2\n", "line 2, entityid: '2' must be an entity"),
    "an unknown profile": ("firstname|profileclient\nB|king\n", "line 2, profileclient: 'king' must be a profile"),
    "a formula as a number": (HEAD + "B|=1001|default|sip|||\n", "line 2, phonenumber: '=1001' must be digits"),
    "an escaped formula as a number": (
        HEAD + "B|'=1001|default|sip|||\n",
        "line 2, phonenumber: '=1001' must be digits",
    ),
    "an escape sequence": (HEAD + "\x1b[2JB||||||\n", r"line 2, firstname: '\x1b[2JB' must be at most 128"),
    "digits of another script": (HEAD + "B|\u0661\u0660|default|sip|||\n", "line 2, phonenumber"),
    "a password without hash's form": (
        "firstname|passwordhash\nB|hush\n",
        "line 2, passwordhash: '***' must be a password's hash",
    ),
    "a client without password": (
        "firstname|enableclient|username\nB|1|bob\n",
        "line 2, password: '' must have a value",
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisStore]:
    """With one user, who must be the only one in the end."""
    async with open_store("embedded:", tmp_path_factory.mktemp("s")) as opened:
        await import_users(opened, THERE.encode, "there", passwords=Argon2Passwords())
        yield opened


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", BAD)
async def test_a_bad_file_is_refused_with_its_place_and_changes_nothing(store: RedisStore, name: str) -> None:
    content, complaint = BAD[name]
    before = await store.snapshot()
    with pytest.raises(Refused) as refused:
        await import_users(
            store,
            lambda: content.encode() if isinstance(content, str) else content,
            f"bad-{list(BAD).index(name)}",
            passwords=Argon2Passwords(),
        )
    assert complaint in str(refused.value)
    assert len(str(refused.value)) < 1000
    assert before == await store.snapshot()


def test_there_are_at_least_forty() -> None:
    assert len(BAD) >= 40


MEASURE = """
import os, sys
from callrec.cli import app
from callrec.adapters.redis import store
import callrec.app.directory.user_file.import_users, callrec.adapters.passwords, rich.console, rich.table
read_end, write_end = os.pipe()
os.dup2(read_end, 0)
os.close(read_end)
child = os.fork()
if child == 0:
    os.close(0)
    block = {block}
    try:
        for _ in range({blocks}):
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(write_end, rest):]
    finally:
        os._exit(0)
os.close(write_end)
def most_kib():  # ru_maxrss begins with the peak of the parent, which hides the growth of the child
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
before = most_kib()
sys.argv = ["callrec", "users", "import", "-"]
try:
    app.main()
except SystemExit as ended:
    code = ended.code
os.close(0)
os.waitpid(child, 0)
print(code, most_kib() - before)
"""


@pytest.mark.parametrize(
    ("block", "blocks", "complaint"),
    [
        ("bytes(1024 * 1024)", 1024, "has more than 64 MiB"),
        ("b'firstname\\n' * 100_000", 1000, "has more than 64 MiB"),
        ("b'x' * 10_000_000", 1, "line 1"),
        ("b'firstname|lastname\\n' + b'B' * 10_000_000", 1, "line 2: cannot be read"),
        ("b'firstname|lastname\\n' + b'|' * 10_000_000 + b'x'", 1, "line 2: must have as many values as the header: 2"),
        ("bytes(1024 * 1024)", 63, "has a NUL character"),
    ],
    ids=["1 GB of NUL", "1 GB of rows", "10 MB of header", "10 MB of value", "10 million values", "63 MiB of NUL"],
)
def test_what_is_large_and_bad_costs_little_memory(tmp_path: Path, block: str, blocks: int, complaint: str) -> None:
    """At most 80 MiB more than the largest file that is taken, whatever comes; and a stream is not read to its end."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CALLREC_")}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", MEASURE.format(block=block, blocks=blocks)],
        env={**kept, "CALLREC_STATE_DIR": str(tmp_path / "s")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    code, grown_kib = done.stdout.split()[-2:]
    assert ("1", True) == (code, complaint in done.stderr), done.stderr
    assert int(grown_kib) * 1024 <= LARGEST_BYTES + ALLOWED_BYTES


def test_a_sparse_file_of_a_gigabyte_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "sparse.csv").open("wb") as file:
        file.truncate(1024 * MIB)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CALLREC_")}
    state = {"CALLREC_STATE_DIR": str(tmp_path / "s")}
    done = one_command.run("users", "import", "sparse.csv", "--json", env=kept | state, cwd=tmp_path)
    assert (1, b"") == (done.returncode, done.stdout)
    assert b"has more than 64 MiB" in done.stderr
