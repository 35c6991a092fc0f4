"""Finding users by the beginning of a name."""

from callrec.domain.directory.model import User
from callrec.domain.directory.name_search import Names
from callrec.domain.rules import UserId
from callrec.domain.text_folding import folded

JOHN = User(UserId("1"), "John", "Doe")
ELOISE = User(UserId("2"), "Éloïse", "de la Tour")
JOAN = User(UserId("3"), "Joan", "Doe")
JUST_ONE = User(UserId("4"), "Jo")


def test_case_and_accents_do_not_count():
    assert "eloise" == folded("ÉLOÏSE")
    assert [ELOISE.id] == Names([JOHN, ELOISE]).beginning(" elo", 5)


def test_any_word_of_a_name_may_be_typed_and_what_follows_it():
    names = Names([JOHN, ELOISE])
    assert [[JOHN.id], [JOHN.id], [ELOISE.id], []] == [
        names.beginning(text, 5) for text in ("doe", "John  D", "la t", "ohn")
    ]


def test_at_most_so_many_in_the_order_of_the_words():
    names = Names([JOHN, JOAN, JUST_ONE])
    assert [JUST_ONE.id, JOAN.id, JOHN.id] == names.beginning("jo", 5)
    assert [JUST_ONE.id, JOAN.id] == names.beginning("jo", 2)


def test_nothing_typed_finds_nobody():
    assert [] == Names([JOHN]).beginning("  ", 5)


def test_a_user_who_is_forgotten_is_not_found_and_a_stranger_cannot_be():
    names = Names([JOHN, JOAN])
    names.forget(JOHN)
    names.forget(ELOISE)
    names.learn(ELOISE)
    assert ([JOAN.id], [ELOISE.id]) == (names.beginning("doe", 5), names.beginning("tour", 5))


def test_what_separates_words_from_users_cannot_be_typed():
    assert [JUST_ONE.id, JOAN.id] == Names([JOAN, JUST_ONE]).beginning("jo\0", 5)
