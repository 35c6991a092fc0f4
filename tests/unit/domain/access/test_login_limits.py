"""Which counters an attempt to log in belongs to."""

from callrec.domain.access.login_limits import PER_ACCOUNT, PER_DEVICE, Counter, account_counter, counters


def test_a_stranger_fills_the_counters_of_account_and_address() -> None:
    account, address = counters("ada", "192.0.2.7", None)
    assert account == account_counter("ada")
    assert (account.limit, address.name) == (PER_ACCOUNT, "address:192.0.2.7")
    assert account.name.startswith("account:")
    assert "ada" not in account.name
    assert counters("Ada", "192.0.2.7", None)[0] != account


def test_a_known_browser_has_a_counter_that_no_stranger_fills() -> None:
    assert counters("ada", "192.0.2.7", "d" * 64) == (Counter(f"device:{'d' * 64}", PER_DEVICE),)


def test_one_network_of_ipv6_is_one_address() -> None:
    """Who has one address has 2^64."""
    first, second = (counters("ada", one, None)[1].name for one in ("2001:db8::1", "2001:db8::ffff:0:1"))
    assert first == second == "address:2001:db8::"
    assert counters("ada", "::ffff:192.0.2.7", None)[1].name == "address:192.0.2.7"
    assert counters("ada", "", None)[1].name == "address:unknown"


def test_a_name_that_is_no_text_is_counted_too() -> None:
    assert counters("\udcff", "192.0.2.7", None)[0].name.startswith("account:")
