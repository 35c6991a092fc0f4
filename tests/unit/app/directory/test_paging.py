"""Pages of a table."""

from dataclasses import dataclass

from callrec.app.directory.paging import Order, begins, page


@dataclass
class Thing:
    """A record."""

    key: str
    word: str | None = ""
    size: int = 0


THINGS = [Thing("10", "Éa", 3), Thing("9", "eb", 1), Thing("2", None, 2), Thing("1", "z", 1)]


def keys(order, limit=10, after=None, wanted=lambda _: True):
    found = page(THINGS, order, wanted=wanted, limit=limit, after=after)
    return [thing.key for thing in found.records], found.ends, found.total


BY_KEY = Order(lambda _: "", lambda thing: thing.key)
BY_WORD = Order(lambda thing: thing.word, lambda thing: thing.key)
BY_SIZE = Order(lambda thing: thing.size, lambda thing: thing.key)
FROM_THE_END = Order(lambda thing: thing.size, lambda thing: thing.key, backwards=True)


def test_shorter_ids_come_first_and_case_and_accents_do_not_count():
    assert (["1", "2", "9", "10"], None, 4) == keys(BY_KEY)
    assert (["2", "10", "9", "1"], None, 4) == keys(BY_WORD)
    assert ["1", "9", "2", "10"] == keys(BY_SIZE)[0]
    assert ["10", "2", "9", "1"] == keys(FROM_THE_END)[0]


def test_a_page_goes_on_where_the_former_one_ended_whatever_has_gone_meanwhile():
    for order in (BY_KEY, BY_WORD, BY_SIZE, FROM_THE_END):
        whole, after, seen = keys(order)[0], None, []
        for _ in range(2):
            part, after, total = keys(order, limit=2, after=after)
            seen += part
            assert 4 == total
        assert (whole, None) == (seen, after)
    _, ends, _ = keys(BY_SIZE, limit=1)
    gone = [thing for thing in THINGS if thing.key != "1"]
    found = page(gone, BY_SIZE, wanted=lambda _: True, limit=1, after=ends)
    assert ["9"] == [thing.key for thing in found.records]


def test_only_what_is_wanted_is_shown_and_counted():
    assert (["1"], 2) == keys(BY_SIZE, limit=1, wanted=lambda thing: thing.size == 1)[::2]


def test_a_name_begins_so_when_a_word_of_it_does():
    typed = ("", "JO", "doe", "john d", "ohn", "john  doe x")
    assert [True, True, True, True, False, False] == [begins("John Doe", one) for one in typed]
