"""Readiness checks have names, and the reasons that the daemon gives itself are told in each language of the pages."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from source_sentences import text_of, texts

import callrec
from callrec.app.asterisk.spool_health import SANDBOX, UMASK
from callrec.web.pages.languages import LANGUAGES
from callrec.web.pages.system.reasons import attempt_words, reason_words
from callrec.web.pages.system.words import CHECKS

SOURCE = Path(callrec.__file__).parent
REASONS = {"why_not", "why_stale", "state_reason"}
"""The attributes that hold the reason of a check."""
TELLERS = {"_stopped", "_note"}
"""The methods that take a reason as their second argument."""
OTHERS = sorted(set(LANGUAGES) - {"en"})


def modules() -> list[tuple[Path, ast.Module]]:
    """All modules that may give a reason."""
    files = [*(SOURCE / "app").rglob("*.py"), *(SOURCE / "adapters").rglob("*.py"), *(SOURCE / "wiring").rglob("*.py")]
    return [(file, ast.parse(file.read_text())) for file in sorted(files)]


def reasons() -> Iterator[str]:
    """The reasons that stand in the source, with an `X` for each value."""
    for file, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    pairs = [(target, node.value)]
                    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                        pairs = list(zip(target.elts, node.value.elts, strict=True))
                    for name, value in pairs:
                        if isinstance(name, ast.Attribute) and name.attr in REASONS:
                            yield from _outer(value)
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in TELLERS and len(node.args) > 1:
                yield from filter(None, [text_of(node.args[1])])
            elif isinstance(node, ast.Lambda) and file.parent.name == "wiring" and isinstance(node.body, ast.Tuple):
                yield from filter(None, map(text_of, node.body.elts))


def _outer(value: ast.expr) -> Iterator[str]:
    """The texts of an expression, without those inside a value of a text."""
    if isinstance(value, ast.IfExp):
        yield from (*_outer(value.body), *_outer(value.orelse))
    elif said := text_of(value):
        yield said


@pytest.mark.parametrize("language", OTHERS)
def test_each_reason_that_the_daemon_gives_itself_is_told_in_the_language(language: str) -> None:
    said = {*reasons(), "the check itself raised X", "no reason given"}
    assert {
        "closed", "unexpected X", "not connected yet", "erased recordings have left something in: X",
        "X bytes are missing, and nothing else may go", "the calls have not been compared with Asterisk's channels yet",
    } <= said  # fmt: skip
    assert [one for one in sorted(said) if reason_words(one, language) in {None, one}] == []


SPOOL = ("adapters/asterisk/spool_probe.py", "app/calls/capture_files/file_watch.py", "app/asterisk/spool_health.py")
AUDIT = [
    f"adapters/audit/{name}.py"
    for name in ("log", "log_files", "signing_key", "waiting_file", "witness", "time_stamping")
]
DISK = "free space on it, mount it for writing, or give callrec's user its rights"
ERRORS = {"Unavailable", "Corrupt", "Misconfigured", "SpoolTrouble"}


def raised(name: str) -> Iterator[tuple[str, str]]:
    """Sentence and hint of each error that a module makes, with an `X` for each value; variables are those of the function."""
    tree = ast.parse((SOURCE / name).read_text())
    constants = {
        one.targets[0].id: one.value
        for one in tree.body
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
    }
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        local = {
            target.id: node.value
            for node in ast.walk(function) if isinstance(node, ast.Assign)
            for target in node.targets if isinstance(target, ast.Name)
        }  # fmt: skip
        known = constants | local
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ERRORS and len(call.args) > 1:
                hints = [*call.args[2:], *(one.value for one in call.keywords if one.arg == "hint")]
                said, *more = (text_of(known.get(getattr(one, "id", ""), one)) for one in (call.args[1], *hints))
                yield said, more[0] if more else ""


@pytest.mark.parametrize("language", OTHERS)
def test_faults_of_spool_audit_log_and_journal_are_told_in_the_language(language: str) -> None:
    found = {
        one for name in (*SPOOL, *AUDIT, "adapters/disk/journal.py", "adapters/disk/fsync.py") for one in raised(name)
    }
    sentences = {said for said, _ in found if said}
    hints = {hint for _, hint in found if hint}
    assert {"the audit log is not open", "another callrec writes X", "X entries wait for the disk"} <= sentences
    assert {"restore X from a backup", "look at the disk's health and its free space"} <= hints
    sentences |= {"audit log X: X", "journal X: X", "X (X) may not be read by X", "X: X checkpoints wait for it"}
    refused = "X (X) may not be read by X"
    sentences |= {one.replace("but X", f"but {refused}") for one in sentences}
    sentences -= {"X: X", "the audit log's key X X", "Asterisk wrote a probe into X, but X"}  # their parts stand here
    for what in ("is missing", "may not be read", "may be read or changed by others (mode X)", "does not belong to X"):
        sentences.add(f"the audit log's key X {what}")
    assert [one for one in sorted(sentences) if reason_words(one, language) in {None, one}] == []
    told = {one: reason_words(f"the audit log is closed ({one})", language) for one in hints}
    assert [one for one, said in sorted(told.items()) if said is None or one in said] == []


def test_a_fault_with_what_to_do_about_it_is_told_whole() -> None:
    said = f"Asterisk was asked to write into /spool, but no file appeared there: {SANDBOX}"
    told = reason_words(said, "de")
    assert told is not None
    assert told.startswith("Asterisk sollte nach /spool schreiben, aber dort erschien keine Datei: ")
    assert "Asterisk's" not in told
    said = f"audit log /state/audit: No space left on device ({DISK})"
    assert reason_words(said, "fr") == (
        "journal d'audit /state/audit : No space left on device (y libérer de l'espace, le monter en écriture, "
        "ou donner ses droits à l'utilisateur de callrec)"
    )
    said = "Asterisk wrote a probe into /spool, but a.sln (root:root 0600) may not be read by callrec: " + UMASK
    assert (reason_words(said, "es") or "").startswith(
        "Asterisk escribió una prueba en /spool, pero callrec no puede leer a.sln"
    )
    assert reason_words(said, "en") == said


def test_what_others_have_answered_stays_as_it_is() -> None:
    assert reason_words("login of 'callrec' refused: Authentication failed", "de") is None
    said = reason_words("cannot connect to Asterisk's manager at 127.0.0.1:5038: [Errno 111] Connection refused", "de")
    assert said == "keine Verbindung zu Asterisks Manager auf 127.0.0.1:5038: [Errno 111] Connection refused"
    assert reason_words("not loaded yet", "en") == "not loaded yet"


def test_each_check_has_a_name() -> None:
    """Those that the wiring adds."""
    added = {
        text_of(node.args[0])
        for file, tree in modules()
        for node in ast.walk(tree)
        if file.parent.name == "wiring" and isinstance(node, ast.Call) and len(node.args) > 1
        if getattr(node.func, "attr", "") == "add" and isinstance(node.args[1], ast.Lambda)
    }
    assert {"ami", "alive", "catalogue"} <= added
    assert added - CHECKS.keys() == set()


def test_health_gives_the_two_reasons_of_its_own() -> None:
    said = set(texts(ast.parse((SOURCE / "observe/health.py").read_text())))
    assert {"the check itself raised X", "no reason given"} <= said


@pytest.mark.parametrize("language", OTHERS)
def test_what_came_of_an_attempt_is_told_in_the_language(language: str) -> None:
    """But for what the machine or the receiver has said."""
    tree = ast.parse((SOURCE / "adapters/webhooks/sender.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    said = {
        text_of(call.args[-1 if name == "OSError" else 1])
        for call in calls
        if (name := getattr(call.func, "id", "")) in {"Attempt", "OSError"}
    } - {""}
    assert {"HTTP X", "no answer within X s"} <= said
    assert [one for one in sorted(said - {"HTTP X"}) if attempt_words(one, language) in {None, one}] == []
    assert attempt_words("Connection refused", language) is None
    assert attempt_words("HTTP 500", language) == "HTTP 500"
