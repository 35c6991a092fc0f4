"""Which modules of Asterisk callrec works with, in an order in which they load.

With `autoload = no` Asterisk loads what modules.conf names and nothing that those depend on, so the dependencies stand here too.
They were found by loading them into an Asterisk 22.10 that had nothing else: a module names some of its dependencies (`requires`
in its AST_MODULE_INFO), and of others it only uses symbols (res_agi of res_speech, res_ari of res_websocket_client).
"""

from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence

from callrec.app.doctor import Finding, Verdict

MODULES = (
    *("res_speech", "res_agi", "app_exec", "app_mixmonitor", "app_playback", "app_stack", "bridge_builtin_features"),
    *("format_sln", "format_wav", "codec_resample"),
    *("func_callerid", "func_channel", "func_cut", "func_db", "func_devstate", "func_env"),
    *("func_logic", "func_strings", "func_talkdetect"),
    *("res_http_websocket", "res_websocket_client", "res_ari_model", "res_ari", "res_stasis", "app_stasis"),
    *("res_stasis_answer", "res_stasis_recording", "res_stasis_playback", "res_stasis_snoop"),
    *("res_ari_applications", "res_ari_bridges", "res_ari_channels", "res_ari_events", "res_ari_playbacks"),
)
"""Recording and the codes, captures and prompts, the dialplan's functions, then what a tone in a live call takes."""
TIMING = ("res_timing_timerfd", "res_timing_dahdi", "res_timing_pthread")
"""One of these: without any, nothing is played into a call (res_stasis_snoop.c opens a timer for each snoop channel)."""
CODECS = {"ulaw": "codec_ulaw", "alaw": "codec_alaw", "g722": "codec_g722", "gsm": "codec_gsm", "ilbc": "codec_ilbc"}
"""By the name in `allow`: phones of one codec talk without it, but a recorder takes their sound apart."""
ONLY_FOR = {"res_websocket_client": "res_ari", "res_ari_playbacks": "res_ari_channels"}
"""Where the second is loaded, the first is not missing: older series have no res_websocket_client, and tones are heard without
res_ari_playbacks, which belongs to them in a list."""
CONF_MODULES = ("res_pjsip", "func_pjsip_aor", "pbx_config", "func_dialplan")
"""Besides, when we keep Asterisk's files: who reads them, and who tells which ones are read (PJSIP_AOR, DIALPLAN_EXISTS)."""
MAILBOX_MODULE = "app_voicemail"
"""Besides, when there are mailboxes in them: it reads them, and tells so itself (VM_INFO)."""
SCCP_MODULE = "chan_sccp"
"""Besides, when there are SCCP lines in them: without it those telephones are dead, and nothing else says so."""

IsLoaded = Callable[[str], Coroutine[None, None, bool]]


def wanted_modules(*, keeps_files: bool, mailboxes: bool, sccp_lines: bool) -> tuple[str, ...]:
    """What has to be loaded, whatever codecs phones have. The flags: of the tables, and whether they become Asterisk's files."""
    if not keeps_files:
        return MODULES
    return (*MODULES, *CONF_MODULES, *[MAILBOX_MODULE] * mailboxes, *[SCCP_MODULE] * sccp_lines)


async def look_at_modules(is_loaded: IsLoaded, wanted: Sequence[str], allowed: Iterable[str]) -> Finding:
    """`allowed`: the codecs of the phones, as `allow` of their endpoints has them."""
    codecs = sorted({CODECS[codec] for codec in allowed if codec in CODECS})
    every = [*wanted, *codecs]
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
