"""Import of users in a browser: a file is looked at before it changes anything, and its secrets are taken as a file."""

import pytest
from api_door import ServiceUrl
from people import JOHN

from callrec.domain.directory.directory import Directory
from callrec.web.pages.users import file
from conftest import Someone

SPECIFIED = """entityid|firstname|lastname|phonenumber|context|protocol|mobilephonenumber
1|Jane|Roe|1300|default|sip|00123456789
1|Greta|Clint|1301|default|sip|00123456789
"""


async def tables_of(door: ServiceUrl) -> Directory:
    """The tables as they are now."""
    await door.feed.catch_up(10)
    return door.feed.directory


def file_of(content: str | bytes, name: str = "users.csv") -> dict[str, object]:
    """A file as a browser sends it."""
    return {"name": name, "mimeType": "text/csv", "buffer": content if isinstance(content, bytes) else content.encode()}


async def test_the_specifications_file_is_previewed_applied_and_its_secrets_downloaded(
    someone: Someone, door: ServiceUrl
) -> None:
    async with someone("administrator") as one:
        await one.go("/users")
        await one.page.click("text=Import")
        await one.page.set_input_files("#file", file_of(SPECIFIED))
        await one.page.click("text=Upload and look")
        await one.page.wait_for_selector("text=2 new users")
        said = await one.text()
        assert "utf-8" in said
        assert "Jane Roe" in said
        assert (await tables_of(door)).by_extension("1300", "default") is None
        await one.page.click("text=Apply")
        await one.page.wait_for_selector("text=2 secrets were made.")
        async with one.page.expect_download() as told:
            await one.page.click("text=Download the secrets")
        text = (await (await told.value).path()).read_text()
        party = (await tables_of(door)).by_extension("1300", "default")
        assert party is not None
        assert f"line|1300|{party.line.name}|{party.line.secret}" in text
        await one.page.click("text=Forget the file")
        await one.page.wait_for_url("**/users")


async def test_without_scripts_a_file_is_imported_too(someone: Someone, door: ServiceUrl) -> None:
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/users/import")
        await one.page.set_input_files(
            "#file", file_of("firstname;phonenumber;context;protocol\nPlain;1310;default;sip\n")
        )
        await one.page.click("text=Upload and look")
        assert "1 new user" in await one.text()
        assert await one.text("kbd") == ";"
        await one.page.click("text=Apply")
        assert "Done." in await one.text()
        assert (await tables_of(door)).by_extension("1310", "default") is not None


async def test_a_file_of_freepbx_is_recognised_and_what_it_does_not_say_is_asked_for(
    someone: Someone, door: ServiceUrl
) -> None:
    """What is not taken over is named before anything is changed; the chosen context counts when it is applied, too."""
    await door.ask("POST", "/contexts", {"name": "lab", "ranges": ["1330-1339"]})
    file = (
        "extension,name,tech,secret,ringtimer,voicemail,voicemail_vmpwd\n1330,Free Pbx,pjsip,s3cret,20,default,4711\n"
    )
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/users/import")
        await one.page.set_input_files("#file", file_of(file, "extensions.csv"))
        await one.page.click("text=Upload and look")
        assert "FreePBX" in await one.text("dl.facts")
        assert await one.text("kbd") == ","
        await one.page.select_option("#context", "lab")
        await one.page.fill("#language", "fr_FR")
        await one.page.click("text=Look again")
        said = await one.text()
        assert "ringtimer" in said
        assert "1 new user" in said
        await one.page.click("text=Apply")
        assert "Done." in await one.text()
    party = (await tables_of(door)).by_extension("1330", "lab")
    assert party is not None
    assert (party.user.name, party.user.language, party.line.secret) == ("Free Pbx", "fr_FR", "s3cret")


async def test_a_file_of_wazo_is_recognised_and_another_choice_is_obeyed(someone: Someone, door: ServiceUrl) -> None:
    file = "firstname,exten,context,line_protocol,ring_seconds\nWanda,1320,default,sip,30\n"
    async with someone("administrator") as one:
        await one.go("/users/import")
        await one.page.set_input_files("#file", file_of(file))
        await one.page.click("text=Upload and look")
        await one.page.wait_for_selector("text=1 new user")
        assert "Wazo" in await one.text("dl.facts")
        assert "ring_seconds" in await one.text(".message.warn")
        assert await one.page.locator("#context").count() == 0
        assert await one.faults() == []
        assert await one.misplaced() == []
        await one.page.select_option("#format", "callrec")
        await one.page.click("text=Look again")
        await one.page.wait_for_selector("[role=alert]")
        assert "exten" in await one.text("tbody")
        await one.page.select_option("#format", "")
        await one.page.click("text=Look again")
        await one.page.click("text=Apply")
        await one.page.wait_for_selector("text=Done.")
    assert (await tables_of(door)).by_extension("1320", "default") is not None


async def test_every_error_is_shown_with_its_line_and_nothing_can_be_applied(someone: Someone) -> None:
    bad = SPECIFIED + "1|<b>X</b>||1000|default|sip|\n1|Y||1302|nowhere|sip|x\n"
    async with someone("administrator") as one:
        await one.go("/users/import")
        await one.page.set_input_files("#file", file_of(bad, "<i>bad</i>.csv"))
        await one.page.click("text=Upload and look")
        await one.page.wait_for_selector("text=2 errors")
        rows = await one.page.locator("tbody").first.inner_text()
        assert [line.split("\t")[:2] for line in rows.splitlines()] == [
            ["4", "phonenumber"],
            ["5", "mobilephonenumber"],
        ]
        assert "<i>bad</i>.csv" in await one.text("h1")
        assert await one.page.locator("#apply").count() == 0


async def test_a_file_in_another_encoding_is_read_as_the_person_says(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/users/import")
        await one.page.set_input_files("#file", file_of("firstname,lastname\nÉve,Müller\n".encode("windows-1252")))
        await one.page.click("text=Upload and look")
        await one.page.wait_for_selector("text=The file is not UTF-8")
        await one.page.click("text=Éve,Müller")
        await one.page.wait_for_selector("text=1 new user")
        assert "Éve Müller" in await one.text()


async def test_an_update_shows_what_changes_of_whom(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/users/import")
        await one.page.check("text=Update: each row")
        await one.page.set_input_files("#file", file_of("linename|mobilephonenumber\nline-2|0170999\n"))
        await one.page.click("text=Upload and look")
        await one.page.wait_for_selector("text=1 changed")
        assert "mobilephonenumber: (empty) -> 0170999" in await one.text()


async def test_an_upload_is_its_uploaders_alone_and_no_file_is_said(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/users/import")
        await one.page.set_input_files("#file", file_of(SPECIFIED.replace("13", "14")))
        await one.page.click("text=Upload and look")
        await one.page.wait_for_selector("text=2 new users")
        path = one.path
        empty = await one.context.request.post(
            f"{one.address}/users/import", multipart={"mode": "add"}, headers={"Origin": one.address}
        )
        assert "Choose a file first." in await empty.text()
        assert await one.go(path) == 200
    async with someone("operator", may_complain=True) as other:
        assert await other.go(path) == 404


async def test_the_pages_of_the_import_are_for_everybody(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/users/import")
        assert await one.faults() == []
        assert await one.misplaced() == []
        await one.page.set_input_files(
            "#file", file_of(SPECIFIED.replace("130", "135").replace("Roe", "Roe|x") + f"1|{JOHN}||9|default|sip|\n")
        )
        await one.page.click("text=Upload and look")
        await one.page.wait_for_selector("[role=alert]")
        assert await one.faults() == []
        assert await one.misplaced() == []


async def test_back_and_forward_lead_to_the_form_and_to_the_preview(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/users/import")
        await one.page.set_input_files("#file", file_of("firstname\nBack\n"))
        await one.page.click("text=Upload and look")
        await one.page.wait_for_selector("#apply")
        assert await one.page.evaluate("document.activeElement.id") == "main", "it is read aloud from its beginning"
        await one.page.go_back()
        await one.page.wait_for_selector("#upload")
        await one.page.go_forward()
        await one.page.wait_for_selector("#apply")


async def test_what_the_rows_do_stays_chosen_when_a_file_is_refused(
    someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a file of changes would be read as one of new users. A file that is too large is told at its field."""
    monkeypatch.setattr(file, "LARGEST_BYTES", 1000)
    async with someone("administrator", java_script_enabled=False, locale="de-DE") as one:
        await one.go("/users/import")
        assert await one.page.is_checked("[value=add]")
        await one.page.check("[value=update]")
        await one.page.set_input_files("#file", file_of("x" * 2000))
        await one.page.click("main form button.main")
        assert (await one.text("#file-wrong")).startswith("Die Datei ist zu groß für die Seite")
        assert await one.page.is_checked("[value=update]")
