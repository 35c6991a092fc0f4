"""Where master keys come from, what is said when they cannot be had, and a key that was exchanged under its id."""

import base64
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from callrec.adapters.encryption import key_sources, master_keys
from callrec.adapters.encryption.key_sources import KeySource, parsed
from callrec.adapters.encryption.master_keys import MasterKeys
from callrec.domain.errors import CallrecError, Misconfigured, Unavailable

FIRST, SECOND = bytes(range(32)), bytes(range(100, 132))


def line(name: str, key: bytes) -> str:
    return f"{name} {base64.b64encode(key).decode()}\n"


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


def raised(work: Callable[[], object]) -> CallrecError:
    with pytest.raises(CallrecError) as caught:
        work()
    assert "2026" not in str(caught.value) or base64.b64encode(FIRST).decode() not in str(caught.value)
    return caught.value


def test_the_first_line_is_the_current_key_and_comments_and_hex_are_read() -> None:
    text = f"# new since June\n{line('2027', SECOND)}\n 2026 {FIRST.hex()}  # the former one\n"
    assert list(parsed(text).items()) == [("2027", SECOND), ("2026", FIRST)]
    assert parsed(text.replace("\n", ",").replace("# new since June,", "").split("#", maxsplit=1)[0]) == parsed(text)
    urlsafe = base64.urlsafe_b64encode(bytes([251, 255] * 2) + bytes(range(28))).decode()
    assert len(parsed(f"a {urlsafe}")["a"]) == 32


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no key"),
        ("# nothing\n\n", "there is no key"),
        ("2026\n", "not `ID KEY`"),
        (f"{base64.b64encode(FIRST).decode()}\n", "not `ID KEY`"),
        (f"../x {FIRST.hex()}", "not `ID KEY`"),
        (f"2026 {FIRST.hex()} more", "not `ID KEY`"),
        (f"2026 {base64.b64encode(FIRST[:16]).decode()}", "16 bytes in place of 32"),
        (f"2026 {base64.b64encode(FIRST * 2).decode()}", "64 bytes in place of 32"),
        ("2026 not*base64", "neither base64"),
        (f"2026 {'z' * 64}", "neither base64"),
        (f"2026 {bytes(32).hex()}", "not random"),
        (line("2026", FIRST) + line("2026", SECOND), "two keys have the id 2026"),
    ],
)
def test_a_text_that_has_no_keys_is_refused_without_a_word_of_it(text: str, says: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parsed(text)
    assert caught.value.code == "encryption-keys"
    assert says in str(caught.value)
    assert not any(word in str(caught.value) for word in text.split() if len(word) > 20)


def test_a_file_is_read_when_only_its_owner_and_group_may(tmp_path: Path) -> None:
    path = key_file(tmp_path, line("2026", FIRST), 0o640)
    assert KeySource(f"file:{path}").read() == {"2026": FIRST}
    path.chmod(0o644)
    error = raised(KeySource(f"file:{path}").read)
    assert (error.code, "every user" in str(error), "chmod" in error.hint) == ("encryption-keys", True, True)


def test_a_file_that_is_missing_a_pipe_or_no_text_is_told(tmp_path: Path) -> None:
    error = raised(KeySource(f"file:{tmp_path / 'none'}").read)
    assert (type(error), error.code) == (Unavailable, "encryption-keys-away")
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert raised(KeySource(f"file:{tmp_path / 'pipe'}").read).code == "encryption-keys"
    (tmp_path / "binary").write_bytes(b"2026 \xff\xfe")
    (tmp_path / "binary").chmod(0o600)
    assert raised(KeySource(f"file:{tmp_path / 'binary'}").read).code == "encryption-keys"


def test_a_file_where_backups_copy_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    path = key_file(tmp_path / "state", line("2026", FIRST))
    (tmp_path / "link").symlink_to(path)
    for name in (path, tmp_path / "link"):
        error = raised(KeySource(f"file:{name}", [tmp_path / "monitor", tmp_path / "state"]).read)
        assert (error.code, "backups" in str(error)) == ("encryption-keys", True)
    assert KeySource(f"file:{path}", [tmp_path / "monitor"]).read() == {"2026": FIRST}


def test_a_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORDING_KEYS", line("2026", FIRST))
    assert KeySource("env:RECORDING_KEYS").read() == {"2026": FIRST}
    monkeypatch.delenv("RECORDING_KEYS")
    assert raised(KeySource("env:RECORDING_KEYS").read).code == "encryption-keys-away"


def command(code: str) -> KeySource:
    return KeySource(f"command:{sys.executable} -c '{code}'")


def test_a_command_is_run_without_a_shell() -> None:
    assert command(f'print("2026 {FIRST.hex()}")').read() == {"2026": FIRST}
    assert raised(KeySource(f"command:echo 2026 {FIRST.hex()} ; true").read).code == "encryption-keys", (
        "no shell splits it"
    )


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ('import sys; sys.exit("the vault is sealed")', "ended with 1: 'the vault is sealed'"),
        ("print(1); raise SystemExit(3)", "ended with 3"),
        ("import os; os.kill(os.getpid(), 9)", "ended with -9"),
        ("while True: print(1)", "writes more than 65536 bytes"),
    ],
)
def test_a_command_that_fails_is_told(code: str, says: str) -> None:
    error = raised(command(code).read)
    assert (error.code, says in str(error)) == ("encryption-keys-away", True), str(error)


def test_a_command_that_does_not_end_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sources, "COMMAND_S", 1.0)
    note = tmp_path / "child"
    code = (
        'import os, subprocess, time; child = subprocess.Popen(["sleep", "600"]);'
        f'open("{note}", "w").write(str(child.pid)); time.sleep(600)'
    )
    error = raised(command(code).read)
    assert (error.code, "has not ended" in str(error)) == ("encryption-keys-away", True)
    if note.exists():  # a busy machine may have killed it before it had a child
        stat = Path(f"/proc/{note.read_text()}/stat")
        for _ in range(100):
            if not stat.exists() or stat.read_text().split()[2] == "Z":
                break
            time.sleep(0.1)
        else:
            pytest.fail("its child still runs")


def test_a_command_that_is_not_there_is_told() -> None:
    assert raised(KeySource("command:/no/such/program").read).code == "encryption-keys-away"


class Scripted:
    """A source whose content a test changes; it counts how often it was read."""

    def __init__(self, **keys: bytes) -> None:
        self.keys, self.fails, self.reads, self.stamp = keys, None, 0, None

    def read(self) -> dict[str, bytes]:
        """See KeySource."""
        self.reads += 1
        if self.fails:
            raise self.fails
        return dict(self.keys)

    def version(self) -> object:
        """See KeySource."""
        return self.stamp


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that failed is asked again at once."""
    monkeypatch.setattr(master_keys, "AGAIN_S", 0.0)


@pytest.mark.usefixtures("at_once")
def test_keys_are_read_once_and_again_when_one_is_missing(tmp_path: Path) -> None:
    source = Scripted(k2027=SECOND)
    keys = MasterKeys(source, tmp_path)
    assert [keys.current().key, keys.named("k2027").key, source.reads] == [SECOND, SECOND, 1]
    assert raised(lambda: keys.named("k2026")).code == "encryption-key-unknown"
    source.keys["k2026"] = FIRST
    assert keys.named("k2026").key == FIRST
    assert keys.ids() == ("k2027", "k2026")
    assert "\\x" not in repr(keys.current())


def test_a_source_that_fails_is_not_asked_for_each_reader(tmp_path: Path) -> None:
    source = Scripted()
    source.fails = Unavailable("encryption-keys-away", "away")
    keys = MasterKeys(source, tmp_path)
    for _ in range(5):
        assert raised(keys.current).code == "encryption-keys-away"
    assert source.reads == 1


@pytest.mark.usefixtures("at_once")
def test_what_was_read_stays_when_the_source_goes_and_a_changed_file_is_read(tmp_path: Path) -> None:
    path = key_file(tmp_path, line("2026", FIRST))
    keys = MasterKeys(KeySource(f"file:{path}"), tmp_path / "state")
    assert keys.current().id == "2026"
    path.unlink()
    keys.look()
    assert keys.current().id == "2026"
    key_file(tmp_path, line("2027", SECOND) + line("2026", FIRST))
    assert keys.current().id == "2027"
    path.write_text("garbage")
    assert raised(keys.look).code == "encryption-keys"
    assert keys.current().id == "2027", "what was read is used on, and readiness tells"


@pytest.mark.usefixtures("at_once")
def test_a_key_that_was_exchanged_under_its_id_encrypts_nothing(tmp_path: Path) -> None:
    MasterKeys(Scripted(k=FIRST), tmp_path).current()
    (check,) = (tmp_path / "encryption").iterdir()
    assert (check.name, check.stat().st_mode & 0o777) == ("k.check", 0o600)
    assert FIRST.hex() not in check.read_text()
    other = MasterKeys(Scripted(k=SECOND), tmp_path)
    for work in (other.current, lambda: other.named("k"), other.look):
        error = raised(work)
        assert (error.code, "is not the one" in str(error)) == ("encryption-keys", True)
    assert MasterKeys(Scripted(k=FIRST), tmp_path).current().key == FIRST


def test_a_slow_source_that_fails_is_asked_once_for_all_who_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would else wait for the whole time of its own question: the pause begins when the answer is there."""
    now_s, asked = [1000.0], list[float]()

    class Slow(KeySource):
        def read(self) -> dict[str, bytes]:
            asked.append(now_s[0])
            now_s[0] += 2 * master_keys.AGAIN_S
            raise Unavailable("encryption-keys-away", "the vault does not answer")

    monkeypatch.setattr(master_keys.time, "monotonic", lambda: now_s[0])
    keys = MasterKeys(Slow("command:vault"), tmp_path)
    for _ in range(3):
        assert raised(lambda: keys.named("2026")).code == "encryption-keys-away"
    assert len(asked) == 1
    now_s[0] += master_keys.AGAIN_S
    raised(lambda: keys.named("2026"))
    assert len(asked) == 2
