"""All codes of errors, each with what it means and what to do. `make docs` makes docs/errors.md of it.

A code is a frozen format: its text never changes. A code that is no longer raised is removed. The type checker refuses a code
that is not in `ErrorCode`. The tables below it are the registry, one for each kind of error in `errors`; a code of two kinds
is in both tables, with its meaning there.
"""

from collections.abc import Mapping
from typing import Final, Literal

# fmt: off
ErrorCode = Literal[
    "account-name", "account-role", "actor", "adopt-busy", "adopt-erased", "adopt-format", "adopt-name", "adopt-owner",
    "adopt-time",
    "agi-application", "agi-arguments", "agi-bind", "agi-busy",
    "agi-closed", "agi-exec-argument",
    "agi-header", "agi-header-missing", "agi-header-twice", "agi-line-break", "agi-not-our-turn", "agi-nul",
    "agi-over", "agi-query-twice", "agi-reply", "agi-stranger", "agi-surrogate", "agi-too-long", "agi-unasked",
    "agi-variable", "ambiguous-user", "ami-congested", "ami-down", "ami-error", "ami-greeting", "ami-header",
    "ami-listing-too-long", "ami-login", "ami-message-too-long", "ami-outcome-unknown", "annotation",
    "annotations-busy", "annotations-changed", "annotations-schema", "annotations-unlogged", "annotations-unreadable",
    "ari-answer", "ari-conflict",
    "ari-credentials", "ari-denied", "ari-down", "ari-event", "ari-failed", "ari-login", "ari-module",
    "ari-not-found", "ari-not-played", "ari-outcome-unknown", "ari-path", "ari-refused", "ari-replaced",
    "audit-bundle", "audit-checkpoint", "audit-closed", "audit-entry", "audit-full", "audit-key", "audit-locked",
    "audit-missing", "audit-odd", "audit-rewritten", "audit-slow", "audit-stamp", "audit-texts", "audit-tile",
    "audit-timestamp", "audit-unsigned",
    "audit-waiting",
    "audit-witness", "backup-busy", "backup-damaged", "backup-foreign", "backup-inside", "backup-newer",
    "body", "body-cut", "busy",
    "call-ended",
    "call-not-known", "capture-grows", "capture-rate", "capture-shrank",
    "catalogue-away", "catalogue-busy", "catalogue-damaged", "catalogue-disk", "catalogue-login", "catalogue-newer",
    "catalogue-rights", "catalogue-server",
    "clock-ahead", "clock-set-back", "codec", "conf-busy", "conf-not-loaded",
    "conf-refused", "confgen-dir", "context-in-use", "context-last", "context-mixed", "context-name",
    "context-reserved", "control-failed", "control-reason", "cross-site",
    "daemon-away", "daemon-not-proven", "daemon-runs", "database-url", "defect", "disk", "doctor-failed",
    "embedded-store-binary", "embedded-store-ended", "embedded-store-file", "embedded-store-in-use",
    "embedded-store-slow", "embedded-store-start", "embedded-store-wedged", "encoder-hangs", "encoder-length",
    "encryption-changed", "encryption-key-unknown", "encryption-keys", "encryption-keys-away", "encryption-link",
    "encryption-off", "encryption-owner", "encryption-unfinished", "encryption-unlogged",
    "entity-in-use", "entity-last", "entry-refused", "entry-too-large", "erasure-conditions", "erasure-reason",
    "event-type",
    "feature-code", "feature-code-taken", "file-binary", "file-encoding", "file-not-written", "file-odd",
    "file-refused", "file-too-large", "file-unreadable", "file-unwritable", "folder-exists", "folder-link",
    "folder-locked",
    "folder-unreadable",
    "grant-exceeds",
    "host", "http-404", "http-405", "http-413", "http-bind", "http-tls",
    "idempotency-key", "if-match", "incall-in-contexts",
    "journal-closed", "journal-full", "journal-line", "journal-locked", "journal-moves", "journal-slow",
    "kept", "key-destination", "key-file-damaged", "key-file-missing", "key-label", "key-not-served", "key-number",
    "key-pattern", "key-sccp",
    "key-supervision", "key-twice", "key-type", "keys-refused",
    "leftover", "leg-unknown", "leg-unproven", "leg-unreadable", "line-in-use", "line-name-reserved", "link",
    "links-unreadable", "login-busy", "login-code", "login-refused", "login-wait", "login-way", "lookup-kind",
    "media-busy", "media-changed", "media-length", "media-missing", "media-orphan", "media-type", "media-unreadable",
    "monitor-full", "no-audio", "no-conversation", "no-json", "no-outcome", "no-such-account", "no-such-call", "no-such-class",
    "no-such-context", "no-such-delivery", "no-such-group", "no-such-hold", "no-such-incall", "no-such-key",
    "no-such-link", "no-such-place", "no-such-profile", "no-such-prompt", "no-such-record", "no-such-recording",
    "no-such-role", "no-such-session", "no-such-token", "no-such-track", "no-such-user", "no-such-webhook",
    "not-permitted", "not-recorded", "number-range", "other-journal", "output-lost", "output-reader-gone",
    "parameter", "password", "path-taken", "peaks-damaged", "piece-place", "profile-in-use", "profile-last",
    "prompt-audio", "prompt-language", "prompt-length", "prompt-name", "prompt-too-large", "range", "record-changed",
    "record-gone-since", "record-refused", "record-rule", "recorded-by-dialplan", "recorder-not-known",
    "recording-erased", "recording-held",
    "recording-id", "recording-paused", "recording-removed", "recording-start", "recording-twice",
    "recording-unfinished", "recording-unlogged", "request-id", "request-id-reused", "restore-not-empty", "restore-unfinished",
    "retention-class", "retention-preview", "retention-space", "retention-unreadable",
    "role-in-use", "role-last", "rule-always", "rule-never",
    "search-cursor", "search-text", "second-factor", "secretaries-too-many", "secrets-not-written", "setting",
    "setting-file", "setting-file-open", "setting-twice", "sidecar-changed", "sidecar-id", "sidecar-media",
    "sidecar-name", "sidecar-schema", "sidecar-unreadable", "spool-gone",
    "spool-leftover", "spool-odd", "spool-path", "stage-ended", "state", "state-dir", "state-dir-too-long",
    "store-event", "store-keeps-nothing", "store-keys", "store-login", "store-other-history",
    "store-outcome-unknown", "store-read-only", "store-record", "store-records-gone", "store-refused-command",
    "store-revision", "store-unavailable", "store-url", "store-went-back", "stored-path",
    "table-conflict", "tables-busy", "tables-edited", "tables-mark", "tables-stale", "tables-unknown",
    "tables-unreadable", "take-id", "test-pbx", "text-not-storable", "token", "token-file", "token-maker",
    "token-name", "token-permissions", "tokens-too-many", "tombstones-damaged",
    "too-large", "too-many-links", "too-many-recordings",
    "too-many-subscribers", "too-slow", "transcoding-busy", "twice",
    "url", "user-field", "user-files-busy", "user-files-lost", "user-missing",
    "value-unfit",
    "webhook-failing", "webhook-given-up", "webhook-id", "webhook-missed", "webhook-overflow", "webhook-secret", "webhook-types",
    "webhook-url", "webhooks-file", "webhooks-too-many",
]
# fmt: on

_DEFECT: Final = "Report it as a defect of callrec, with the log around it."
_AUDIT: Final = "Restore the folder `audit` of CALLREC_STATE_DIR from a backup, or move it away: then a new log begins."
_NOT_AGI: Final = "Something other than Asterisk may connect to CALLREC_AGI_BIND: see which program does."

REFUSED: Final[Mapping[ErrorCode, str]] = {
    "account-name": "The user name is another user's account already. Choose another name, or leave out --user.",
    "account-role": "No profile has this role, and a profile with the role's name has another one. Make a profile for the"
    " role: `callrec profiles set`.",
    "actor": "The name under which the change is recorded has more than 200 characters or a control character. Shorten "
    "it.",
    "adopt-busy": "A file that was to be adopted is still being written, or changed while it was read. Run the command "
    "again later.",
    "adopt-erased": "A file that was to be adopted is a recording that was adopted before and erased. Remove the file, too: it "
    "is not adopted again.",
    "adopt-format": "A file of this kind is not adopted: docs/guides/library.md has those that are. Convert it, and keep "
    "its name.",
    "adopt-name": "The name of a file does not say whose recording it is, or when it was made: docs/guides/library.md has "
    "the names that are understood. Rename it, if you know.",
    "adopt-owner": "`callrec recordings adopt` runs as another system user than the one whose library it is, and its files "
    "would be unreadable for the daemon. Run it as that user.",
    "adopt-time": "The time in a file's name is none, or does not fit the Uniqueid beside it. Give `--timezone`, the zone of "
    "the machine that recorded it.",
    "agi-application": f"callrec was about to run a dialplan application under an impossible name. {_DEFECT}",
    "agi-exec-argument": "callrec was about to give a dialplan application an argument that Asterisk would take "
    f"apart. {_DEFECT}",
    "agi-line-break": f"callrec was about to send a FastAGI argument with a line break or a NUL. {_DEFECT}",
    "agi-not-our-turn": f"callrec was about to send a FastAGI command while the dialogue takes none. {_DEFECT}",
    "agi-surrogate": f"callrec was about to send a FastAGI argument that is not Unicode text. {_DEFECT}",
    "agi-too-long": "A FastAGI request or command is longer than Asterisk's own limits. Look for a channel variable, "
    "a name or an argument of the dialplan's AGI() of that length.",
    "agi-variable": f"callrec was about to set a channel variable under an impossible name. {_DEFECT}",
    "ambiguous-user": "Several users have this name or number. Repeat the command with the id of one of those that "
    "it lists.",
    "ami-error": "Asterisk refused a manager action and says why. Most often the channel has just ended; otherwise "
    "compare the user's rights with dialplan/manager_callrec.conf.sample.",
    "ami-header": "A value has a line break or a length that the manager's protocol cannot carry, so nothing was "
    "sent. Look at the channel, endpoint or path that the message names.",
    "ami-login": "Asterisk's manager refuses the user or the secret. Compare CALLREC_AMI_URL with manager.conf, its "
    "permit and deny lines included.",
    "annotation": "A note, tag, hold or retention class of a recording has a form that is not allowed; the message says what "
    "is.",
    "ari-conflict": "The channel is not in callrec's ARI application, or not in a state for the request. Nothing to do "
    "when its call has just ended.",
    "ari-denied": "ARI refuses the user for this request. Compare CALLREC_ARI_URL with ari.conf; the user needs "
    "read_only = no.",
    "ari-login": "ARI refuses the user or the password. Compare CALLREC_ARI_URL with ari.conf.",
    "ari-not-found": "The channel, bridge or playback that was asked about has ended. Nothing to do.",
    "ari-path": f"A part of an ARI address cannot be sent: empty, too long, or with a line break. {_DEFECT}",
    "ari-refused": "ARI refused the request and says why. See Asterisk's log at that time.",
    "ari-replaced": "Another client has connected to ARI under callrec's application name. Stop the second daemon or "
    "program.",
    "backup-busy": "Another backup into this folder is being made. Wait for it.",
    "backup-foreign": "There is no whole backup in the folder: it is another folder, or the backup was broken off. Give the one "
    "that `callrec backup` was given. Of --erased: the file names no recordings.",
    "backup-inside": "The folder for the backup lies in the library or the state folder, or they in it. Give one of its own.",
    "backup-newer": "A newer callrec made the backup. Restore it with that version, or a newer one.",
    "call-ended": "The call has ended, so its recording cannot be changed any more. `callrec recordings list` has what "
    "was recorded.",
    "conf-not-loaded": "Asterisk was told to reload, and does not run the file that was written. Include it as "
    "docs/confgen.md says, and read Asterisk's log at that time.",
    "conf-refused": "Asterisk refused the new files; the former ones are back. Read Asterisk's log at that time for "
    "the line that it does not take.",
    "context-in-use": "Numbers would lie outside of the context's ranges, or the context would change its kind under "
    "them. Move or remove these numbers first.",
    "context-last": "The only context cannot be removed. Make another one first.",
    "context-mixed": "Users and incoming numbers share a context, so that callers from outside could dial out. Give "
    "incoming numbers a context of their own.",
    "context-name": "A context cannot have this name: by its characters, or because the dialplan needs it. Choose "
    "another name.",
    "context-reserved": "The context belongs to the PBX's own dialplan, so the record is in no file. Choose another "
    "context name.",
    "control-failed": "The recording did not reach the wanted state: another request or the end of the call came first, or "
    "Asterisk failed. Look at the call, and at `/readyz`.",
    "control-reason": "The reason of a request is too long or has a control character. Shorten it, or leave it out.",
    "daemon-not-proven": "The socket `api.sock` of the state folder belongs to a process of another user than the API's token, "
    "so the token was not sent. End that process, and see who may write to the state folder.",
    "daemon-runs": "The command changes what the running daemon uses. Stop `callrec serve` first.",
    "encryption-link": "With CALLREC_ENCRYPTION recordings of other programs are copied, and cannot be linked. Leave "
    "out `--link`.",
    "encryption-off": "Recordings that are there are encrypted when new ones are, too. Set CALLREC_ENCRYPTION and "
    "CALLREC_ENCRYPTION_KEYS, for the daemon and for the command.",
    "encryption-owner": "`callrec encryption` runs as another system user than the one whose library it is, and the "
    "daemon could not read what it writes. Run it as that user.",
    "entity-in-use": "Users belong to this entity. Give them another one first.",
    "entity-last": "The only entity cannot be removed. Make another one first.",
    "entry-too-large": f"An entry for the index of recordings has too many fields or characters. {_DEFECT}",
    "erasure-conditions": "An erasure of many recordings needs at least one condition: a user, a number, a time, a tag, ...",
    "erasure-reason": "An erasure needs a reason of 1 to 200 characters, which stays in the audit log: without the numbers and "
    "names that are erased. Give the number of a case or a request.",
    "event-type": f"An event for the stream has no type. {_DEFECT}",
    "feature-code": "A feature code is 1 to 40 digits, * or #. Choose another one.",
    "feature-code-taken": "The digits collide with another feature code, a function key or a user's number. Choose "
    "other digits.",
    "file-binary": "The user file is not a text (but a spreadsheet or an archive), or its encoding was not given. Save "
    "it as CSV in UTF-8.",
    "file-encoding": "The user file is not in the encoding that was given, or not in UTF-8. Give its encoding "
    "(latin-1, utf-16).",
    "file-refused": "The user file has errors, each with its line and column; nothing was imported. Correct these "
    "lines.",
    "file-too-large": "The user file has more than 64 MiB or 500,000 rows. Split it.",
    "file-unreadable": "The file named on the command line cannot be read. Check the path and the rights.",
    "file-unwritable": "The file named on the command line cannot be written. Check the path, the rights and the disk.",
    "folder-exists": "The folder for the evidence exists already, and nothing is written into it. Say another one with "
    "--into.",
    "incall-in-contexts": "Several contexts have this incoming number. Say which one: `--context`.",
    "key-destination": "The function key's destination does not fit its type. The message says what the type needs.",
    "key-label": "A function key's label has at most 32 characters and no control characters. Shorten it.",
    "key-not-served": "Function keys of this type lead to something that callrec does not have yet. Choose another "
    "type.",
    "key-number": "A function key's number is outside of what phones have. The message has the range.",
    "key-pattern": "No dialled digits can be made of this user and feature code. Check the feature code of the key's "
    "type.",
    "key-sccp": "SCCP phones have customized keys only. Use that type.",
    "key-supervision": "Keys of this type have no device state to show. Leave supervision off.",
    "key-twice": "Another key of the user does the same. Remove one of the two.",
    "key-type": "This type of function key is not known. The hint lists all types.",
    "keys-refused": "One or more of a user's function keys have faults; each is named with its key. Correct them all: nothing "
    "was changed.",
    "line-in-use": "A mailbox belongs to this line. Remove the voicemail first.",
    "line-name-reserved": "The line's name is one that the PBX uses itself, so the line is in no file. Choose "
    "another name.",
    "login-code": "The code of the second factor is missing, wrong, or was used before. Send the six digits that the app shows "
    "now; if they are always wrong, set the phone's clock, or let an administrator remove the second factor.",
    "login-refused": "The user name or the password is wrong, or the account is disabled: the answer does not tell which. "
    "`callrec accounts list` shows all accounts.",
    "login-wait": "There were too many attempts to log in from this address, or to this account. Wait, or end it with "
    "`callrec accounts unlock`; a browser in which its owner has logged in before does not wait for "
    "others.",
    "login-way": "Logging in is not possible over an unencrypted network. Set what the hint names; docs/guides/https.md shows "
    "how.",
    "link": "A link to a recording cannot be made so: it would be valid for too long, or lead to a moment after the end.",
    "lookup-kind": "The dialplan's look-up names no kind of key. Give AGI(.../lookup,KIND,KEY) one of those that the "
    "hint lists.",
    "no-audio": "The recording, or the track, has no audio; the message says why. There is nothing to hear.",
    "no-conversation": "The call is not answered yet, so there is nothing to record. Repeat it when it is answered.",
    "no-such-account": "No user has this user name. `callrec accounts list` shows all.",
    "no-such-call": "No live call has this id. `callrec calls list` shows all.",
    "no-such-class": "There is no retention class of this name. `callrec retention list` shows all.",
    "no-such-context": "No context has this name. `callrec contexts list` shows all.",
    "no-such-delivery": "No delivery with this id was given up: it was delivered, waits, or is gone. `callrec webhooks "
    "show ID` lists them.",
    "no-such-group": "No group has this name. `callrec groups list` shows all.",
    "no-such-hold": "The recording has no such hold. `callrec recordings annotations ID` lists its holds.",
    "no-such-incall": "No incoming number is written like this. `callrec incalls list` shows all.",
    "no-such-key": "The user has no function key of this number. `callrec keys list` shows all.",
    "no-such-link": "There is no such link to a recording, or it has expired or was revoked. Ask who sent it for another one.",
    "no-such-place": "No recording rule is set for this trunk, queue or conference. `callrec places list` shows all.",
    "no-such-profile": "No profile has this name. `callrec profiles list` shows all.",
    "no-such-prompt": "There is no own prompt of this name in this language. `callrec prompts list` shows all.",
    "no-such-record": "No record has this id. Read the list again: it may have been removed, or changed its name.",
    "no-such-recording": "No recording has this id. `callrec rebuild` makes the index again from the recordings on "
    "the disk.",
    "no-such-role": "No role has this name. `callrec roles list` shows all.",
    "no-such-session": "The account has no session with this id. It may have ended.",
    "no-such-token": "There is no token with this id. `callrec accounts tokens` shows all.",
    "no-such-track": "The recording has no track with this number. `callrec recordings show ID` lists its tracks.",
    "no-such-user": "No user has this id, name or number. `callrec users list` shows all.",
    "no-such-webhook": "There is no webhook with this id. `callrec webhooks list` shows all.",
    "not-recorded": "The call is not recorded at this moment, so its recording can be neither paused nor resumed. Start it "
    "first.",
    "number-range": "A range is FIRST-LAST, with as many digits on both sides, and overlaps no other range of the "
    "context. Correct it.",
    "password": "A new password is too short, too long, or has a control character. Choose another one.",
    "path-taken": "Another recording has the file name. Run `callrec verify`, and see what it says of that path.",
    "profile-in-use": "Users have this profile. Give them another one first.",
    "profile-last": "The only profile cannot be removed. Make another one first.",
    "prompt-audio": "The uploaded prompt is no WAV file, has no sound, or is silent. Write a WAV file with a sound editor.",
    "prompt-language": "A prompt's language is two small letters or `default`, and a tone's is `default`. Correct it.",
    "prompt-length": "A prompt lasts 0.1 to 30 seconds. Cut the file.",
    "prompt-name": "callrec plays no prompt of this name that can be replaced. `callrec prompts list --all` has the names.",
    "prompt-too-large": "The file of a prompt has more than 16 MiB. Cut it.",
    "record-changed": "The record has changed since it was read (412). Read it again, and repeat the change.",
    "record-gone-since": "The request was executed before, and its record has been removed or got another owner since. "
    "Send a new request with a new Idempotency-Key.",
    "record-refused": "Fields of the record have wrong values; `errors` names each. Nothing was changed.",
    "record-rule": "This is not a rule for recording. The hint lists the rules.",
    "recorder-not-known": "A recorder could not be muted, since Asterisk has not told which one it is. callrec stops it instead; "
    "when it recurs, run `callrec doctor`.",
    "recording-held": "The recording is under a legal hold, so it stays. `callrec recordings annotations ID` shows the holds; "
    "who may release them can do so: `callrec recordings release ID`.",
    "recording-id": f"An entry for the index of recordings has an impossible id. {_DEFECT}",
    "recorded-by-dialplan": "The dialplan records this call by itself, since it began while the daemon was away. Its recorder "
    "cannot be paused, resumed or stopped by request; it ends with the call.",
    "recording-paused": "The recording of this call is paused. Resume it.",
    "recording-start": f"An entry for the index of recordings has no start time. {_DEFECT}",
    "recording-unfinished": "The daemon is still storing the recording. Repeat it in a minute.",
    "recording-unlogged": "The audit log has no entry with the digests of this recording: it was stored before the log "
    "began, or not by callrec. Nothing proves it.",
    "request-id": "A request id is 1 to 100 letters, digits or any of . _ : - here. Send another Idempotency-Key.",
    "request-id-reused": "The Idempotency-Key was used for another request within a day. Take a new one for each "
    "request.",
    "restore-not-empty": "A backup is restored into an empty installation only, so that two are never mixed; the message says "
    "what there is. Set other folders, or move what is there away.",
    "retention-class": "A retention class cannot be like this; the message says what is allowed.",
    "retention-space": "A limit of space cannot be like this; the message says what is allowed.",
    "role-in-use": "A profile has this role, so it cannot be removed or renamed. Give the profile another role first.",
    "role-last": "No other role may change settings. Give the permission settings.change to another role first.",
    "rule-always": "A rule says that this call is recorded: it cannot be stopped. Pause it, or change the rule for later calls.",
    "rule-never": "A participant of this call must not be recorded. See the rules of its users.",
    "search-cursor": "The cursor of a list is damaged, or of another order. Begin with the first page.",
    "search-text": "A text to search for is too short or too long; the message says which. Give more or less of it.",
    "second-factor": "The account has a second factor already, has none, or it was changed at the same time. See the message.",
    "secretaries-too-many": "A boss's call cannot ring so many secretaries, so this one is left out. Put fewer "
    "secretaries into the entity.",
    "store-revision": "The store has another revision of the tables than the one to accept. `callrec doctor` shows it.",
    "table-conflict": "Another record has this name or number. Choose another one, or remove that record first.",
    "text-not-storable": "A value has characters that cannot be stored: half of a surrogate pair, or a line break in "
    "a name. Correct it.",
    "grant-exceeds": "403: the change gives a permission that you do not have, or is about an account, a role, a profile or a "
    "group that has it. Ask an administrator who has it, or use the command on the machine.",
    "token-maker": "A token cannot make another one. Log in with an account that may change accounts, or use "
    "`callrec accounts token`.",
    "token-name": "A token needs a name of at most 64 characters. Say which program it is for.",
    "token-permissions": "A token needs a permission, and cannot have those that mean a user's own or group's recordings.",
    "tokens-too-many": "There are too many tokens. Remove those that no program uses: `callrec accounts tokens` shows the "
    "last use.",
    "too-large": "The recording is larger than the whole monitor disk, so it is stored as *failed* and its legs are "
    "kept. Put CALLREC_MONITOR_DIR on a larger disk. Or it is too long to be encoded on demand: take the stored format, "
    "or raise CALLREC_TRANSCODED_MB.",
    "too-many-links": "There are 10,000 links to recordings. Revoke those that are not needed; they go 30 days after their end.",
    "too-many-recordings": "An export has at most 20,000 recordings. Make several, each of a shorter time.",
    "twice": "Two records claim the same name or number, so the second is in no file. Correct one of them.",
    "user-field": "A user's field cannot have this value, or there is no such field. The message says what it must be.",
    "user-missing": "The record's user does not exist or is left out, so the record is in no file. Correct the user "
    "first.",
    "value-unfit": "A value cannot stand in Asterisk's files, so its record is in none. The message says what it "
    "must be.",
    "webhook-id": "The id of a webhook is 1 to 40 small letters, digits or hyphens. Choose another one.",
    "webhook-secret": "A webhook's secret is `whsec_` and base64 of 24 to 64 bytes. Leave it out, and one is made.",
    "webhook-types": "There is no such type of event. docs/events.md has all.",
    "webhook-url": "The URL cannot be a webhook's; the message says why. It begins with https:// and leads to a "
    "public address, or into a network of CALLREC_WEBHOOK_NETWORKS.",
    "webhooks-too-many": "There are twenty webhooks. Remove one first.",
}
"""Of `Refused`: the request must be changed; nothing was done."""

CONFLICT: Final[Mapping[ErrorCode, str]] = {
    "annotations-changed": "Somebody else has changed the notes, tags or holds of the recording since they were read. Read "
    "them again, and repeat the change.",
    "tables-edited": "Another edit of the tables came first, and nothing was changed. Read again and repeat; over "
    "HTTP it is a 412.",
    "retention-preview": "More recordings would be erased than the preview said. Look at `callrec retention preview NAME` again, "
    "and enable the class with its number.",
}
"""Of `Conflict`: another change came first."""

UNAVAILABLE: Final[Mapping[ErrorCode, str]] = {
    "agi-bind": "The FastAGI port is in use or the address is not this machine's. See which program has it, or "
    "change CALLREC_AGI_BIND.",
    "agi-busy": f"callrec was about to send a FastAGI command before the last one was answered. {_DEFECT}",
    "doctor-failed": "The page System could not run `callrec doctor`, or it gave no findings within 90 s. Run it on the machine, "
    "as callrec's user, and read what it says.",
    "agi-closed": "No daemon answers at CALLREC_AGI_BIND. Start `callrec serve`.",
    "agi-over": "Asterisk ended the FastAGI dialogue, most often because the caller hung up. Nothing to do.",
    "ami-congested": "Asterisk does not read what callrec sends to its manager. Look at Asterisk's load, and for a "
    "deadlock in it.",
    "ami-down": "There is no connection to Asterisk's manager, so nothing was sent. See whether Asterisk runs, and "
    "CALLREC_AMI_URL; callrec connects again by itself.",
    "ami-listing-too-long": "Asterisk lists more channels or endpoints than callrec reads. Look for channels that "
    "never end.",
    "annotations-busy": "Notes, tags or holds of another recording were being written for 5 s. Repeat it; look at the disk of "
    "CALLREC_MONITOR_DIR when it recurs.",
    "ari-down": "There is no connection to ARI, so nothing was sent. See http.conf and ari.conf, and "
    "CALLREC_ARI_URL; callrec connects again by itself.",
    "ari-failed": "ARI answered with an error of its own. See Asterisk's log at that time; while Asterisk loads, wait.",
    "ari-not-played": "A tone or an announcement did not play to its end, most often because the call ended. When it "
    "recurs, check that the sounds are installed.",
    "audit-closed": "The audit log is not open, so nothing is handed out, changed or removed. `/readyz` says why.",
    "audit-full": "Too many audit entries wait for the disk of CALLREC_STATE_DIR. Free space on it, and look at its "
    "health.",
    "audit-slow": "The disk of CALLREC_STATE_DIR took too long for an audit entry. Look at its health and load.",
    "audit-timestamp": "The authority of CALLREC_AUDIT_TIMESTAMP_URL gives no time stamp; the message says why. "
    "The log goes on, and it is asked again. Look at the network, or set another authority.",
    "audit-unsigned": "No checkpoint of the audit log speaks of the recording yet. Repeat it in a second, with the "
    "daemon running.",
    "call-not-known": "`*3` came from a leg whose call callrec does not follow. It is so for a moment after a start; "
    "otherwise check the manager's rights with `callrec doctor`.",
    "backup-busy": "Recordings were erased faster than the backup could follow. Make it again later.",
    "capture-grows": "A leg's file was still being written, so the recording is stored later. Nothing to do.",
    "catalogue-away": "The catalogue's PostgreSQL server does not answer or takes no changes. See whether it runs, and "
    "CALLREC_DATABASE_URL; callrec connects again by itself, and enters what was stored meanwhile.",
    "catalogue-busy": "Another process writes to the catalogue for too long. Nothing is lost: what was not entered is tried "
    "again. See which program has the file open.",
    "catalogue-disk": "The disk of the catalogue is full, read-only, or fails; the message has the reason. Recordings are stored "
    "all the same, and entered when it works again.",
    "conf-busy": "Another `callrec confgen`, or the daemon, writes into the same folder. Wait, or stop one of them.",
    "daemon-away": "No daemon answers on the socket `api.sock` of the state folder, and the command needs the daemon. Start "
    "`callrec serve`, or use its settings.",
    "disk": "A file or folder could not be read or written; the message has the path and the reason. Check space, "
    "rights and mounts.",
    "embedded-store-in-use": "Another process runs the embedded store of this state folder. One daemon for each "
    "CALLREC_STATE_DIR.",
    "embedded-store-slow": "The embedded store did not answer in time after its start. Look at the disk, and at "
    "valkey.log in its folder.",
    "embedded-store-start": "The embedded store ended at once. See valkey.log in its folder.",
    "embedded-store-wedged": "A former server of the embedded store neither answers nor ends. End it by its process "
    "id.",
    "encoder-hangs": "Encoding a recording took too long; it is tried again later with more time. Look at the load "
    "of the machine.",
    "encryption-key-unknown": "A recording was encrypted with a master key that is not among those of "
    "CALLREC_ENCRYPTION_KEYS. Add it there; `callrec encryption status` says which keys are needed.",
    "encryption-keys-away": "The master keys of CALLREC_ENCRYPTION_KEYS cannot be had now, so recordings cannot be "
    "encrypted or read; those that have ended wait in the spool. The message has the reason.",
    "http-bind": "The HTTP port is in use or the address is not this machine's. See which program has it, or change "
    "CALLREC_HTTP_BIND.",
    "journal-closed": "The journal takes no entries, as the daemon starts or ends. When it lasts, see the log's line "
    "before it.",
    "journal-full": "The disk of CALLREC_STATE_DIR does not keep up with the journal. Look at the disk's health.",
    "journal-moves": "The journal changed while it was read. Repeat the command.",
    "journal-slow": "The disk of CALLREC_STATE_DIR took too long for an entry of the journal. Look at the disk's "
    "health and load.",
    "leg-unknown": "A FastAGI dialogue names no leg that Asterisk knows. The leg has just ended, or another program "
    "connects to CALLREC_AGI_BIND.",
    "leg-unproven": "A FastAGI dialogue could not prove that it comes from its leg. Asterisk is slow, or another "
    "program connects to CALLREC_AGI_BIND.",
    "login-busy": "Too many people log in at this moment, and comparing passwords is slow on purpose. Try again in a "
    "few seconds.",
    "media-busy": "So many files of recordings are being sent that this one has to wait. Ask again later.",
    "monitor-full": "The monitor disk has no room for the recording, which waits in the spool. Free space there.",
    "no-outcome": "The call did not say in time whether the recording began. Look at the journal's disk and at "
    "Asterisk's load.",
    "output-lost": "Standard output could not be written, on a full disk for example. The command may have made its "
    "change: check that before you repeat it.",
    "output-reader-gone": "The reader of a pipe ended before the command did. Nothing to do.",
    "secrets-not-written": "The import was done, and the file with the new secrets could not be written. `callrec "
    "users export` has them, too.",
    "spool-gone": "The spool was removed or renamed. Put it back, with its owner and mode: Asterisk cannot record "
    "meanwhile.",
    "store-keeps-nothing": "The store would lose changes at a power cut. Turn on its append-only file; `callrec "
    "doctor` says what is missing.",
    "store-read-only": "The store accepts no changes now: it is a replica, or its memory or disk is full. The message "
    "has its answer.",
    "store-refused-command": "The store refuses a command; the message has its answer. Use Valkey or Redis 6.2 or "
    "newer, without renamed commands.",
    "store-unavailable": "The store does not answer. See whether it runs, and CALLREC_REDIS_URL; callrec connects "
    "again by itself.",
    "tables-busy": "Other edits of the tables came first again and again; nothing was changed. Repeat it later.",
    "tables-stale": "The store does not answer, so nothing can be changed now and logging in is not possible. `/readyz` "
    "says why; repeat it later.",
    "tables-unknown": "The daemon has not read the tables since it started. `/readyz` says why.",
    "too-many-subscribers": "A hundred programs follow the events already. Close those that are not needed; a program "
    "should use one connection.",
    "transcoding-busy": "So many recordings wait to be encoded in another format that this one has to wait. "
    "Ask again later, or take the stored format.",
    "user-files-busy": "Another user file is being imported or exported. Repeat it when that is done.",
    "user-files-lost": "The process that worked on the user file ended; nothing was changed. Repeat it; see the log "
    "when it recurs.",
}
"""Of `Unavailable`: something outside does not answer now; the same request may work later."""

OUTCOME_UNKNOWN: Final[Mapping[ErrorCode, str]] = {
    "ami-outcome-unknown": "A manager action was sent and not answered. callrec looks whether it was done; when it "
    "recurs, look at Asterisk's load.",
    "ari-outcome-unknown": "An ARI request was sent and not answered. When it recurs, look at Asterisk's load.",
    "store-outcome-unknown": "A change was sent to the store and not answered. Repeat it under the same "
    "Idempotency-Key, or look before you repeat it.",
}
"""Of `OutcomeUnknown`: it may have been done."""

CORRUPT: Final[Mapping[ErrorCode, str]] = {
    "agi-arguments": f"A FastAGI request has its arguments at the wrong place. {_NOT_AGI}",
    "agi-closed": f"Bytes came after the end of a FastAGI dialogue. {_NOT_AGI}",
    "agi-header": f"A FastAGI request has a line without a name and a value. {_NOT_AGI}",
    "agi-header-missing": f"A FastAGI request lacks a line that Asterisk always sends. {_NOT_AGI}",
    "agi-header-twice": f"A FastAGI request has the same line twice. {_NOT_AGI}",
    "agi-nul": f"A FastAGI request has a NUL byte. {_NOT_AGI}",
    "agi-query-twice": "The address in the dialplan's AGI() gives the same name twice after the question mark. "
    "Correct the dialplan.",
    "agi-reply": f"A FastAGI reply has another form than Asterisk's. {_NOT_AGI}",
    "agi-unasked": f"A FastAGI reply came without a command. {_NOT_AGI}",
    "ami-greeting": "Another program answers at the manager's address. Check host and port of CALLREC_AMI_URL "
    "(usually 5038).",
    "ami-message-too-long": "A manager message is longer than 64 KiB, and the connection is made again. When it "
    "recurs, see which program answers at CALLREC_AMI_URL.",
    "annotations-schema": "A newer callrec wrote the notes, tags and holds of a recording. Use that version.",
    "annotations-unreadable": "The file with the notes, tags and holds of a recording is damaged, and nothing was changed. "
    "Restore it from a backup; until then the recording counts as held.",
    "ari-answer": "An answer of ARI has more than 4 MiB. Look for channels that never end.",
    "ari-event": "ARI sent something that is no event of Asterisk's. See which program answers at CALLREC_ARI_URL.",
    "audit-bundle": f"A file with entries of the audit log is damaged or missing. {_AUDIT}",
    "audit-checkpoint": f"The audit log's checkpoint is damaged, missing, or not signed by its key. {_AUDIT}",
    "audit-entry": f"An entry of the audit log is not one that callrec wrote, or a newer version wrote it. {_AUDIT}",
    "audit-key": f"A key of the audit log is damaged. {_AUDIT}",
    "audit-stamp": "A time stamp of the audit log is damaged, is of something else, not signed by an authority of "
    "CALLREC_AUDIT_TIMESTAMP_CA, or of a log that this one does not continue: it was cut off or rewritten. See who could do "
    "that.",
    "audit-texts": "The table of texts beside the audit log is damaged. Restore `audit/texts.db` from a backup, or move it "
    "away: the log itself stays whole.",
    "audit-tile": f"A file with hashes of the audit log is damaged or missing. {_AUDIT}",
    "audit-waiting": f"Entries that no checkpoint speaks of yet are damaged or missing. {_AUDIT}",
    "backup-damaged": "A file of a backup is not as it was made. `callrec backup DIR --verify` names each. Use another backup, "
    "or restore the sound files with `--accept-damage`.",
    "capture-rate": "A capture file's name has a sample rate that callrec does not capture at. See which program "
    "wrote into the spool.",
    "capture-shrank": "A capture file became shorter while it was read. See which program works in the spool.",
    "catalogue-damaged": "The catalogue's file is damaged. The recordings are not: `callrec rebuild` puts the file aside and "
    "makes a new one from them.",
    "codec": "A recording could not be encoded or decoded; the message has the codec's reason. It is stored as WAV "
    "where that works; otherwise its capture files are kept.",
    "embedded-store-file": "The embedded store cannot read its own file. The hint has the command that repairs it.",
    "encoder-length": f"An encoded recording has another length than its capture files, which are kept. {_DEFECT}",
    "encryption-changed": "The key file of a recording is not the one that the audit log speaks of, so there is no evidence for "
    "it. Run `callrec verify`.",
    "file-odd": "A link, a pipe or a device lies where a recording should be. See who put it there.",
    "file-unreadable": "A file of the library cannot be read; the message has the reason. Check its rights and the "
    "disk.",
    "folder-link": "A folder of the library is a link, which callrec does not follow. Mount the disk there instead.",
    "folder-unreadable": "A folder of the library cannot be read; the message has the reason. Check its rights and "
    "the disk.",
    "journal-line": "A line of the journal is damaged. A torn last line is normal after a power cut; otherwise check "
    "the disk.",
    "key-file-damaged": "The key file of an encrypted recording is damaged, so that it cannot be read. Restore the "
    "file from a backup.",
    "key-file-missing": "A recording is encrypted, and its key file is gone, so that it cannot be read. Restore the file from a "
    "backup.",
    "links-unreadable": "links.json in the state folder is damaged, and no link works. Restore it from a backup, or remove it: "
    "then all links have ended.",
    "media-changed": "A file of the recording is not the one that was stored, or changed while it was copied: nothing of it, or "
    "not all, was handed out. Run `callrec verify`, and restore the file from a backup.",
    "media-length": "The audio file of a recording plays shorter than it was stored. Run `callrec verify`, "
    "and restore the file from a backup.",
    "media-missing": "The audio file of a recording was lost before it was moved into the library. Run `callrec "
    "verify`.",
    "media-unreadable": "An audio file is not one that callrec wrote, or is cut off. Restore it from a backup. Of a file that "
    "was to be adopted: it has no audio that can be read.",
    "peaks-damaged": "A file of peaks is damaged; callrec makes it again when it is asked for. Check the disk.",
    "piece-place": f"A capture does not fit the recording's time. {_DEFECT}",
    "retention-unreadable": "The file of retention classes, `retention.json` in CALLREC_STATE_DIR, cannot be read: nothing is "
    "erased by age or for space. Restore it from a backup, or remove it and set the classes again.",
    "sidecar-changed": "A file of the recording is not the one that the audit log speaks of, so there is no evidence "
    "for it. Run `callrec verify`.",
    "sidecar-id": "A sidecar has an id that callrec gives to no recording. See who changed it; restore it from a "
    "backup.",
    "sidecar-media": "A sidecar names an audio file of another recording. See who changed it; restore it from a "
    "backup.",
    "sidecar-name": "A JSON file in the library has a name that callrec gives to no recording. Move it away.",
    "sidecar-schema": "The sidecar was written by a newer version. Use that version, or a newer one.",
    "sidecar-unreadable": "A sidecar is damaged. Restore it from a backup.",
    "store-event": "An event of the store cannot be read. See which program writes under callrec's keys "
    "(docs/redis.md).",
    "store-keys": "Another program's values lie under callrec's keys. Give callrec a database of its own.",
    "store-other-history": "The store's tables have another history than those seen last, which stay in use. "
    "docs/redis.md says what to do.",
    "store-record": "A record in the store cannot be read. See which program writes under callrec's keys, or restore "
    "the store.",
    "store-records-gone": "The store lost records without an edit; those seen last stay in use. docs/redis.md says "
    "what to do.",
    "store-went-back": "The store has older tables than those seen last, which stay in use. docs/redis.md says what "
    "to do.",
    "stored-path": "The index names a path that no recording can have. `callrec rebuild` makes the index again.",
    "tables-mark": "The note of which tables were seen last is damaged. Look at the tables; the hint has the command "
    "that accepts them.",
    "tables-unreadable": "The store's events cannot be followed, so the daemon keeps the tables that it has. See the "
    "log, and whether another program writes under callrec's keys.",
    "take-id": "A capture file's name has an id that callrec gives to no capture. See which program wrote into the "
    "spool.",
    "tombstones-damaged": "The file of erased recordings, `erased.db` in CALLREC_STATE_DIR, cannot be read. Restore it from a "
    "backup, or move it away: then erased recordings that come back are not recognised.",
    "webhooks-file": "The file of the webhooks in CALLREC_STATE_DIR cannot be read. Stop callrec, move `webhooks.db` "
    "away, and add the webhooks again.",
}
"""Of `Corrupt`: stored or received bytes are wrong; nothing was overwritten."""

MISCONFIGURED: Final[Mapping[ErrorCode, str]] = {
    "agi-stranger": "Another program answers at CALLREC_AGI_BIND. Choose another port, here and in the dialplan's "
    "CALLREC_AGI.",
    "ari-credentials": "CALLREC_ARI_URL has a user with a colon, or a control character, which HTTP cannot carry. "
    "Rename the user.",
    "ari-module": "Asterisk has not loaded an ARI module that callrec needs. Load it; `callrec doctor` lists all.",
    "audit-key": f"The private key of the audit log is missing, open to others, or another log's. {_AUDIT}",
    "audit-locked": "Another callrec writes the audit log. Stop it, or choose another CALLREC_STATE_DIR.",
    "catalogue-login": "The catalogue's PostgreSQL server refuses the user, the password, the database or a right. Check "
    "CALLREC_DATABASE_URL; the user must be allowed to create a schema in the database.",
    "catalogue-newer": "The catalogue was written by a newer version of callrec. Use that version; or, with it, run `callrec "
    "rebuild --schema N` for this one; or move the catalogue away and run `callrec rebuild`.",
    "catalogue-rights": "The catalogue's file belongs to another user, or may not be written. The hint has the command.",
    "catalogue-server": "The catalogue's PostgreSQL server is too old, or its database is not in UTF-8. Use PostgreSQL 15 or "
    "newer, and a database in UTF-8.",
    "confgen-dir": "`callrec confgen` needs the folder for Asterisk's files. Say --dir, or set CALLREC_CONFGEN_DIR.",
    "database-url": "CALLREC_DATABASE_URL cannot be used. It is `sqlite:`, or begins with postgresql://.",
    "embedded-store-binary": "The embedded store cannot run on this machine. Set CALLREC_REDIS_URL to a Valkey or "
    "Redis of yours.",
    "encryption-keys": "What CALLREC_ENCRYPTION_KEYS leads to has no master keys that can be used: a key is too short, "
    "was exchanged, or others may read it. The message says which.",
    "folder-locked": "Another callrec works in the folder. Give each daemon its own folders.",
    "http-tls": "The certificate or the key of CALLREC_HTTP_TLS_CERT and CALLREC_HTTP_TLS_KEY cannot be used, or one "
    "of both is not set. The message says why.",
    "journal-locked": "Another daemon has the journal. Stop it, or choose another CALLREC_STATE_DIR.",
    "restore-unfinished": "`callrec restore` was broken off in this installation, so that half of it is there. Run the same "
    "restore again: it goes on, and ends.",
    "setting": "A setting has a wrong value or a name that does not exist. docs/settings.md describes each.",
    "setting-file": "A file that settings name does not exist or cannot be read. Check the path and the rights.",
    "setting-file-open": "A file with a secret can be read or changed by every user of the machine. The hint has the "
    "chmod.",
    "setting-twice": "A setting is given by its value and by a file. Remove one of the two.",
    "spool-path": "Asterisk cannot be given this path: no commas, parentheses or white space. Choose another "
    "CALLREC_SPOOL_DIR.",
    "stage-ended": "Asterisk ends the channel that tones are played on as soon as it is made. The hint names the "
    "modules to load.",
    "state-dir": "The embedded store's folder cannot be made. Check CALLREC_STATE_DIR and its rights.",
    "state-dir-too-long": "The path of CALLREC_STATE_DIR is too long for a socket in it. Choose a shorter one.",
    "store-login": "The store refuses the user, the password, or a change. Check CALLREC_REDIS_URL and the store's "
    "ACL (docs/redis.md).",
    "store-url": "CALLREC_REDIS_URL cannot be used. It begins with embedded:, redis://, rediss:// or unix://.",
    "token-file": "The API's token file can be read by others, or holds no token. The hint says what to do.",
    "url": "An address has another form than scheme://user:secret@host:port. docs/settings.md shows examples.",
}
"""Of `Misconfigured`: a setting, a right or an include must be mended first."""

REQUESTS: Final[Mapping[ErrorCode, str]] = {
    "body": "422: fields of the body are wrong; `errors` names each. Correct them.",
    "body-cut": "400: the connection ended before the whole body had come. Send it again.",
    "busy": "503: all connections are taken. Try again later; see which client keeps connections open.",
    "cross-site": "403: a page of another site may have sent the request with the cookie of a session. Send it from "
    "callrec's own page, or with a token; a program with a cookie sends Origin.",
    "defect": "500: a defect of callrec. The daemon's log has it as `request-failed`; report it.",
    "host": "421: the Host header is not a name of the daemon. Add the name to CALLREC_HTTP_HOSTS.",
    "http-404": "404: nothing is served at this address. See the OpenAPI document.",
    "http-405": "405: the address does not take this method. See the OpenAPI document.",
    "http-413": "413: the body is larger than 1 MiB. Send less at once.",
    "idempotency-key": "422: an Idempotency-Key is 1 to 64 letters, digits or any of . _ : - here. Send another one.",
    "if-match": "428 or 422: a change needs If-Match with the ETag of what was read.",
    "media-type": "415: the Content-Type is not accepted there. The hint names the right one.",
    "no-json": "400: the body is not JSON. Correct it.",
    "not-permitted": "403: the role of the account, or the token, lacks the permission that the hint names. An administrator can "
    "add it.",
    "parameter": "422: parameters of the address are wrong; `errors` names each.",
    "range": "416: the file has no such bytes, more than 8 ranges are asked for, or they overlap. Ask for other ones.",
    "token": "401: the token is missing or not the daemon's. It is in the file `token` of CALLREC_STATE_DIR.",
    "too-slow": "503: the request took too long and was given up. Try again later.",
}
"""Of answers over HTTP alone: the request did not reach the part that raises errors."""

FINDINGS: Final[Mapping[ErrorCode, str]] = {
    "annotations-unlogged": "`callrec verify`: notes, tags and holds of a recording are not those of the last change that the "
    "audit log has. See who changed the file; restore it from a backup. As a note: a former file is there, since a change was "
    "broken off, or somebody has put it back.",
    "audit-missing": "`callrec verify`: there are recordings, and no audit log. Set CALLREC_STATE_DIR to the daemon's, "
    "or restore `audit` from a backup.",
    "audit-odd": "`callrec verify`: a file in the audit log does not belong there. See who put it there.",
    "audit-rewritten": "`callrec verify`: the entries are not those that the checkpoint was signed for. See who could "
    "write there; restore `audit` from a backup.",
    "audit-witness": "`callrec verify`: the witness has a checkpoint that this log does not continue: it was cut off, "
    "put back or rewritten. See who could do that.",
    "clock-ahead": "`callrec verify`, as a note: an authority has stamped an entry earlier than the entry says. The clock was "
    "ahead.",
    "clock-set-back": "`callrec verify`: the clock was set back at that entry. As a note, the daemon has noticed it "
    "itself.",
    "embedded-store-ended": "The embedded store ended and is started again. See valkey.log in its folder.",
    "encryption-changed": "`callrec verify`: the key file of a recording is not the one that the audit log speaks of. "
    "Restore it from a backup; see who changed it.",
    "encryption-keys-away": "`callrec verify`: encrypted recordings are on disk as they were stored. Their content was "
    "not looked at, since the master key cannot be had where the command runs.",
    "encryption-unfinished": "`callrec verify`: the encryption of a recording was broken off. Run `callrec encryption "
    "encrypt` again.",
    "encryption-unlogged": "`callrec verify`: a recording was encrypted, and the audit log does not say so yet. Run "
    "`callrec encryption encrypt` again.",
    "entry-refused": "`callrec rebuild`: the index does not take what a sidecar says. See who changed it; restore it "
    "from a backup.",
    "file-not-written": "Asterisk took a recorder and wrote no file. Check the spool's owner, group and mode, and "
    "what keeps Asterisk from the folder (a sandbox, another path).",
    "file-unreadable": "`callrec verify`: the audio file cannot be read. Check its rights and the disk.",
    "kept": "`callrec verify`: capture files that could not be encoded are in kept/. The recording's entry says why; "
    "remove them after you have listened to them.",
    "key-file-missing": "`callrec verify`: the key file of an encrypted recording is gone, and nothing can read it. "
    "Restore it from a backup.",
    "leftover": "`callrec verify`: a temporary file is older than a day. Remove it.",
    "leg-unreadable": "callrec cannot read what Asterisk wrote into the spool. Set Asterisk's umask, or put both "
    "into one group.",
    "media-changed": "`callrec verify`: the audio file is not the one that was stored. Restore it from a backup.",
    "media-length": "`callrec verify`: the audio file plays another length than was stored. Restore it from a backup.",
    "media-missing": "`callrec verify`: the audio file is gone. Restore it from a backup.",
    "media-orphan": "`callrec verify`: the audio file has no sidecar. Restore the sidecar, or move the file away.",
    "other-journal": "`callrec verify`: the daemon of this spool has another journal. Set CALLREC_STATE_DIR to it, "
    "and repeat.",
    "recording-erased": "An erased recording was in the library again, from a backup perhaps. `callrec rebuild` has erased it "
    "again.",
    "recording-removed": "`callrec verify`: a recording is gone that was not erased by callrec. Restore it from a "
    "backup; see who removed it.",
    "peaks-damaged": "`callrec verify`: a file of peaks is damaged, or of another recording. `callrec rebuild --peaks` makes "
    "it again; check the disk.",
    "recording-twice": "`callrec verify`: two sidecars have the same recording. See who copied it, and move one away.",
    "recording-unlogged": "`callrec verify`: callrec did not store this recording here, or has erased it. As a note, "
    "it is older than the audit log. See who put it there.",
    "sidecar-changed": "`callrec verify`: the sidecar is not the one that was stored. Restore it from a backup; see "
    "who changed it.",
    "spool-leftover": "`callrec verify`: capture files in the spool belong to no recording. See the log of their call "
    "before you remove them.",
    "spool-odd": "`callrec verify`: a file in the spool comes neither from Asterisk nor from callrec. See who put it "
    "there.",
    "state": "`callrec verify`: a sidecar's state does not fit its audio. See who changed it; restore it from a "
    "backup.",
    "webhook-failing": "A receiver has not taken an event for about five minutes; it is tried on. `callrec webhooks "
    "list` shows its answers.",
    "webhook-given-up": "A receiver did not take an event in time (CALLREC_WEBHOOK_KEEP_H). When it works again: `callrec "
    "webhooks resend ID`.",
    "webhook-missed": "The store's stream had lost events before the daemon read them (it was down for long, or the store was "
    "emptied): no webhook gets them; their number is unknown. Programs find recordings in the index: `callrec recordings "
    "list`.",
    "webhook-overflow": "More waits for a receiver than CALLREC_WEBHOOK_QUEUE_MB allows: the oldest events were dropped. "
    "Mend the receiver, or remove the webhook.",
}
"""What is found and told, and stops nothing: by `callrec verify` and `callrec rebuild`, or as an alarm."""

TEST_PBX: Final[Mapping[ErrorCode, str]] = {
    "test-pbx": "`make run`, `make demo` and the tests: the test PBX or its phones failed; the message says what "
    "and where.",
}
"""Of any kind, outside of the product."""
