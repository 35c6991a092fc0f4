"""Readiness."""

from callrec.observe.health import Checked, Readiness


def test_each_check_is_asked_anew_in_the_order_of_adding() -> None:
    state = {"ami": (False, "not connected")}
    ready = Readiness()
    ready.add("tables", lambda: (True, "whatever"))
    ready.add("ami", lambda: state["ami"])
    assert ready.look() == (Checked("tables", ok=True, reason=""), Checked("ami", ok=False, reason="not connected"))

    state["ami"] = (True, "")
    assert all(checked.ok for checked in ready.look())


def test_a_check_that_breaks_is_not_well_and_hides_no_other() -> None:
    def broken() -> tuple[bool, str]:
        raise RuntimeError("1000")

    ready = Readiness()
    ready.add("broken", broken)
    ready.add("silent", lambda: (False, ""))

    assert [checked.reason for checked in ready.look()] == [
        "the check itself raised RuntimeError",
        "no reason given",
    ]
