"""What the rules of records and of user files say of a wrong value, in the language of a page.

`sentences` finds the translation of each.
"""

from callrec.web.pages.languages import N_
from callrec.web.pages.sentences import Sentences

SENTENCES: tuple[str, ...] = (
    N_("must be at most %(most)s characters, none of them a control character"),
    N_("must be %(least)s to %(most)s characters, none of them a control character"),
    N_("must be one of %(values)s"),
    N_("must be a whole number from %(least)s to %(most)s"),
    N_("must be a context's name: letters, digits, _ and -, at most 39, the first of them no -"),
    N_("must be digits, * and #, at most %(most)s"),
    N_("must be digits, * and #, at most %(most)s, the first of them a digit"),
    N_("must be digits, * and #, at most %(most)s, the first of them no *"),
    N_("must be digits, * and #, at most %(most)s, with an optional + before them"),
    N_("must be digits, at most %(most)s"),
    N_("must be the number to forward to: digits, at most %(most)s"),
    N_("must be 2 to 64 letters, digits or any of %(signs)s"),
    N_("must be letters, digits and any of %(signs)s, at most 80, and none of %(reserved)s, also behind an @"),
    N_("must be printable ASCII characters without blanks, at most %(most)s"),
    N_("must be one e-mail address in ASCII; a domain of other letters as xn--..."),
    N_(
        "must be default, anonymous, a number, a name, or a name and behind it a number in <>, at most %(most)s characters; "
        "in a name no control character and none of %(signs)s"
    ),
    N_("must be a password's hash as argon2 encodes it: %(form)s"),
    N_("must be letters, digits, blanks and any of %(signs)s, at most %(most)s, the first and the last no blank"),
    N_("must have a value"),
    N_("must be an entity's id"),
    N_("must be a profile's name"),
    N_("must have a value when enableclient is true"),
    N_("must have a value: the user has a voicemail"),
    N_("must be another number: this user's calls are forwarded to it"),
    N_("must be another number than the user's own"),
    N_("must be another number: it is dialled for %(feature)s (%(code)s)"),
    N_("must be another name: it is the number of an SCCP line"),
    N_("must be another number: it is the name of a SIP line"),
    N_("must differ from %(other)s in more than capitals: another line has that name"),
    N_("must be the number: an SCCP line is named after it"),
    N_("must be empty for an SCCP line"),
    N_("must have a value: a SIP line logs in with it"),
    N_("must be the context of one of the user's lines"),
    N_("must have a language: the mailbox speaks it"),
    N_("must be a trunk's endpoint, and is a user's line: set the rules of the user"),
    N_("must be always or never: *3 is a permission of users"),
    N_("must be a user's id"),
    N_("must be at least one"),
    N_("must be a role's name"),
    N_("must be ids of users, and %(other)s is not"),
    N_("must be a context of users; there are: %(names)s"),
    N_("must be a context of incoming numbers; there are: %(names)s"),
    N_("must be in a range of the context %(context)s: %(ranges)s"),
    N_("must be an entity; there are: %(names)s"),
    N_("must be a profile; there are: %(names)s"),
    N_("must have a value: it is required for a %(section)s"),
    N_("must have a value when enableclient is 1"),
    N_("must have a value when a voicemail is added"),
    N_("must have a value when a voicemail is added: it belongs to a line"),
    N_("must be empty when there is a passwordhash: give one of them"),
    N_("must be empty for an SCCP line: it is named after its number"),
    N_("must be unique: line %(line)s has it already"),
    N_(
        "must be unique: line %(line)s has it already"
        "; unlike in XiVO, a mailbox belongs to one user: leave the voicemail columns of the other row empty"
    ),
    N_(
        "must be unique: line %(line)s has it already"
        "; unlike in XiVO, an agent number belongs to one user: give the other user another number"
    ),
    N_("is taken already: by %(holder)s"),
    N_(
        "is taken already: by %(holder)s"
        "; unlike in XiVO, a mailbox belongs to one user: leave the voicemail columns of the other row empty"
    ),
    N_(
        "is taken already: by %(holder)s"
        "; unlike in XiVO, an agent number belongs to one user: give the other user another number"
    ),
    N_("must be this user's only row: line %(line)s is %(user)s, too"),
    N_("must have as many values as the header: %(wanted)s, not %(found)s"),
    N_("must have a name in column %(column)s: name it, or delete the column"),
    N_("is no column of a user file"),
    N_("must be there only once"),
    N_("must be a row: the file has none"),
    N_("must be a header: the file is empty"),
    N_("must be a header: none of its values is the name of a column"),
    N_("must be among the columns"),
    N_("must be among the columns, or username, or phonenumber and context: a row is found by it"),
    N_("was not checked, nor were the lines after it: the lines before it have more than %(most)s errors"),
    N_("cannot be read: %(error)s"),
    N_("must lead to a user: no user has this line name, user name, or number in its context"),
    N_("must leave a line in %(context)s: this user's mailbox %(boxes)s stays there, since no row moves two"),
    N_("must be one of this user's: there is more than one %(record)s"),
    N_("must differ from %(other)s in more than capitals: %(holder)s"),
    N_("must be another name: it is the number of an SCCP line: %(holder)s"),
    N_("must be another number: it is the name of a SIP line: %(holder)s"),
    N_("must be the password that %(holder)s has; to change it, import in mode update"),
)
"""Sentences of `domain.directory`."""
_SENTENCES = Sentences(SENTENCES)


def in_words(reason: str, language: str) -> str:
    """This reason of a fault, in the language; as it is when no sentence fits."""
    return _SENTENCES.in_words(reason, language)
