"""FastAGI commands: one line each, built so that no value can become another command."""

import re
from functools import lru_cache
from typing import Final, NewType

from callrec.domain.errors import Refused

MAX_COMMAND_BYTES: Final = 2047
"""With its newline. Asterisk 22 accepts 8191 and reads the rest of a longer line as another command (res_agi.c: run_agi)."""

_SPECIAL: Final = re.compile(r"[\r\n\0\"\\]")
_VARIABLE: Final = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_]*(?:\([A-Za-z0-9_.,:/@*#-]*\))?")
_APPLICATION: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

Command = NewType("Command", bytes)
"""One line, ready to be sent; only the functions below create it."""


def _quoted(text: str) -> str:
    if not (special := set(_SPECIAL.findall(text))):
        return f'"{text}"'
    if special & {"\r", "\n", "\0"}:
        raise Refused("agi-line-break", "an AGI argument must not contain CR, LF or NUL")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _command(*words: str) -> Command:
    try:
        line = (" ".join(words) + "\n").encode()
    except UnicodeEncodeError:
        raise Refused("agi-surrogate", "an AGI argument must not contain lone surrogates") from None
    if len(line) > MAX_COMMAND_BYTES:
        raise Refused("agi-too-long", f"an AGI command has more than {MAX_COMMAND_BYTES} bytes")
    return Command(line)


@lru_cache(maxsize=256)
def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise Refused("agi-variable", f"{name!r} cannot be the name of a channel variable or function")
    return name


def set_variable(name: str, value: str) -> Command:
    """Set a variable or function of the leg. Asterisk stores the value as it is: `${...}` in it is not evaluated."""
    return _command("SET VARIABLE", _quoted(_variable(name)), _quoted(value))


def get_variable(name: str) -> Command:
    """Ask for a variable: the reply's result is `1` and its text the value, or `0` when there is none."""
    return _command("GET VARIABLE", _quoted(_variable(name)))


def get_full_variable(name: str, channel: str = "") -> Command:
    """Ask for a variable or function, `CHANNEL(endpoint)`, of this leg or of another channel."""
    other = [_quoted(channel)] if channel else []
    return _command("GET FULL VARIABLE", _quoted("${" + _variable(name) + "}"), *other)


def exec_(application: str, *arguments: str) -> Command:
    """Run a dialplan application. Its result is in the reply, `-2` for an unknown application.

    Asterisk splits the arguments at commas. It does not evaluate `${...}` and `$[...]`, but an application may: all three are
    refused inside an argument.
    """
    if not _APPLICATION.fullmatch(application):
        raise Refused("agi-application", f"{application!r} cannot be the name of a dialplan application")
    if any(mark in argument for argument in arguments for mark in (",", "${", "$[")):
        raise Refused("agi-exec-argument", "an argument of EXEC must not contain a comma, `${` or `$[`")
    return _command("EXEC", application, _quoted(",".join(arguments)))
