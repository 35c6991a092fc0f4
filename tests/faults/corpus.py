"""What strangers say: one list, used on every surface. None of it may become a path, a header, a log line, a key or a command."""

MARK = "/tmp/callrec-pwned"  # noqa: S108 - it must not exist: whatever makes it has obeyed a stranger

HOSTILE = {
    "cr lf": "Eve\r\nAction: Originate\r\nChannel: PJSIP/1000",
    "lf": "Eve\nagi_uniqueid: 1.1",
    "end of block": "Eve\r\n\r\nEvent: Hangup\r\nUniqueid: 1.1\r\n\r\n",
    "commas": "a,b,c",
    "mixmonitor": f"x)t({MARK}",
    "expression": f"${{SHELL(touch {MARK})}}",
    "nested expression": "$[${EPOCH} + ${EVAL(${SHELL(id)})}]",
    "path": f"../../../..{MARK}",
    "absolute path": MARK,
    "nul": "a\0b",
    "4 kB": "A" * 4096,
    "right to left": "\u202egnp.exe\u2066",
    "lone surrogate": "\ud800Eve",
    "quotes": "\"'`",
    "semicolons": f"; touch {MARK} ;#",
    "pipe": f"a|touch {MARK}",
    "parentheses": "((()))",
    "formula": '=HYPERLINK("http://127.0.0.1/")',
    "page": "<script>alert(1)</script>",
    "terminal": "\x1b[2J\x1b]0;Eve\x07",
    "log line": '{"event": "stored", "level": "info"}',
    "key": "callrec:{callrec:events}:users",
    "format": "%s%n{0.__class__}",
    "angles": "<sip:1000@127.0.0.1>",
}
"""Name of the trick -> what is said."""
