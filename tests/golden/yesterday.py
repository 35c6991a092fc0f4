"""What a real product left behind, put where a daemon of now finds it."""

import shutil
import sqlite3
import tarfile
from pathlib import Path

from samples import TODAY


def lay(folder: Path) -> Path:
    """State, spool, library and Asterisk's files below `folder`, as `callrec_lab.daemon` has them. Returns that of the files."""
    with tarfile.open(TODAY / "bulk.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    for name, where in (("monitor", "monitor"), ("journal", "state/journal"), ("asterisk", "asterisk")):
        shutil.copytree(TODAY / name, folder / where, dirs_exist_ok=True)
    return folder / "asterisk"


def dialplan(folder: Path, sounds: Path) -> Path:
    """The dialplan of that day in a folder of its own, with the sounds of now."""
    shutil.copytree(TODAY / "dialplan", folder)
    (folder / "sounds").symlink_to(sounds)
    return folder


def lay_astdb(file: Path) -> None:
    """Asterisk's database as it was, for an Asterisk that has not started yet (db.c: create_astdb_stmt_sql)."""
    rows = (line.partition(" ") for line in (TODAY / "astdb.txt").read_text().splitlines())
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
        database.executemany("INSERT INTO astdb VALUES (?, ?)", [(key, value) for key, _, value in rows])


def astdb(file: Path) -> dict[str, str]:
    """What Asterisk's database holds of ours."""
    with sqlite3.connect(file) as database:
        return dict(database.execute("SELECT key, value FROM astdb WHERE key LIKE '/callrec/%' ORDER BY key"))
