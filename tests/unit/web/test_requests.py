"""The parts of a request as the handlers get them."""

from urllib.parse import quote

import pytest
from aiohttp.test_utils import make_mocked_request

from callrec.domain.access.audit import MOST_TEXT
from callrec.web.api.audit import AuditQuery
from callrec.web.api.recordings import RecordingsQuery
from callrec.web.requests import query_of, query_text


def said(query: str) -> str:
    """What the audit log has of a search with this query."""
    return query_text(query_of(make_mocked_request("GET", f"/?{query}"), RecordingsQuery))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", ""),
        ("number=%2B49%20301234", "number=+49 301234"),
        ("held=1&limit=0000007&name=%42ob", "name=Bob&held=true&limit=7"),
        ("from_s=1795341600.0&rule=always&sort=-start", "rule=always&from_s=1795341600.0&sort=-start"),
        ("name=a%26tag%3Dx%2525%0A", "name=a%26tag=x%2525%0A"),
        ("name=J%C3%BCrgen%F0%9F%98%80", "name=Jürgen😀"),
    ],
)
def test_a_search_is_told_as_it_was_read(query: str, text: str) -> None:
    """However it was spelled. A value never looks like another parameter."""
    assert said(query) == text


def test_no_spelling_keeps_a_condition_out_of_the_audit_log() -> None:
    """Each text as long as it may be, of characters that are written longest, and numbers with thousands of zeros: all that was
    asked for is in the part that the log keeps."""
    zeros, long = "0" * 4000, quote("&" * 200)
    texts = "&".join(f"{name}={long}" for name in ("number", "number_part", "name", "tag"))
    times = "&".join(f"{name}={zeros}123456.1234567891" for name in ("from_s", "to_s", "least_s", "most_s"))
    page = f"sort=-length&limit={zeros}1000&cursor={'x' * 200}&count=true"
    kinds = "direction=internal&rule=on_demand&state=failed&heard=none&held=true"
    told = said(f"{page}&user={'9' * 20}&{texts}&node={quote('&' * 63)}&{times}&{kinds}")
    assert len(told) <= MOST_TEXT
    assert set(RecordingsQuery.model_fields) == {one.partition("=")[0] for one in told.split("&")}


def test_the_entry_of_who_reads_the_log_has_the_same() -> None:
    request = make_mocked_request("GET", "/?action=audit-read&limit=007&before=12")
    assert query_text(query_of(request, AuditQuery)) == "action=audit-read&before=12&limit=7"
