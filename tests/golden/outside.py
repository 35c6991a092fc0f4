"""The names that people and machines rely on, as this version has them: read from the code, the dialplan and its sounds."""

import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import typer.main

import callrec
from callrec.adapters.asterisk import fastagi
from callrec.adapters.redis import keys
from callrec.app.dialplan import lookups
from callrec.cli.app import app
from callrec.config import Settings
from callrec.domain import rules, vocabulary
from callrec.domain.access import principals
from callrec.domain.calls import ids, journal, model, session
from callrec.domain.directory import edit
from callrec.domain.directory import model as tables
from callrec.domain.library import file_names, manifest
from callrec.observe import metrics
from callrec.observe.health import Readiness
from callrec.web.api.operations import operations
from callrec.web.openapi import document
from callrec.web.use_cases import UseCases
from callrec.wiring.scripts import scripts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SERVICE = Path(callrec.__file__).parent
DIALPLAN = SERVICE.parents[1] / "dialplan"
VOCABULARIES: dict[str, type[Enum]] = {
    "journal steps": journal.Step,
    "states of a stored recording": manifest.StoredState,
    "media formats": manifest.Format,
    "outcomes of a press": vocabulary.Outcome,
    "actor kinds": model.ActorKind,
    "directions": model.Direction,
    "sides that are missing": model.Heard,
    "kinds of waiting": model.WaitingKind,
    "ways to name files": file_names.Names,
    "sides of a capture": file_names.Side,
    "rules": rules.Rule,
    "features": tables.Feature,
    "kinds of contexts": tables.ContextKind,
    "permissions": tables.Permission,
    "kinds of principals": principals.PrincipalKind,
    "tables": edit.Table,
    "kinds of look-ups": lookups.Kind,
    "states of a call": session.State,
    "outcomes of a dialogue": fastagi.DialogueEnd,
    "AGI scripts": vocabulary.AgiScript,
    "alarm causes": vocabulary.AlarmCause,
    "call facts": vocabulary.CallFact,
    "drop reasons": vocabulary.DropReason,
}


def names() -> dict[str, object]:
    """By kind."""
    dialplan = "".join(path.read_text() for path in sorted(DIALPLAN.rglob("*.conf*")))
    code = "".join(path.read_text() for path in sorted(SERVICE.rglob("*.py")) if "lab" not in path.parts)
    lua = "".join(_without_comments(path) for path in sorted(SERVICE.rglob("*.lua")))
    return {
        "contexts": _found(r"^\[(callrec-[a-z-]+)\]", dialplan),
        "contexts entered": _found(r"Gosub\((callrec-[a-z-]+),", dialplan),
        "channel variables of the dialplan": _found(r"\b(CALLREC_[A-Z_]+)", dialplan),
        "channel variables of the code": sorted(
            set(_found(r'"(CALLREC_[A-Z_]+)"', code)) - {f"CALLREC_{name.upper()}" for name in Settings.model_fields}
        ),
        "AGI scripts": _found(r"\$\{CALLREC_AGI\}\)\}/([a-z-]+)", dialplan),
        "AGI scripts that answer": sorted(scripts(None, None, None, None)),  # type: ignore[arg-type]  # nothing is asked
        "AGI results that the dialplan knows": _found(r'\$\{CALLREC_RESULT\}" !?= "([a-z-]+)"', dialplan),
        "AstDB families of the dialplan": _found(r"DB[A-Z_]*\((callrec/[a-z_]+)", dialplan),
        "AstDB families of the code": _found(r'"(callrec/(?:[a-z]+))"', code),
        "files of the spool": _spool(),
        "sounds": sorted(path.stem for path in (DIALPLAN / "sounds/en/callrec").glob("*.wav")),
        "sounds played by the dialplan": _found(r"(callrec/[a-z-]+-[a-z-]+)\b", dialplan),
        "settings": {name: _choices(field.annotation) for name, field in sorted(Settings.model_fields.items())},
        "commands": _commands(),
        "API": _api(),
        "Redis keys": {
            name: value for name, value in sorted(vars(keys).items()) if name.isupper() and isinstance(value, str)
        }
        | {"request": keys.request("ID")},
        "events of the scripts": _found(r"'type', '([a-z-]+)'", lua),
        "fields of the scripts' events": _found(r"'([a-z_]+)', (?:revision|edition|record\b|ARGV|table|count)", lua),
        "codes of errors": _found(
            r'\b(?:Refused|Conflict|Unavailable|OutcomeUnknown|Corrupt|Misconfigured)\(\s*"([a-z0-9-]+)"', code
        ),
        "metrics": _metrics(),
        "labels": {
            name: sorted(values)
            for name, values in vars(metrics).items()
            if name.lstrip("_").isupper() and isinstance(values, frozenset)
        }
        | {"CAUSES": sorted(metrics.CAUSES.values())},
        "words": {kind: [word.value for word in one] for kind, one in VOCABULARIES.items()},
    }


def _without_comments(script: Path) -> str:
    return "".join(line for line in script.read_text().splitlines(keepends=True) if not line.startswith("--"))


def _found(pattern: str, text: str) -> list[str]:
    return sorted(set(re.findall(pattern, text, re.MULTILINE)))


def _spool() -> list[str]:
    leg = file_names.CaptureFile(ids.CaptureId("01abc-1-1"), file_names.Side.READ, 8000)
    alone = file_names.FallbackFile(
        rules.Rule.ON_DEMAND, "jdoe", "1795899680.1", 1795899680, file_names.Side.WRITE, 16000
    )
    return [leg.name, alone.name, f"note {alone.stem}", f"call {alone.call}"]


def _choices(kind: object) -> list[str]:
    return [str(one.value) for one in kind] if isinstance(kind, type) and issubclass(kind, Enum) else []


def _commands() -> dict[str, list[str]]:
    """Each command with its options and arguments."""
    found: dict[str, list[str]] = {}

    def walk(command: object, words: tuple[str, ...]) -> None:
        below: Mapping[str, object] = getattr(command, "commands", {})
        for name, one in sorted(below.items()):
            walk(one, (*words, name))
        if not below:
            parameters: Iterable[object] = getattr(command, "params", ())
            found[" ".join(words)] = [name for one in parameters for name in getattr(one, "opts", ())]

    walk(typer.main.get_command(app), ())
    return found


def _api() -> dict[str, object]:
    """Each request, and the names in each body and answer."""
    table = operations(Mock(UseCases))  # nothing is asked of them
    found = document(table)
    paths = {
        f"{method.upper()} {path}": sorted(
            {one["name"] for one in asked.get("parameters", ())} | set(asked["responses"])
        )
        for path, methods in found["paths"].items()
        for method, asked in methods.items()
    }
    schemas = {
        name: sorted(schema.get("properties", schema.get("enum", ())))
        for name, schema in found["components"]["schemas"].items()
    }
    return {"requests": paths, "schemas": schemas}


def _metrics() -> dict[str, list[str]]:
    """Each metric with its labels; the gauges of the wiring stand in `today/metrics.txt`."""
    shown = metrics.Metrics()
    shown.show(Readiness(), lambda: ())
    shown.ami_event("Hangup")
    shown.agi("toggle", "answered", 0.1)
    for count in (shown.always_record, shown.service, shown.fact, shown.alarm):
        count("")
    found: dict[str, set[str]] = {}
    for family in shown.registry.collect():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return {name: sorted(labels) for name, labels in sorted(found.items()) if name.startswith("callrec_")}
