"""What is refused is told in each language of the pages, with its values where a page has to name them."""

from pathlib import Path

import pytest
from source_sentences import refusals

from callrec.app.directory import find_user
from callrec.domain import directory
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Context, ContextKind, Profile, Range, Role, Tables, User
from callrec.domain.directory.user_file.columns import CONTEXT
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec.web.pages.languages import LANGUAGES, translations
from callrec.web.pages.records.removal import removal
from callrec.web.pages.refusals import PROBLEMS, SENTENCES, problem_words, refusal_line, refusal_words
from callrec.web.pages.sentences import Sentences
from callrec.web.problems import STATUSES

FOLDER = Path(directory.__file__).parent
FILES = [*(FOLDER / name for name in ("record_edits.py", "contexts.py")), Path(find_user.__file__)]
OTHERS = sorted(set(LANGUAGES) - {"en"})
JOINED = {"X must be X": f"X must be {CONTEXT.says}"}
"""What is joined of several sentences, with what comes of it."""


@pytest.mark.parametrize("language", OTHERS)
def test_each_refusal_of_an_edit_or_removal_is_told_in_the_language(language: str) -> None:
    said = {JOINED.get(one, one) for file in FILES for one in refusals(file)}
    assert {"X users have X", "one user has X", "make another one first", "already taken: X"} <= said
    said -= {"callrec users list shows all"}  # a page says what to type instead
    told = Sentences(SENTENCES)
    assert [one for one in sorted(said) if told.in_words(one, language) == one] == []


def test_why_a_record_cannot_be_removed_is_told_with_its_values() -> None:
    tables = Directory(
        Tables(
            contexts=(Context("default", ContextKind.INTERNAL, (Range("1000", "1999"),)),),
            profiles=(Profile("Client", "user"),),
            roles=(Role("user", ()),),
        )
    )
    (role,), (context,), (profile,) = tables.roles(), tables.contexts(), tables.profiles()
    assert removal(role, tables, "en").refused == (
        "the profile Client has the role user: give the profile another role first: nothing was changed"
    )
    assert removal(role, tables, "de").refused == (
        "Das Profil Client hat die Rolle user: Erst dem Profil eine andere Rolle geben. Geändert wurde nichts."
    )
    assert removal(context, tables, "fr").refused == "default est le seul contexte : en créer d'abord un autre"
    assert removal(profile, tables, "es").refused == "Client es el único: antes hay que crear otro"


def test_a_user_who_is_not_found_is_told_without_the_name_of_a_command() -> None:
    unknown = Refused("no-such-user", "no user has the number, line or id 'Jo'", hint="callrec users list shows all")
    assert refusal_line(unknown, "en") == (
        "no user has the number, line or id 'Jo': type the beginning of a name, or a number"
    )
    assert refusal_line(unknown, "de") == (
        "Kein Benutzer hat die Nummer, Leitung oder ID 'Jo': Den Anfang eines Namens oder eine Nummer eingeben."
    )


def test_a_refusal_without_a_sentence_is_told_by_its_code() -> None:
    refused = Refused("webhook-types", "there is no type of event 'x'", hint="there are recording-stored")
    assert refusal_words(refused, "de") == ("Diesen Ereignistyp gibt es nicht.", "")
    assert refusal_line(refused, "en") == "there is no type of event 'x': there are recording-stored"


@pytest.mark.parametrize(
    ("language", "one", "more"),
    [
        ("en", "one user has Client", "2 users have Client"),
        ("de", "Ein Benutzer hat Client", "2 Benutzer haben Client"),
        ("fr", "un utilisateur a Client", "2 utilisateurs ont Client"),
        ("es", "un usuario tiene Client", "2 usuarios tienen Client"),
    ],
)
def test_one_user_is_told_as_one(language: str, one: str, more: str) -> None:
    for number, said in ((1, one), (2, more)):
        users = tuple(User(UserId(str(nth)), "A", profileclient="Client") for nth in range(1, number + 1))
        tables = Directory(Tables(users, profiles=(Profile("Client", "user"), Profile("Other", "user"))))
        told = removal(
            next(profile for profile in tables.profiles() if profile.name == "Client"), tables, language
        ).refused
        assert told.startswith(said), told


def test_a_problem_is_told_by_its_sentence_its_code_or_its_kind() -> None:
    known = {
        "code": "table-conflict",
        "title": "one user has Client",
        "hint": "give this user another one first",
        "status": 409,
    }
    assert problem_words(known, "de").startswith("Ein Benutzer hat Client: ")
    by_code = {"code": "grant-exceeds", "title": "it gives x", "hint": "ask", "status": 403}
    assert problem_words(by_code, "es") == "Esto daría permisos que usted mismo no tiene."
    assert problem_words(by_code, "en") == "it gives x: ask"
    by_kind = {"code": "parameter", "title": "The parameters are wrong", "status": 422}
    assert problem_words(by_kind, "fr") == "Quelque chose dans cette adresse ou ce formulaire est faux."
    assert problem_words(by_kind | {"status": 418}, "fr") == ""


@pytest.mark.parametrize("language", OTHERS)
def test_each_status_of_a_refusal_has_words(language: str) -> None:
    statuses = {int(status) for status in STATUSES.values()} - {
        401,
        404,
    }  # those lead to the login, and to what is not there
    assert statuses <= PROBLEMS.keys()
    assert all(translations(language).gettext(said) != said for said in PROBLEMS.values())
