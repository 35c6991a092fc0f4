"""Extensions: the feature codes, each with its digits and a box; conflicts are told at the code."""

from dataclasses import dataclass, replace

from aiohttp import web

from callrec.domain.access.decisions import may_somewhere
from callrec.domain.directory.feature_codes import FEATURES, Argument
from callrec.domain.directory.last_changes import CODES
from callrec.domain.directory.model import DEFAULT_CODES, Feature, FeatureCode, Permission
from callrec.domain.errors import Refused
from callrec.web.api.access_changes import log_change
from callrec.web.auth import principal_of
from callrec.web.pages.forms import Form, blank, typed
from callrec.web.pages.languages import N_
from callrec.web.pages.records.editing import Editing, change_request, new_once
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page, see_other

EXTENSIONS = "/extensions"
SAYS = {"saved": N_("Saved.")}
WORDS: dict[Feature, tuple[str, str]] = {
    Feature.CALL_RECORD: (N_("Call recording"), N_("Records all calls of the user who dials it, or no longer.")),
    Feature.ONLINE_RECORD: (
        N_("Online call recording"),
        N_("Pressed in a conversation: starts or stops its recording."),
    ),
    Feature.PAUSE_RECORD: (
        N_("Pause the recording"),
        N_("Pressed in a conversation: pauses its recording, or goes on."),
    ),
    Feature.PICKUP: (N_("Interception"), N_("Takes the call that rings at the number behind it.")),
    Feature.PHONE_STATUS: (N_("Phone status"), N_("Says which services are active.")),
    Feature.FORWARDS_OFF: (N_("Disable all forwards"), N_("Ends every forward of the user.")),
    Feature.FORWARD_UNCONDITIONAL: (
        N_("Unconditional forward"),
        N_("Forwards all calls to the number behind it; without a number it asks."),
    ),
    Feature.FORWARD_NO_ANSWER: (N_("Forward on no answer"), N_("Forwards unanswered calls.")),
    Feature.FORWARD_BUSY: (N_("Forward on busy"), N_("Forwards calls while the phone is busy.")),
    Feature.DND: (N_("Do not disturb"), N_("The phone does not ring, or rings again.")),
    Feature.AGENT_TOGGLE: (N_("Agent login and logoff"), N_("Queues ring the user, or no longer.")),
    Feature.AGENT_LOGIN: (N_("Agent login"), N_("Queues ring the user.")),
    Feature.AGENT_LOGOFF: (N_("Agent logoff"), N_("Queues ring the user no longer.")),
    Feature.SECRETARY_FILTER: (
        N_("Boss/secretary filter"),
        N_("Calls to a boss ring at the secretaries first, or no longer."),
    ),
    Feature.VOICEMAIL_ENABLE: (
        N_("Enable voicemail"),
        N_("Calls that are not answered go to the voicemail, or no longer."),
    ),
    Feature.VOICEMAIL_LEAVE: (N_("Leave a message"), N_("Leaves a message in the mailbox behind it, without ringing.")),
    Feature.VOICEMAIL_CONSULT: (N_("Consult voicemail"), N_("The user's own mailbox.")),
}
_BEHIND = {Argument.NONE: "", Argument.OPTIONAL: N_("a number may follow"), Argument.REQUIRED: N_("a number follows")}


@dataclass(frozen=True, slots=True)
class Row:
    """A feature code as the page has it; texts are in English."""

    code: FeatureCode
    title: str
    about: str
    how: str
    usual: str
    form: Form


class ExtensionPages:
    """The handlers."""

    def __init__(self, editing: Editing) -> None:
        self._editing = editing

    def pages(self) -> list[Page]:
        """The table of pages."""
        reads = (Permission.USERS_READ,)
        return [
            Page("GET", EXTENSIONS, "extensions", self.listed, needs=reads, says=SAYS),
            Page(
                "POST",
                f"{EXTENSIONS}/{{feature}}",
                "changeExtension",
                self.change,
                needs=(*reads, Permission.SETTINGS_CHANGE),
            ),
        ]

    async def listed(self, request: web.Request) -> web.Response:
        """All feature codes."""
        return self._shown(request)

    async def change(self, request: web.Request) -> web.Response:
        """Change one."""
        form, feature, records = await typed(request), _feature(request), self._editing.records
        before = FeatureCode(feature, form.value("was"), form.value("was_enabled") == "true")
        wanted = FeatureCode(feature, form.value("code").strip(), form.is_on("enabled"))
        await log_change(request, f"extension:{feature}", "change", code=wanted.code, enabled=wanted.enabled)
        try:
            await records.set_code(
                feature,
                lambda code: replace(code, code=wanted.code, enabled=wanted.enabled),
                lambda now: now == before,
                change_request(request, form),
            )
        except Refused as refused:
            if refused.code == "record-changed":
                last = self._editing.last_change(CODES, feature)
                who = self._editing.who(last.actor) if last else ""
                if who:
                    form.add("code", N_("Changed by %(who)s meanwhile: look at it, then save again."), who=who)
                else:
                    form.add("code", N_("Changed meanwhile: look at it, then save again."))
                for name in ("was", "was_enabled"):
                    form.values.pop(name, None)
            else:
                form.refuse_at("code", refused)
            return self._shown(request, feature, form)
        return see_other(f"{EXTENSIONS}?done=saved#{feature}")

    def _shown(self, request: web.Request, wrong: Feature | None = None, form: Form | None = None) -> web.Response:
        usual = {one.feature: one.code for one in DEFAULT_CODES}
        rows = []
        for feature, (title, about) in WORDS.items():
            kind = FEATURES[feature]
            how = _BEHIND[kind.argument] if kind.dialled else N_("pressed in a call")
            shown = form if form and feature is wrong else blank(request)
            rows.append(Row(self._editing.directory.code(feature), title, about, how, usual[feature], shown))
        may_change = may_somewhere(principal_of(request), Permission.SETTINGS_CHANGE)
        return page(request, "settings/extensions.html", rows=rows, may_change=may_change, once=new_once())


def _feature(request: web.Request) -> Feature:
    try:
        return Feature(request.match_info["feature"])
    except ValueError:
        raise Refused("no-such-record", "this feature does not exist") from None
