"""Each setting has its heading in docs/settings.md, and each heading its setting."""

import re

from documents import text

from callrec.cli.exit_codes import DONE, FOUND, UNAVAILABLE, USAGE
from callrec.config import Settings

NO_FIELDS = {"CALLREC_CONFIG", "CALLREC_DIALPLAN_DIR"}
"""Read by others: where the file of settings is, and where the laboratory finds the dialplan."""


def test_each_setting_has_a_heading_and_each_heading_a_setting() -> None:
    headings = re.findall(r"^### (\S+)$", text("docs/settings.md"), re.MULTILINE)
    settings = {f"CALLREC_{name.upper()}" for name in Settings.model_fields}

    assert sorted(headings) == sorted(settings | NO_FIELDS)


def test_each_value_of_a_choice_is_named_under_its_heading() -> None:
    sections = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", text("docs/settings.md"), re.MULTILINE | re.DOTALL))
    for name, field in Settings.model_fields.items():
        for choice in getattr(field.annotation, "__members__", {}).values():
            assert f"`{choice.value}`" in sections[f"CALLREC_{name.upper()}"], name


def test_the_exit_codes_are_those_of_the_code() -> None:
    codes = [int(code) for code in re.findall(r"^\| (\d) \|", text("docs/commands.md"), re.MULTILINE)]
    assert codes == [DONE, FOUND, USAGE, UNAVAILABLE]
