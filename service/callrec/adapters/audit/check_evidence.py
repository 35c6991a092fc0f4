"""Checks the evidence in this folder, with nothing but Python and openssl, by `python3 check.py`.

Each step is printed with its result: the files, the entry, the checkpoint, the keys, the time stamp. Exit code 0 when all are
right. Who wants to trust no program of this folder does the steps of HOW-TO-CHECK.txt by hand.
"""
# ruff: noqa: T201 - a script that tells what it finds

import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


class Wrong(Exception):
    """What is wrong, as a sentence."""


def main() -> int:
    """Print each step."""
    steps = (
        files_are_those_of_the_entry,
        entry_is_proven,
        checkpoint_is_signed,
        key_is_the_one_that_is_named,
        former_keys,
        time_stamp,
    )
    for step in steps:
        try:
            print(f"ok      {step()}")
        except Wrong as wrong:
            print(f"WRONG   {wrong}")
            return 1
        except (OSError, ValueError, KeyError, IndexError) as error:
            print(f"WRONG   the evidence is not complete: {error!r}")
            return 1
    key = hashlib.sha256((FOLDER / "log.pem").read_bytes()).hexdigest()
    print(f"\nThis holds as far as you know that log.pem is the key of this callrec. Its SHA-256: {key}")
    return 0


def files_are_those_of_the_entry() -> str:
    """Each file of the recording has the digest that the entry says."""
    entry = json.loads((FOLDER / "entry.json").read_bytes())
    here = {digest_of(path): path.name for path in FOLDER.iterdir() if path.is_file()}
    missing = [one["part"] for one in entry["files"] if one["sha256"] not in here]
    if missing:
        raise Wrong(
            f"these files of recording {entry['recording']} are not here as they were logged: {', '.join(missing)}"
        )
    names = ", ".join(here[one["sha256"]] for one in entry["files"])
    return f"the files of recording {entry['recording']} are as they were logged on {entry['time']}: {names}"


def entry_is_proven() -> str:
    """The hash of the entry leads to the checkpoint's root (RFC 9162, section 2.1.3.2)."""
    index, size = proven("entry.tlog-proof", "checkpoint.txt")
    return f"the entry is number {index} of the {size} entries that the checkpoint speaks of"


def proven(proof_name: str, checkpoint_name: str) -> tuple[int, int]:
    """The number of the entry that is in the log of this checkpoint, by this proof, and how many entries that log has."""
    lines = (FOLDER / proof_name).read_text(encoding="utf-8").split("\n")
    index = int(lines[1].removeprefix("index "))
    end = lines.index("")
    proof = [base64.b64decode(line, validate=True) for line in lines[2:end]]
    text = (FOLDER / checkpoint_name).read_text(encoding="utf-8").split("\n")
    size, root = int(text[1]), base64.b64decode(text[2], validate=True)
    node, last = index, size - 1
    found = hashlib.sha256(b"\0" + (FOLDER / "entry.json").read_bytes()).digest()
    for one in proof:
        if last == 0:
            raise Wrong("the proof is too long")
        if node % 2 or node == last:
            found = hashlib.sha256(b"\1" + one + found).digest()
            while node % 2 == 0 and node:
                node, last = node // 2, last // 2
        else:
            found = hashlib.sha256(b"\1" + found + one).digest()
        node, last = node // 2, last // 2
    if last or index >= size or found != root:
        raise Wrong(f"the entry is not in the log of {checkpoint_name}")
    return index, size


def checkpoint_is_signed() -> str:
    """`openssl` takes the signature, and both forms of the checkpoint are the same."""
    text, signature = (FOLDER / "checkpoint.txt").read_bytes(), (FOLDER / "checkpoint.sig").read_bytes()
    note = (FOLDER / "checkpoint").read_bytes()
    signed, _, below = note.rpartition(b"\n\n")
    lines = [base64.b64decode(line.split()[-1]) for line in below.splitlines()]
    if signed + b"\n" != text or signature not in [line[4:] for line in lines]:
        raise Wrong("checkpoint is not checkpoint.txt with checkpoint.sig")
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "log.pem", "-rawin", "-in", "checkpoint.txt"]
    done = subprocess.run([*command, "-sigfile", "checkpoint.sig"], cwd=FOLDER, capture_output=True, check=False)  # noqa: S603 - fixed words
    if done.returncode:
        raise Wrong(f"the key in log.pem has not signed the checkpoint: {done.stdout!r} {done.stderr!r}")
    return f"the checkpoint of {text.split(maxsplit=1)[0].decode()} is signed by the key in log.pem"


def key_is_the_one_that_is_named() -> str:
    """`log.vkey` and `log.pem` are the same key."""
    name, _, rest = (FOLDER / "log.vkey").read_text(encoding="utf-8").strip().partition("+")
    public = base64.b64decode(rest.partition("+")[2])[1:]
    pem = base64.b64decode("".join((FOLDER / "log.pem").read_text(encoding="utf-8").split("\n")[1:-2]))
    if pem[-32:] != public:
        raise Wrong("log.vkey and log.pem are different keys")
    if (FOLDER / "checkpoint.txt").read_text(encoding="utf-8").split("\n")[0] != name:
        raise Wrong("the checkpoint is that of another log")
    return f"log.vkey is the same key, of the log {name}"


def former_keys() -> str:
    """Each change of the key is signed by the former and by the new one (the file `keys`), up to the key of `log.vkey`."""
    path = FOLDER / "keys"
    if not path.exists():
        return "the log has had this key only"
    parts, last, shown = path.read_bytes().split(b"\n\n"), None, []
    for text, below in zip(parts[::2], parts[1::2], strict=False):
        lines = text.decode().split("\n")
        keys = [raw_key(line) for line in lines[1:3]]
        signatures = [base64.b64decode(line.split()[-1])[4:] for line in below.splitlines()]
        pairs = zip(keys, signatures, strict=True)
        if (last and keys[0] != last) or not all(is_signed(text + b"\n", key, one) for key, one in pairs):
            raise Wrong(f"the change to {lines[2]} is not signed by both keys")
        last = keys[1]
        shown.append(f"{lines[1].removeprefix('former ')} for the first {lines[3].removeprefix('entries ')} entries")
    if last != raw_key((FOLDER / "log.vkey").read_text(encoding="utf-8").strip()):
        raise Wrong("the changes of the key do not lead to log.vkey")
    return f"the log had other keys before, each of which has signed for the next one: {'; '.join(shown)}"


def time_stamp() -> str:
    """The entry is in the checkpoint that was stamped, and the stamp is of that checkpoint; signed, if the authority is known."""
    if not (FOLDER / "stamp.tsr").exists():
        return "no authority has stamped the entry"
    proven("stamp.tlog-proof", "stamp.checkpoint")
    text = openssl_ts("-reply", "-text").stdout.decode(errors="replace")
    stamped = "".join(re.findall("^    00[01]0 - ([0-9a-f -]{47})", text, re.MULTILINE)[:2])
    at = re.search(r"^Time stamp: (\w+ +\d+ [\d:]+)(?:\.\d+)? (\d{4}) GMT$", text, re.MULTILINE)
    if at is None or re.sub("[ -]", "", stamped) != digest_of(FOLDER / "stamp.checkpoint"):
        raise Wrong("stamp.tsr is not a time stamp of stamp.checkpoint")
    when = datetime.strptime(f"{at[1]} {at[2]} +0000", "%b %d %H:%M:%S %Y %z")
    if not (FOLDER / "stamp-ca.pem").exists():
        return f"a time stamp says {when}; step 4 of HOW-TO-CHECK.txt shows how its signature is checked"
    known = ("-data", "stamp.checkpoint", "-CAfile", "stamp-ca.pem", "-attime", str(int(when.timestamp())))
    done = openssl_ts("-verify", *known)
    if done.returncode:
        raise Wrong(f"no authority of stamp-ca.pem has signed the time stamp: {done.stderr!r}")
    return f"an authority of stamp-ca.pem has signed that it saw the log with the entry at {when}"


def openssl_ts(*words: str) -> "subprocess.CompletedProcess[bytes]":
    """`openssl ts` for stamp.tsr."""
    command = ["openssl", "ts", words[0], "-in", "stamp.tsr", *words[1:]]
    return subprocess.run(command, cwd=FOLDER, capture_output=True, check=False)  # noqa: S603 - fixed words


def raw_key(line: str) -> bytes:
    """The 32 bytes of a key as c2sp.org/signed-note writes it: name, id and base64, with a + between."""
    return base64.b64decode(line.split("+", 2)[2], validate=True)[1:]


def is_signed(text: bytes, key: bytes, signature: bytes) -> bool:
    """Whether `openssl` takes this signature by a raw Ed25519 key (RFC 8410 says how it is wrapped)."""
    with tempfile.TemporaryDirectory() as name:
        folder, wrapped = Path(name), base64.b64encode(bytes.fromhex("302a300506032b6570032100") + key).decode()
        (folder / "key").write_text(
            f"-----BEGIN PUBLIC KEY-----\n{wrapped}\n-----END PUBLIC KEY-----\n", encoding="ascii"
        )
        (folder / "text").write_bytes(text)
        (folder / "signature").write_bytes(signature)
        command = [
            "openssl",
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            "key",
            "-rawin",
            "-in",
            "text",
            "-sigfile",
            "signature",
        ]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0  # noqa: S603 - fixed words


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
