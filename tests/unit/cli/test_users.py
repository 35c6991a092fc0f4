"""The words of `callrec users set --rule`."""

import pytest

from callrec.cli.users import _rules
from callrec.domain.errors import Refused
from callrec.domain.rules import RecordRules, Rule


def test_rules_change_one_by_one() -> None:
    before = RecordRules(in_internal=Rule.ALWAYS, out_external=Rule.NEVER)
    after = _rules(before, ["in_internal=none", "out_internal=on_demand"])
    assert after == RecordRules(out_internal=Rule.ON_DEMAND, out_external=Rule.NEVER)


@pytest.mark.parametrize(
    "word", ["", "in_internal", "in_internal=", "in_internal=maybe", "sideways=always", "__doc__=none"]
)
def test_a_word_that_is_no_rule_is_refused(word: str) -> None:
    with pytest.raises(Refused, match="is not a rule") as refused:
        _rules(RecordRules(), [word])
    assert refused.value.code == "record-rule"
