"""Every key that callrec has in Redis. No text from outside becomes part of a key; docs/redis.md describes each."""

import re

EVENTS = "callrec:events"

# A key without braces and a key that carries the same words in braces live in the same slot of a cluster: so the tables
# can change in one script together with the stream, whose name is fixed.
TABLES = f"callrec:{{{EVENTS}}}"
EVENTS_REWRITTEN = f"{TABLES}:events-rewritten"
"""A copy of the stream while erased recordings are taken out of it."""
USERS = f"{TABLES}:users"
LINES = f"{TABLES}:lines"
INCALLS = f"{TABLES}:incalls"
VOICEMAILS = f"{TABLES}:voicemails"
CODES = f"{TABLES}:codes"
CLAIMS = f"{TABLES}:claims"
CONTEXTS = f"{TABLES}:contexts"
ENTITIES = f"{TABLES}:entities"
PROFILES = f"{TABLES}:profiles"
ROLES = f"{TABLES}:roles"
PLACES = f"{TABLES}:places"
GROUPS = f"{TABLES}:groups"
FUNCTION_KEYS = f"{TABLES}:keys"
EDITION = f"{TABLES}:edition"
CALL_RECORD_SET = f"{TABLES}:call-record-set"
REVISION = f"{TABLES}:revision"
LAST_CHANGE = f"{TABLES}:last-change"
PROBE = f"{TABLES}:probe"
LAST_USER_ID = f"{TABLES}:last-user-id"
SESSIONS = f"{TABLES}:sessions"
SESSION = f"{TABLES}:session:"
DEVICE = f"{TABLES}:device:"
LOGIN_COUNTER = f"{TABLES}:login:"
SECOND_FACTORS = f"{TABLES}:second-factors"
TOKENS = f"{TABLES}:tokens"
TOKENS_USED = f"{TABLES}:tokens-used"

FORMER_RECORDINGS = "callrec:recordings"
"""Earlier versions had the index of recordings here; it is removed at the start."""
FORMER_REBUILDING = "callrec:recordings:rebuilding"
FORMER_RECORDING = "callrec:recording:"

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


def request(request_id: str) -> str:
    """The key of a request's receipt; the id has been checked against REQUEST_ID."""
    return f"{TABLES}:request:{request_id}"


def session(digest: str) -> str:
    """The key of a login session; the digest is 64 hexadecimal digits of our own."""
    return f"{SESSION}{digest}"


def device(digest: str) -> str:
    """The key of a browser that has logged in; the digest is one of ours."""
    return f"{DEVICE}{digest}"


def login_counter(name: str) -> str:
    """The key of a counter of login attempts; the name has a digest or an address that was parsed."""
    return f"{LOGIN_COUNTER}{name}"
