"""What `callrec doctor` says: one finding for each thing that callrec needs, with what to write where it is not so.

Here: findings, the judgement of folders and of Asterisk's version. What Asterisk itself is asked is in `doctor_asterisk`.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

GIB = 1 << 30
LEAST_FREE_BYTES = GIB
BYTES_PER_CALL_HOUR = 2 * 2 * 8000 * 3600
"""Two legs of 16-bit samples at 8 kHz: what an hour of one recorded call takes in the spool."""

REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "glusterfs", "ocfs2", "gfs2", "lustre"})
MEMORY = frozenset({"tmpfs", "ramfs"})

_VERSION = re.compile(r"(?:GIT-)?(\d+)(?:\.(\d+))?")
_MUTE_DEADLOCK = "MixMonitorMute can lock a call up"
_BROKEN_MIX = "recordings come out broken"
_FAULTS = {
    18: (range(20), _MUTE_DEADLOCK),
    19: (range(1000), _MUTE_DEADLOCK),
    20: (range(5), _MUTE_DEADLOCK),
}
_BROKEN = {20: range(12, 15), 21: range(7, 10), 22: range(2, 5)}
"""Series whose app_mixmonitor writes broken files, by Asterisk's own change logs."""


class Verdict(StrEnum):
    """What became of a check."""

    OK = "ok"
    WRONG = "wrong"
    UNSEEN = "unseen"
    """It cannot be seen from here; `says` tells why and what to look at."""
    CLOSED = "closed"
    """A door that callrec needs does not open now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's: what was looked at, what was seen, and what to write where (several lines) if it is wrong."""

    check: str
    verdict: Verdict
    says: str
    write: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder as it is on this machine; `exists` False: what is said is of the nearest folder above that exists."""

    path: str
    exists: bool
    writable: bool
    owner: str
    group: str
    mode: int
    filesystem: str
    free_bytes: int


def exit_code(findings: Sequence[Finding]) -> int:
    """0: all is well (as far as it can be seen), 1: something is wrong, 3: a door is closed."""
    verdicts = {finding.verdict for finding in findings}
    return 3 if Verdict.CLOSED in verdicts else 1 if Verdict.WRONG in verdicts else 0


def judge_version(version: str) -> Finding:
    """Asterisk's version, as Asterisk says it."""
    check = "asterisk version"
    if version.startswith("certified"):
        return Finding(check, Verdict.UNSEEN, f"{version}: compare its change log with the remarks of 20.5 and 22.5")
    match = _VERSION.match(version)
    if match is None:
        return Finding(check, Verdict.UNSEEN, f"{version[:80]!r} is no version that callrec knows")
    if reason := fault_of(int(match[1]), int(match[2] or 999)):
        write = "install Asterisk 22.5 or newer (or 20.15, 21.10, 18.20 or newer of their series)"
        return Finding(check, Verdict.WRONG, f"{version}: {reason}", write)
    return Finding(check, Verdict.OK, version)


def fault_of(major: int, minor: int) -> str:
    """Why recordings of this version cannot be relied on; empty when they can."""
    if major < min(_FAULTS):
        return "too old: callrec needs 18.20 or newer"
    deadlocks, reason = _FAULTS.get(major, (range(0), ""))
    if minor in deadlocks:
        return reason
    return _BROKEN_MIX if minor in _BROKEN.get(major, ()) else ""


def judge_place(check: str, setting: str, place: Place) -> list[Finding]:
    """A folder that we write to: whether we may, and whether there is room."""
    if not place.writable:
        what = "may not be written by us" if place.exists else "is not there and we may not make it"
        write = f"make it and give it to callrec's user, or set {setting}"
        return [Finding(check, Verdict.WRONG, f"{place.path} {what}", write)]
    if place.free_bytes < LEAST_FREE_BYTES:
        says = f"{place.path}: {place.free_bytes / GIB:.1f} GiB free"
        return [Finding(check, Verdict.WRONG, says, f"free space there, or set {setting} to another disk")]
    when = "" if place.exists else " (will be made)"
    return [Finding(check, Verdict.OK, f"{place.path}{when}, {place.free_bytes / GIB:.0f} GiB free")]


def judge_spool(place: Place, asterisk_user: str, asterisk_groups: Collection[str]) -> list[Finding]:
    """The folder that Asterisk writes to, besides what holds for each: its disk, and Asterisk's right to write there."""
    findings = judge_place("spool folder", "CALLREC_SPOOL_DIR", place)
    if place.filesystem in REMOTE or place.filesystem.startswith("fuse."):
        says = f"{place.path} is on {place.filesystem}: slow storage loses the beginning of recordings"
        findings.append(Finding("spool disk", Verdict.WRONG, says, "set CALLREC_SPOOL_DIR to a local disk"))
    elif place.filesystem in MEMORY:
        says = f"{place.path} is in memory: a power cut loses what is being recorded"
        findings.append(Finding("spool disk", Verdict.WRONG, says, "set CALLREC_SPOOL_DIR to a local disk"))
    else:
        hours = place.free_bytes // BYTES_PER_CALL_HOUR
        findings.append(Finding("spool disk", Verdict.OK, f"{place.filesystem}, room for {hours} hours of calls"))
    if place.exists:
        findings.append(_judge_asterisks_right(place, asterisk_user, asterisk_groups))
    return findings


def _judge_asterisks_right(place: Place, user: str, groups: Collection[str]) -> Finding:
    check, is_so = "spool written by asterisk", f"{place.path} is {place.owner}:{place.group} {place.mode:04o}"
    if not user:
        return Finding(check, Verdict.UNSEEN, f"Asterisk does not say which user it runs as; {is_so}")
    bits = 0o700 if user == place.owner else 0o070 if place.group in groups else 0o007
    if user == "root" or place.mode & bits & 0o333 == bits & 0o333:
        return Finding(check, Verdict.OK, f"{is_so}, Asterisk runs as {user}")
    write = f"chgrp {min(groups, default=user)} {place.path} && chmod 2770 {place.path}, and put callrec's user into that group"
    return Finding(check, Verdict.WRONG, f"{is_so}, and Asterisk runs as {user}", write)
