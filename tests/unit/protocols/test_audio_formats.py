"""Which rate formats need, and which of them an Asterisk with these modules decodes."""

import pytest

from callrec.protocols.audio_formats import is_plain, rate_of, undecodable

DEBIAN = ("app_dial.so", "codec_ulaw.so", "codec_g722.so", "format_g729.so", "res_format_attr_opus.so")


@pytest.mark.parametrize(
    ("formats", "rate_hz"),
    [
        ("(ulaw)", 8000),
        ("(g722|ulaw)", 16000),
        ("(ulaw,slin16)", 16000),
        ("(slin)", 8000),
        ("(opus)", 16000),
        ("", 8000),
    ],
)
def test_the_rate_is_the_lowest_sufficient_one(formats: str, rate_hz: int) -> None:
    assert rate_of(formats) == rate_hz


@pytest.mark.parametrize(
    ("formats", "modules", "codec"),
    [
        ("(g729)", DEBIAN, "g729"),
        ("(opus)", DEBIAN, "opus"),
        ("(g729|ulaw)", DEBIAN, ""),
        ("(g729)", ("codec_g729a.so",), ""),
        ("(g729)", ("codec_bcg729.so",), ""),
        ("(opus)", ("codec_opus_open_source.so",), ""),
        ("(g726aal2)", ("codec_g726.so",), ""),
        ("(speex16)", ("codec_speex.so",), ""),
        ("(siren14)", ("codec_siren7.so",), "siren14"),
        ("(G723|g729)", DEBIAN, "g723"),
        ("(ulaw)", (), ""),
        ("(nothing)", DEBIAN, ""),
        ("", DEBIAN, ""),
    ],
)
def test_a_codec_needs_a_module_that_has_its_name(formats: str, modules: tuple[str, ...], codec: str) -> None:
    """What reads files or SDP of a codec does not decode it."""
    assert undecodable(formats, modules) == codec


@pytest.mark.parametrize(("formats", "plain"), [("(ulaw)", True), ("(g729|alaw)", True), ("", True), ("(opus)", False)])
def test_what_every_asterisk_decodes_needs_no_question(formats: str, plain: bool) -> None:
    assert is_plain(formats) is plain
