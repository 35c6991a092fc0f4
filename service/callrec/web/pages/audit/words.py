"""The words for what the audit log says."""

from collections.abc import Mapping

from callrec.domain.access.audit import Action, ActorKind
from callrec.web.pages.languages import N_

ACTIONS: Mapping[Action, str] = {
    Action.STORED: N_("recording stored"),
    Action.ADOPTED: N_("recording taken over"),
    Action.ENCRYPTED: N_("recording encrypted"),
    Action.LISTED: N_("recordings listed"),
    Action.SHOWN: N_("recording looked at"),
    Action.LISTENED: N_("recording heard"),
    Action.DOWNLOADED: N_("recording downloaded"),
    Action.EXPORTED: N_("recording exported"),
    Action.CHANGED: N_("notes or tags changed"),
    Action.CONTROLLED: N_("live recording controlled"),
    Action.HELD: N_("hold set"),
    Action.RELEASED: N_("hold ended"),
    Action.ERASED: N_("recording erased"),
    Action.LOGGED_IN: N_("logged in"),
    Action.LOGGED_OUT: N_("logged out"),
    Action.CODE_WANTED: N_("second factor asked for"),
    Action.LOGIN_FAILED: N_("login failed"),
    Action.REFUSED: N_("refused"),
    Action.ACCOUNT_CHANGED: N_("account changed"),
    Action.TOKEN_MADE: N_("token made"),
    Action.TOKEN_REVOKED: N_("token revoked"),
    Action.LINK_MADE: N_("link made"),
    Action.LINK_REVOKED: N_("link revoked"),
    Action.SETTINGS_CHANGED: N_("settings changed"),
    Action.AUDIT_READ: N_("audit log read"),
    Action.CLOCK_SET_BACK: N_("clock was set back"),
}
KINDS: Mapping[ActorKind, str] = {
    ActorKind.ACCOUNT: N_("account"),
    ActorKind.TOKEN: N_("program"),
    ActorKind.LINK: N_("holder of a link"),
    ActorKind.MACHINE: N_("command on the machine"),
    ActorKind.DAEMON: N_("callrec itself"),
    ActorKind.STRANGER: N_("stranger"),
}
OUTCOMES: Mapping[str, str] = {"done": N_("done"), "refused": N_("refused")}
