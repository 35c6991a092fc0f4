"""`make bench`: all benchmarks, one table, and everything as JSON in bench/results/; `python -m bench NAME` runs one.

A benchmark that lacks a peer or an Asterisk says so, and the others go on. Numbers never fail a run: the exit code is 1 only
when a benchmark itself broke.
"""

import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import quiet
from callrec.domain.errors import CallrecError

BENCHES: Mapping[str, tuple[float, ...]] = {
    "agi": (12.0,),
    "ami": (12.0,),
    "status_pages": (),
    "events": (),
    "media": (),
    "listeners": (),
    "absent": (),
    "confgen": (),
    "online_record": (),
    "press_to_file": (),
    "lookup": (),
    "load": (),
    "pauses": (),
    "provisioning": (),
    "audit": (),
    "catalogue": (),
    "recordings_page": (),
    "retention": (),
    "verify": (),
}
"""In this order, with what each `run` is given."""
RESULTS = Path(__file__).parent / "results"
Found = Mapping[str, object]

ROWS = (
    ("agi", "ours_dialogues_per_core_s", "ratio_to_bare_asyncio", ">=", 0.8, "FastAGI dialogues per core and s"),
    ("agi", "ours_dialogues_per_core_s", "ratio_to_panoramisk", "", None, "  against panoramisk"),
    *(
        (
            "agi",
            f"proven_{which}_dialogues_per_core_s",
            f"ratio_proven_{which}",
            "",
            None,
            f"  with the proof of a leg that asks {which}, against without",
        )
        for which in ("first", "again")
    ),
    (
        "ami",
        "unfiltered_ours_events_per_core_s",
        "unfiltered_ratio_to_panoramisk",
        "",
        None,
        "AMI events per core and s, all",
    ),
    ("ami", "filtered_ours_events_per_core_s", "filtered_ratio_to_panoramisk", "", None, "  events that we read only"),
    ("ami", "unfiltered_ours_events_per_s", "", ">=", 90_000, "  all, by the clock"),
    (
        "status_pages",
        "beside_p99_ms",
        "ratio_p99",
        "<=",
        2,
        "FastAGI p99, ms, beside 200 connections that ask /metrics",
    ),
    ("status_pages", "beside_p99_ms", "", "<=", 20, "  by the clock"),
    ("recordings_page", "newest.median_ms", "", "<=", 100, "the page Audio files of a million recordings, ms"),
    ("recordings_page", "a_name.median_ms", "", "<=", 100, "  those with a name"),
    ("events", "alone_p99_ms", "", "<=", 50, "event to 50 subscribers, 60 calls, p99, ms, by the clock"),
    ("events", "alone_p99_ms", "ratio_p99_to_bare", "", None, "  against bare asyncio streams without a store"),
    ("events", "dead_p99_ms", "ratio_p99_dead", "<=", 1.2, "  beside four dead webhook receivers, against without"),
    ("media", "wav.x_real_time", "wav.ratio_to_ffmpeg", "", None, "take to wav, x real time per core"),
    ("media", "wav.x_real_time", "", ">=", 2500, "  goal"),
    ("media", "flac.x_real_time", "flac.ratio_to_ffmpeg", "", None, "take to flac"),
    ("media", "flac.x_real_time", "", ">=", 1250, "  goal"),
    ("media", "opus.x_real_time", "opus.ratio_to_ffmpeg", "", None, "take to opus"),
    ("media", "opus.x_real_time", "", ">=", 250, "  goal"),
    ("listeners", "first_byte_p99_ms", "", "<=", 20, "first byte of audio at 50 listeners, p99, ms"),
    ("listeners", "beside_first_byte_p99_ms", "", "<=", 20, "  of the daemon, while it records 60 calls"),
    ("listeners", "beside_first_byte_p99_ms", "ratio_beside_p99", "", None, "  against a server without calls"),
    ("listeners", "encrypted_first_byte_p99_ms", "ratio_encrypted_p99", "", None, "  of encrypted ones, against plain"),
    ("listeners", "encrypted_whole_mb_per_s", "ratio_encrypted_whole", "", None, "  whole files, MB/s, against plain"),
    ("absent", "furthest", "", "<=", 1.02, "time of a forbidden recording's answer to an absent one's, furthest ratio"),
    ("confgen", "render_s", "", "<=", 1, "Asterisk's files of 10,000 users, s"),
    *(
        (
            "online_record",
            f"{calls}_calls.{who}_behind_{what}_ms",
            "",
            "<=",
            5,
            f"*3, {calls} live: {who}, ms behind, {what}",
        )
        for calls in (1, 60)
        for who in ("presser", "other")
        for what in ("median", "mean", "p99")
    ),
    *(
        (
            "online_record",
            f"60_calls.{who}_ours_p99_ms",
            "",
            "<=",
            300,
            f"  from the press to the first recorded sample, p99, ms, 60 live: {who}",
        )
        for who in ("presser", "other")
    ),
    ("press_to_file", "ours_p99_ms", "", "<=", 300, "`*3` to the file p99, ms, 60 live calls"),
    ("press_to_file", "ours_median_ms", "ratio_median", "", None, "  median, against automixmon"),
    ("lookup", "extension_per_s", "", "", None, "look-ups of an extension per s, 100,000 users"),
    ("lookup", "completion_p99_ms", "", "<=", 2, "completion of a name p99, ms"),
    *(
        (
            "lookup",
            f"{when}_{door}_p99_ms",
            "",
            "<=" if when == "reloading" else "",
            5 if when == "reloading" else None,
            f"  {door} p99, ms, {'while 100,000 users are read anew' if when == 'reloading' else 'at rest'}",
        )
        for door in ("agi", "http", "completion")
        for when in ("at_rest", "reloading")
    ),
    ("load", "ours_cpu_percent", "ratio_to_mix", "<=", 1.03, "CPU % of a core, 60 recorded calls, against MixMonitor"),
    ("load", "legs_cpu_percent", "ratio_legs_to_mix", "", None, "  two legs from the dialplan, no daemon"),
    ("load", "stall_p99_ms", "", "<", 20, "loop stalls p99, ms"),
    ("load", "waiting_loop_stall_p99_ms", "", "", None, "  a loop that only waits, on the same machine"),
    ("load", "daemon_rss_mib", "", "<=", 150, "daemon's memory with 60 live calls, MiB"),
    ("pauses", "pause_p99_ms", "", "<=", 250, "from the request for a pause to its proof, p99, ms, 60 live"),
    ("pauses", "pause_median_ms", "ratio_to_by_hand", "", None, "  median, against MixMonitorMute by hand"),
    ("provisioning", "dry_run_s", "", "<=", 3, "user file of 100,000: dry run, s"),
    ("provisioning", "applied_s", "", "<=", 5, "  applied, s"),
    ("provisioning", "export_s", "", "<=", 3, "  export, s"),
    *(
        ("catalogue", f"{engine}{figure}", "", "<=" if goal else "", goal, words)
        for engine, where in (("", "SQLite"), ("postgresql.", "PostgreSQL"))
        for figure, goal, words in (
            ("page_p99_ms", 10, f"{where}, 1M recordings: a filtered page, p99, ms"),
            ("part_p99_ms", 50, "  a part of a number or a name, p99, ms"),
            ("entered_p99_ms", 100, "  entered until it is found, p99, ms"),
            ("count_p99_ms", None, "  a count up to 10,000, p99, ms"),
        )
    ),
    ("catalogue", "rebuild_per_s", "", ">=", 10_000, "  sidecars read into a new catalogue per s"),
    ("catalogue", "rebuild_per_cpu_s", "", "", None, "    per s of processor time"),
    ("catalogue", "bytes_per_entry", "", "", None, "  bytes on disk for each entry"),
    ("catalogue", "page_user_p99_ms", "ratio_page_user", "", None, "  a user's page, against plain SQL"),
    ("catalogue", "part_6_digits_p99_ms", "ratio_part_6_digits", "", None, "  six digits of a number, against LIKE"),
    *(
        ("retention", f"{engine}{figure}", "", "<" if goal else "", goal, words)
        for engine, where in (("", "SQLite"), ("postgresql.", "PostgreSQL"))
        for figure, goal, words in (
            ("preview_s", None, f"{where}, 1M recordings: preview of a retention class, s"),
            ("preview_late_p99_ms", 20, "  how late the loop is meanwhile, p99, ms"),
            ("preview_more_mib", None, "  memory, MiB"),
            ("run_s", None, "  a run that looks at all and erases 1,000, s"),
            ("run_late_p99_ms", 20, "  how late the loop is meanwhile, p99, ms"),
            ("run_again_s", None, "  a run that finds nothing, s"),
            ("run_with_quota_s", None, "  the same with a quota, s"),
        )
    ),
    ("verify", "verify_mb_per_s", "ratio_to_sha256sum", ">=", 0.9, "media read by verify, MB/s, against sha256sum"),
    ("verify", "verify_mb_per_s", "ratio_to_openssl", "", None, "  against openssl dgst"),
    ("provisioning", "store_bytes_per_user", "", "", None, "  bytes for each user in the store"),
    ("provisioning", "directory_bytes_per_user", "", "", None, "  and in the daemon's copy"),
    ("audit", "entry_p99_ms", "", "<=", 5, "audit entry on disk p99, ms, by the clock"),
    ("audit", "together_p99_ms", "", "<=", 5, "  50 callers at once"),
    (
        "audit",
        "bare_p99_ms",
        "ratio_to_bare",
        "",
        None,
        "  a bare write and fdatasync; the ratio is that of the medians",
    ),
    ("audit", "bytes_per_entry", "", "", None, "  bytes for each entry on disk, with its address"),
)
"""What the table shows: bench, value, ratio to the peer, goal (of the ratio where there is one), in words."""


def main(names: list[str]) -> int:
    """Run these, or all."""
    unknown = set(names) - set(BENCHES)
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    quiet()
    began_s, found, broken = time.monotonic(), {}, False
    for name in names or BENCHES:
        print(f"== {name}", flush=True)
        found[name], broke = _run(name)
        broken |= broke
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - began_s),
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "benches": found,
    }
    _show(found)
    print(f"{report['seconds']} s; everything that was measured: {_write(report)}")
    return int(broken)


def _run(name: str) -> tuple[Found, bool]:
    """What it found, and whether it broke."""
    try:
        return importlib.import_module(f"bench.{name}").run(*BENCHES[name]), False
    except (CallrecError, ImportError) as error:
        print(f"   not measured: {error}")
        return {"not_measured": str(error)}, False
    except Exception as error:  # noqa: BLE001 - a task boundary: the other benchmarks are still worth running
        print(f"   broke: {error!r}")
        return {"broke": repr(error)}, True


def _show(found: Mapping[str, Found]) -> None:
    table = Table(title="callrec benchmarks")
    for heading in ("", "ours", "ratio to peer", "goal", ""):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in _rows(found):
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _rows(found: Mapping[str, Found]) -> Iterator[tuple[str, ...]]:
    for bench, value_at, ratio_at, sign, goal, words in ROWS:
        value, ratio = _at(found.get(bench, {}), value_at), _at(found.get(bench, {}), ratio_at)
        if value is None:
            continue
        judged = ratio if ratio_at else value
        verdict = ""
        if goal is not None and judged is not None:
            met = {">=": judged >= goal, "<=": judged <= goal, "<": judged < goal}[sign]
            verdict = "met" if met else "MISSED"
        yield (
            words,
            f"{value:,g}",
            "" if ratio is None else f"{ratio:g}",
            "" if goal is None else f"{sign} {goal:,g}",
            verdict,
        )


def _at(found: object, path: str) -> float | None:
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return float(found) if isinstance(found, int | float) else None


def _write(report: Mapping[str, object]) -> Path:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
