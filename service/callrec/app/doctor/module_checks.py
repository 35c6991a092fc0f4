"""The Asterisk modules that callrec needs, in an order in which they load.

With `autoload = no` Asterisk loads only the modules that modules.conf names, without their dependencies, so these lists have the
dependencies too. They were found by loading the modules into an otherwise empty Asterisk 22.10: a module declares some
dependencies (`requires` in its AST_MODULE_INFO) and only uses the symbols of others (res_agi those of res_speech, res_ari those
of res_websocket_client).
"""

from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence

from callrec.app.doctor.findings import Finding, Verdict

MODULES = (
    *("res_speech", "res_agi", "app_exec", "app_mixmonitor", "app_playback", "app_stack", "app_userevent"),
    "bridge_builtin_features",
    *("format_sln", "format_wav", "codec_resample"),
    *("func_callerid", "func_channel", "func_cut", "func_db", "func_devstate", "func_dialplan", "func_env"),
    *("func_logic", "func_strings", "func_pjsip_endpoint"),
    *("res_http_websocket", "res_websocket_client", "res_ari_model", "res_ari", "res_stasis", "app_stasis"),
    *("res_stasis_answer", "res_stasis_recording", "res_stasis_playback", "res_stasis_snoop"),
    *(
        "res_ari_applications",
        "res_ari_asterisk",
        "res_ari_bridges",
        "res_ari_channels",
        "res_ari_events",
        "res_ari_playbacks",
    ),
)
"""Recording and feature codes; file formats of captures and prompts; dialplan functions; then those for a tone in a live call."""
TIMING = ("res_timing_timerfd", "res_timing_dahdi", "res_timing_pthread")
"""One of these is needed to play a tone into a call: res_stasis_snoop.c opens a timer for each snoop channel."""
CODECS = {"ulaw": "codec_ulaw", "alaw": "codec_alaw", "g722": "codec_g722", "gsm": "codec_gsm", "ilbc": "codec_ilbc"}
"""By the name in `allow`. Two phones with the same codec need no codec module, but MixMonitor decodes their audio."""
ONLY_FOR = {"res_websocket_client": "res_ari", "res_ari_playbacks": "res_ari_channels"}
"""The key counts as missing only when the value is missing too: older series have no res_websocket_client, and tones work
without res_ari_playbacks."""
ONLY_WITH = {"func_pjsip_endpoint": "res_pjsip"}
"""The key is needed only where the value is loaded: the function tells a PJSIP endpoint's context."""
CONF_MODULES = ("res_pjsip", "func_pjsip_aor", "pbx_config")
"""Also needed with generated files: the modules that read them, and the one whose function shows which ones Asterisk has read
(PJSIP_AOR; the other is DIALPLAN_EXISTS)."""
MAILBOX_MODULE = "app_voicemail"
"""Also needed with voicemail boxes in these files: it reads them, and its function VM_INFO shows it."""
SCCP_MODULE = "chan_sccp"
"""Also needed with SCCP lines in these files: without it SCCP phones do not work, and no other check reports it."""

IsLoaded = Callable[[str], Coroutine[None, None, bool]]


def wanted_modules(*, keeps_files: bool, mailboxes: bool, sccp_lines: bool) -> tuple[str, ...]:
    """The modules that must be loaded, without codecs. `mailboxes` and `sccp_lines`: whether the tables contain them;
    `keeps_files`: whether callrec generates Asterisk's files from the tables."""
    if not keeps_files:
        return MODULES
    return (*MODULES, *CONF_MODULES, *[MAILBOX_MODULE] * mailboxes, *[SCCP_MODULE] * sccp_lines)


async def look_at_modules(is_loaded: IsLoaded, wanted: Sequence[str], allowed: Iterable[str]) -> Finding:
    """Which of these modules are not loaded. `allowed`: the codecs in `allow` of the phones' endpoints."""
    codecs = sorted({CODECS[codec] for codec in allowed if codec in CODECS})
    absent = {one for one in ONLY_WITH.values() if one not in wanted and not await is_loaded(one)}
    every = [module for module in (*wanted, *codecs) if ONLY_WITH.get(module) not in absent]
    missing = [module for module in every if not await is_loaded(module)]
    missing = [module for module in missing if ONLY_FOR.get(module, module) in missing]
    if not any([await is_loaded(module) for module in TIMING]):
        missing.insert(0, TIMING[0])
    return _judged(missing, len(every) + 1)


def _judged(missing: Collection[str], count: int) -> Finding:
    if not missing:
        return Finding("modules", Verdict.OK, f"all {count} are loaded")
    lines = "\n".join(f"load = {module}.so" for module in missing)
    write = f"modules.conf, in this order, then restart Asterisk:\n{lines}"
    return Finding("modules", Verdict.WRONG, f"not loaded: {', '.join(missing)}", write)
