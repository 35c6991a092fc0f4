"""The findings of `callrec doctor`: one for each thing that callrec needs, with the repair when something is wrong.

This module has the findings and the checks of folders and of Asterisk's version; `asterisk_checks` has those that ask Asterisk.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

GIB = 1 << 30
LEAST_FREE_BYTES = GIB
BYTES_PER_CALL_HOUR = 2 * 2 * 8000 * 3600
"""Space in the spool for one hour of one recorded call: two legs of 16-bit samples at 8 kHz."""

REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "glusterfs", "ocfs2", "gfs2", "lustre"})
MEMORY = frozenset({"tmpfs", "ramfs"})

_VERSION = re.compile(r"(?:GIT-)?(\d+)(?:\.(\d+))?")
_MUTE_DEADLOCK = "its MixMonitorMute can deadlock a call"
_BROKEN_MIX = "its MixMonitor writes broken recordings"
_FAULTS = {
    18: (range(20), _MUTE_DEADLOCK),
    19: (range(1000), _MUTE_DEADLOCK),
    20: (range(5), _MUTE_DEADLOCK),
}
_BROKEN = {20: range(12, 15), 21: range(7, 10), 22: range(2, 5)}
"""Releases whose app_mixmonitor writes broken files (source: Asterisk's change logs)."""


class Verdict(StrEnum):
    """The result of a check. The values are part of `--json`."""

    OK = "ok"
    WRONG = "wrong"
    UNSEEN = "unseen"
    """Not checked; `says` has the reason, and what to compare by hand."""
    CLOSED = "closed"
    """A server that callrec needs (Redis, AMI, ARI, AGI) is unreachable now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of the doctor: the check's name, its verdict, the observation, and the repair (lines of text) if it is wrong."""

    check: str
    verdict: Verdict
    says: str
    write: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder on this machine. With `exists` False the other fields describe its nearest parent folder that exists."""

    path: str
    exists: bool
    writable: bool
    owner: str
    group: str
    mode: int
    filesystem: str
    free_bytes: int


def exit_code(findings: Sequence[Finding]) -> int:
    """0: no check failed; 1: at least one check failed; 3: a server is unreachable."""
    verdicts = {finding.verdict for finding in findings}
    return 3 if Verdict.CLOSED in verdicts else 1 if Verdict.WRONG in verdicts else 0


def judge_version(version: str) -> Finding:
    """The finding for a version as CoreSettings reports it, such as `22.5.0` or `certified/20.7-cert1`."""
    check = "asterisk version"
    if version.startswith("certified"):
        return Finding(check, Verdict.UNSEEN, f"{version}: compare its change log with the remarks of 20.5 and 22.5")
    match = _VERSION.match(version)
    if match is None:
        return Finding(check, Verdict.UNSEEN, f"unknown version format: {version[:80]!r}")
    if reason := fault_of(int(match[1]), int(match[2] or 999)):
        write = "install Asterisk 22.5 or newer (or 20.15, 21.10, 18.20 or newer of their series)"
        return Finding(check, Verdict.WRONG, f"{version}: {reason}", write)
    return Finding(check, Verdict.OK, version)


def fault_of(major: int, minor: int) -> str:
    """The reason why callrec must not run with this version; empty for a good version."""
    if major < min(_FAULTS):
        return "too old: callrec needs 18.20 or newer"
    deadlocks, reason = _FAULTS.get(major, (range(0), ""))
    if minor in deadlocks:
        return reason
    return _BROKEN_MIX if minor in _BROKEN.get(major, ()) else ""


def judge_place(check: str, setting: str, place: Place) -> list[Finding]:
    """Whether this user may write to the folder (or create it), and whether enough space is free."""
    if not place.writable:
        what = "is not writable for this user" if place.exists else "does not exist, and this user may not create it"
        write = f"create it with callrec's user as its owner, or set {setting}"
        return [Finding(check, Verdict.WRONG, f"{place.path} {what}", write)]
    if place.free_bytes < LEAST_FREE_BYTES:
        says = f"{place.path}: {place.free_bytes / GIB:.1f} GiB free"
        return [
            Finding(check, Verdict.WRONG, says, f"free some space there, or set {setting} to a folder on another disk")
        ]
    when = "" if place.exists else " (will be created)"
    return [Finding(check, Verdict.OK, f"{place.path}{when}, {place.free_bytes / GIB:.0f} GiB free")]


def judge_spool(place: Place, asterisk_user: str, asterisk_groups: Collection[str]) -> list[Finding]:
    """The spool: the checks of every folder, and also its file system and Asterisk's right to write there."""
    findings = judge_place("spool folder", "CALLREC_SPOOL_DIR", place)
    if place.filesystem in REMOTE or place.filesystem.startswith("fuse."):
        says = f"{place.path} is on {place.filesystem}: on slow storage the beginning of recordings is lost"
        findings.append(Finding("spool disk", Verdict.WRONG, says, "set CALLREC_SPOOL_DIR to a local disk"))
    elif place.filesystem in MEMORY:
        says = f"{place.path} is in memory: a power cut destroys the recordings of running calls"
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
        return Finding(check, Verdict.UNSEEN, f"Asterisk does not report which user it runs as; {is_so}")
    bits = 0o700 if user == place.owner else 0o070 if place.group in groups else 0o007
    if user == "root" or place.mode & bits & 0o333 == bits & 0o333:
        return Finding(check, Verdict.OK, f"{is_so}, Asterisk runs as {user}")
    write = f"chgrp {min(groups, default=user)} {place.path} && chmod 2770 {place.path}, and put callrec's user into that group"
    return Finding(check, Verdict.WRONG, f"{is_so}, and Asterisk runs as {user}", write)
