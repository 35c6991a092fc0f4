"""The Lua scripts beside this file. Each changes several keys at once, so that neither a reader nor a crash sees half a change.

They are sent as text (EVAL), not as digests: the server caches them, and a restarted server needs no second request.
Each change of a table increments the revision and appends one event; a request that changes nothing does neither.
The head of each script describes its arguments and its answer.
"""

from importlib import resources


def _script(*names: str) -> str:
    """The text of these files: a file with functions comes before the one that calls them."""
    folder = resources.files(__name__)
    return "\n".join(folder.joinpath(f"{name}.lua").read_text("utf-8") for name in names)


STANDING = _script("lost_records", "standing_of_tables", "standing")
ACCEPT = _script("lost_records", "standing_of_tables", "accept")
SNAPSHOT = _script("lost_records", "standing_of_tables", "snapshot")
PROBE = _script("probe")
EDIT = _script("lost_records", "edit")
CHANGE_USER = _script("change_user")
SET_CODE = _script("set_code")
OPEN_SESSION = _script("open_session")
END_SESSIONS = _script("end_sessions")
ATTEMPT_LOGIN = _script("attempt_login")
LOGIN_SUCCEEDED = _script("login_succeeded")
REPLACE_FIELD = _script("replace_field")
SET_FIELD = _script("set_field")
COPY_EVENTS = _script("copy_events")
REMOVE_FIELD = _script("remove_field")
SAVE_TABLES = _script("save_tables")
RESTORE_TABLES = _script("restore_tables")
