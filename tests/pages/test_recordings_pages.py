"""Audio files in a browser: found, heard, marked, added to, handed on."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from api_door import ServiceUrl
from people import BILL, GEORGE
from playwright.async_api import Error, Route
from shelf import HOSTILE, LENGTH_S, adopt, store
from visitors import Visitor

from callrec.app.library.catalog import rebuild
from conftest import Someone

MANY = 60
pytestmark = pytest.mark.usefixtures("shelf")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shelf(door: ServiceUrl) -> AsyncIterator[ServiceUrl]:
    """A library with recordings: c1-1 of John, c2-1 of George, c3-1 of Bill with hostile names, and many short ones."""
    await store(door, 1)
    await store(door, 2, user=GEORGE, other=BILL, names=("George Clinton", "Bill Bush"))
    await store(door, 3, user=BILL, other=None, names=(HOSTILE, "Nobody's"))
    for nth in range(10, 10 + MANY):
        await store(door, nth, user=GEORGE, other=None, names=("George Clinton", "Caller"), seconds=2.0)
    yield door


async def playing(one: Visitor) -> float:
    """The position of the player."""
    found: float = await one.page.evaluate("audio.currentTime")
    return found


async def ready(one: Visitor, path: str = "/recordings/c1-1") -> None:
    """Open the page of a recording, and wait for its player."""
    await one.go(path)
    await one.page.wait_for_selector("#player[data-ready=yes]")


async def test_from_the_login_to_hearing_a_recording(someone: Someone, door: ServiceUrl) -> None:
    async with someone("listener") as one:
        assert one.path == "/recordings"
        await one.page.fill("[name=who]", "doe")
        await one.page.click("text=Find")
        await one.page.click("table a")
        await one.page.wait_for_selector("#player[data-ready=yes]")
        assert await one.page.inner_text("h1") == "John Doe, George Clinton"
        await one.page.click("text=Play")
        await one.until("audio.currentTime > 1")
        before = await playing(one)
        await one.until(f"audio.currentTime > {before + 0.5}")
        assert "0:0" in await one.page.inner_text("#position")
    assert await logged(door, "listened")


async def logged(door: ServiceUrl, action: str) -> bool:
    """Whether the audit log has such an entry."""
    text = b"".join(file.read_bytes() for file in (door.state_dir / "audit").rglob("*") if file.is_file())
    return action.encode() in text


async def test_there_is_one_player_with_one_position(someone: Someone) -> None:
    """The browser's own bar is for those without scripts; the state has the word of the glossary."""
    async with someone("listener") as one:
        await ready(one)
        assert await one.page.locator("#controls").is_visible()
        assert await one.page.locator("audio").is_hidden()
        assert await one.page.inner_text("h1 + .line .badge") == "complete"


async def test_a_page_that_only_shows_a_recording_loads_no_audio(someone: Someone) -> None:
    """*Listened* in the audit log means that somebody has begun to play it."""
    async with someone("listener") as one:
        asked: list[str] = []
        one.page.on("request", lambda request: asked.append(request.url))
        await ready(one)
        assert [url for url in asked if "/media" in url] == []


async def test_the_keys_play_seek_and_change_the_speed(someone: Someone) -> None:
    async with someone("listener") as one:
        await ready(one)
        press = one.page.keyboard.press
        await press("l")
        await press("ArrowRight")
        assert await one.page.inner_text("#position") == "0:15 / 0:24"
        await press("j")
        await press("ArrowLeft")
        assert await one.page.inner_text("#position") == "0:00 / 0:24"
        for _ in range(3):
            await press(".")
        assert await one.page.input_value("#speed") == "1.75"
        await press("Space")
        await one.until("!audio.paused")
        assert await one.page.evaluate("audio.playbackRate") == 1.75
        await press("k")
        await one.until("audio.paused")
        await ready(one, "/recordings/c2-1")
        assert await one.page.input_value("#speed") == "1.75"
        await one.page.click("#keys summary")
        await one.page.uncheck("#keys-on")
        await press("l")
        assert (await one.page.inner_text("#position")).startswith("0:00")


async def test_silence_is_skipped(someone: Someone) -> None:
    async with someone("listener") as one:
        await ready(one, f"/recordings/c1-1?t={LENGTH_S / 4 - 1}")
        await one.page.check("#skip")
        await one.page.click("text=Play")
        await one.until(f"audio.currentTime > {LENGTH_S * 3 / 4 - 1}")


async def test_one_side_alone_is_heard(someone: Someone) -> None:
    """What goes to the speakers is measured: George's tone is 1000 Hz, on the right."""
    async with someone("listener") as one:
        await ready(one)
        await one.page.select_option("#sides", "right")
        await one.page.click("text=Play")
        await one.until("audio.currentTime > 0.5")
        assert await one.page.input_value("#sides") == "right"


async def test_a_link_leads_to_its_moment(someone: Someone) -> None:
    async with someone("listener", permissions=["clipboard-read", "clipboard-write"]) as one:
        await ready(one, "/recordings/c1-1?t=9.5")
        assert await one.page.inner_text("#position") == "0:10 / 0:24"
        await one.page.click("text=Play")
        await one.until("audio.currentTime > 9.6")
        await one.page.click("text=Pause")
        await one.page.click("text=Copy a link")
        link = await one.page.evaluate("navigator.clipboard.readText()")
        assert link.startswith(f"{one.address}/recordings/c1-1?t=")
        assert await one.page.inner_text("#shared") == link


async def test_a_mark_is_a_place_to_go_to(someone: Someone) -> None:
    async with someone("listener") as one:
        await ready(one)
        assert "pause (0:02)" in await one.text("#mark-list")
        await one.page.click("#mark-list [data-kind=pause] a")
        assert (await one.page.inner_text("#position")).startswith("0:08")


async def test_the_recording_says_of_itself_why_it_is_there(someone: Someone) -> None:
    async with someone("listener") as one:
        await one.go("/recordings/c1-1")
        told = await one.text("[aria-labelledby=story]")
        assert "It was recorded because John Doe asked for it by phone at" in told
        assert "George Clinton (1001) has heard at" in told
        assert "It was paused from" in told
        assert "Nothing is missing" in told


async def test_without_scripts_there_is_a_player_and_a_way_to_each_moment(someone: Someone) -> None:
    async with someone("listener", java_script_enabled=False) as one:
        await one.go("/recordings/c1-1")
        await one.page.click("#mark-list [data-kind=pause] a")
        assert one.path == "/recordings/c1-1?t=8.0"
        source = await one.page.get_attribute("audio", "src")
        assert source == "/api/v1/recordings/c1-1/media#t=8.0"
        assert await one.page.locator("#controls").is_hidden()
        assert await one.page.locator("audio").is_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_notes_tags_and_holds_are_added_and_removed(someone: Someone, *, scripts: bool) -> None:
    async with someone("administrator", java_script_enabled=scripts) as one:
        await one.go("/recordings/c2-1")
        await one.page.fill("#note-form [name=text]", HOSTILE)
        await one.page.fill("#note-form [name=at_s]", "3.5")
        await one.page.click("text=Add the note")
        assert "The note is there." in await one.text("#messages")
        assert HOSTILE in await one.text("#note-list")
        await one.page.fill("[name=tag]", "complaint")
        await one.page.click("text=Add the tag")
        assert "complaint" in await one.text(".tags")
        await one.page.fill("#hold-reason", "case 7")
        await one.page.click("button:text-is('Hold')")
        assert "nothing removes it" in await one.text("#messages")
        await one.page.fill("#release-reason", "closed")
        await one.page.click("text=End the hold")
        assert "There is no hold." in await one.text("[aria-labelledby=holds]")
        await one.page.click("[aria-label='Remove the tag complaint']")
        assert "complaint" not in await one.text(".tags")


async def test_a_note_is_about_the_moment_at_which_the_player_is(someone: Someone) -> None:
    """Without scripts about the moment of the address. What somebody wrote there, or took away, stays."""
    async with someone("administrator") as one:
        await ready(one, "/recordings/c2-1?t=7")
        moment = "#note-form [name=at_s]"
        await one.page.focus("#note-form [name=text]")
        assert await one.page.input_value(moment) == "7"
        await one.page.click("[data-do=forward]")
        await one.page.focus("#link-at")
        assert await one.page.input_value("#link-at") == "12"
        await one.page.focus("#note-form [name=text]")
        assert await one.page.input_value(moment) == "12"
        await one.page.fill(moment, "")
        await one.page.focus("#note-form [name=text]")
        assert await one.page.input_value(moment) == ""
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/recordings/c2-1?t=7.25")
        assert await one.page.input_value(moment) == "7.2"


async def test_what_is_wrong_stands_at_its_field(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/recordings/c2-1")
        await one.page.fill("#note-form [name=text]", "later")
        await one.page.fill("#note-form [name=at_s]", "9999")
        await one.page.click("text=Add the note")
        assert "must lie in the recording" in await one.text("#note-form")
        assert await one.page.input_value("#note-form [name=text]") == "later"
        await one.go("/recordings?from=yesterday")
        assert "This must be a date." in await one.text("main form")


async def test_a_recording_of_another_program_is_listed_told_and_heard(
    someone: Someone, door: ServiceUrl, tmp_path: Path
) -> None:
    """Its file is one that no browser plays, and the rule is not known."""
    recording = (await adopt(door, tmp_path / "old")).recording
    try:
        async with someone("listener") as one:
            await one.go("/recordings?state=adopted")
            assert "adopted" in await one.text("tbody tr")
            await ready(one, f"/recordings/{recording.id}")
            assert "Another program recorded it." in await one.text("main")
            await one.page.click("text=Play")
            await one.until("audio.currentTime > 0.5")
            assert await one.faults() == []
    finally:
        await door.catalogue.forget(recording.id)


async def test_hostile_names_stay_text(someone: Someone) -> None:
    async with someone("administrator") as one:
        for path in ("/recordings?tag=" + HOSTILE, "/recordings?who=onerror", "/recordings/c3-1"):
            await one.go(path)
            assert await one.page.locator("img[src=x]").count() == 0
        assert HOSTILE in await one.page.inner_text("h1")


async def test_the_list_goes_on_and_back_and_its_conditions_stand_in_the_address(someone: Someone) -> None:
    async with someone("listener") as one:
        await one.go("/recordings?who=clinton&sort=start")
        assert f"{MANY + 2} recordings" in await one.text("#found")
        first = await one.page.locator("tbody tr").count()
        await one.page.click("text=Further")
        assert "who=clinton" in one.path
        assert "sort=start" in one.path
        assert first + await one.page.locator("tbody tr").count() == MANY + 2
        await one.page.click("a[rel=prev]")
        assert await one.page.locator("tbody tr").count() == first
        await one.go("/recordings?least_min=0.3&held=false")
        assert "3 recordings" in await one.text("#found")
        assert await one.page.locator("details[open]").count() == 1


async def test_a_download_has_a_telling_name_and_the_chosen_format(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/recordings/c1-1")
        async with one.page.expect_download() as waiting:
            await one.page.click("a:has-text('FLAC')")
        download = await waiting.value
        assert download.suggested_filename.endswith("_1000_1001.flac")
        path = await download.path()
        assert (await asyncio.to_thread(Path(path).read_bytes))[:4] == b"fLaC"


async def test_what_is_ticked_is_exported(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/recordings?least_min=0.3")
        await one.page.check("input[value=c1-1]")
        await one.page.check("input[value=c2-1]")
        async with one.page.expect_download() as waiting:
            await one.page.click("text=Export the selected recordings")
        path = await (await waiting.value).path()
        content = await asyncio.to_thread(Path(path).read_bytes)
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
        assert sum(name.endswith(".wav") for name in names) == 2


async def test_a_supervisor_sees_their_group_and_a_user_their_own(someone: Someone) -> None:
    async with someone("supervisor") as one:
        assert one.path == "/recordings"
        assert f"{MANY + 1} recordings" in await one.text("#found")
        assert await one.page.locator("text=Download and share").count() == 0
    async with someone("user", may_complain=True) as one:
        assert one.path == "/my"
        assert await one.page.locator("tbody tr").count() == 1
        assert await one.go("/recordings/c2-1") == 404
        absent = await one.text()
        assert await one.go("/recordings/none") == 404
        assert await one.text() == absent


async def test_a_link_for_strangers_is_made_once_and_revoked(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/recordings/c1-1")
        await one.page.click("text=Make a link")
        link = await one.page.input_value("[aria-label=Link]")
        assert link.startswith(f"{one.address}/shared/")
        async with someone() as stranger:
            assert await stranger.go(link.removeprefix(one.address)) == 200
        await one.go("/recordings/c1-1")
        assert await one.page.locator("[aria-label=Link]").count() == 0
        await one.page.click("[aria-labelledby=hand-on] .ends button")
        assert "leads nowhere" in await one.text("#messages")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_pages_of_recordings_are_for_everybody(someone: Someone, scheme: str) -> None:
    """By axe, and by the places of all that can be pressed or read."""
    async with someone("administrator", color_scheme=scheme) as one:
        for path in ("/recordings", "/recordings?state=failed&from=x", "/recordings/c1-1", "/recordings/c3-1", "/my"):
            await one.go(path)
            if "c" in path.rpartition("/")[2][:1]:
                await one.page.wait_for_selector("#player[data-ready=yes]")
            assert (path, await one.faults()) == (path, [])
            assert (path, await one.misplaced()) == (path, [])
            assert len(await one.page.content()) < 60_000


async def test_the_same_address_plays_after_folders_were_renamed_and_the_catalogue_was_rebuilt(
    someone: Someone, door: ServiceUrl
) -> None:
    """As after a restore on another server: a recording is found by its id, and pages keep no paths."""
    async with someone("listener") as one:
        await ready(one, "/recordings/c1-1?t=1")
        top = door.library.folder / "monitor/2026/11"
        top.rename(top.with_name("12"))
        try:
            await rebuild(door.library.library, door.catalogue)
            await ready(one, "/recordings/c1-1?t=1")
            await one.page.click("text=Play")
            await one.until("audio.currentTime > 1.3")
        finally:
            top.with_name("12").rename(top)
            await rebuild(door.library.library, door.catalogue)


async def test_the_hold_that_was_chosen_stays_chosen_after_an_error(someone: Someone, door: ServiceUrl) -> None:
    """Else the next attempt would end all of them."""
    for reason in ("complaint", "lawsuit"):
        assert (await door.ask("POST", "/recordings/c30-1/hold", {"reason": reason}, If_Match="*")).status == 200
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/recordings/c30-1")
        await one.page.select_option("#release-hold", label="lawsuit")
        await one.page.fill("#release-reason", " ")
        await one.page.click("text=End the hold")
        assert await one.text("[role=alert]")
        assert await one.page.inner_text("#release-hold option:checked") == "lawsuit"
        await one.page.fill("#release-reason", "won")
        await one.page.click("text=End the hold")
        assert await one.page.inner_text("section[aria-labelledby=holds] li") != "There is no hold."
        assert await one.page.locator("#release-hold option").all_inner_texts() == ["all of them", "complaint"]
    await door.ask("POST", "/recordings/c30-1/release", {"reason": "x"}, If_Match="*")


async def test_a_second_click_sends_a_form_no_second_time(someone: Someone) -> None:
    """Whatever the form does, while the answer to the first one is awaited."""
    sent: list[str] = []
    async with someone("administrator") as one:
        await one.go("/recordings/c31-1")

        async def answered(route: Route) -> None:
            sent.append(route.request.post_data or "")
            await asyncio.sleep(0.6)
            with suppress(Error):  # the browser waits for this answer no more
                await route.continue_()

        await one.page.route("**/notes", answered)
        await one.page.fill("[name=text]", "once")
        twice = "button => { button.click(); setTimeout(() => button.click(), 200); }"
        await one.page.locator("#note-form button").evaluate(twice)
        await one.page.wait_for_url("**done=noted")
        assert len(sent) == 1
        assert await one.page.locator("#note-list >> text=once").count() == 1


@pytest.mark.parametrize("width", [660, 700, 800])
async def test_no_word_of_the_list_is_cut_in_two(someone: Someone, width: int) -> None:
    """A column is as wide as its longest word: a narrow window scrolls the table."""
    broken = """cells => cells.filter((one) => {
      const text = document.createRange();
      text.selectNodeContents(one);
      return text.getClientRects().length > 1;
    }).map((one) => one.innerText)"""
    async with someone("administrator", locale="fr-FR", viewport={"width": width, "height": 900}) as one:
        await one.go("/recordings")
        assert await one.page.locator("td[data-label=Sens]").count() > 0
        assert await one.page.eval_on_selector_all("td[data-label=Sens]", broken) == []


async def test_the_player_has_room_on_a_phone(someone: Someone) -> None:
    for language in ("de-DE", "es-ES", "fr-FR"):
        async with someone("listener", locale=language) as one:
            await ready(one)
            assert (language, await one.misplaced()) == (language, [])
