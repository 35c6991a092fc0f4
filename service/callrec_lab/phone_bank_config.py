"""The configuration files of the phone bank's Asterisk."""

import re
from collections.abc import Mapping
from hashlib import blake2b
from urllib.parse import quote

from callrec.protocols.asterisk_conf.lexical import escaped
from callrec_lab.asterisk import dialplan_folder
from callrec_lab.pbx import RTP_PORTS, Ports, fill

OUTSIDE = "outside"
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")

_MODULES = """res_timing_timerfd res_crypto res_sorcery_config res_sorcery_memory res_sorcery_astdb pbx_config bridge_simple
bridge_holding codec_ulaw codec_alaw codec_g722 codec_resample format_sln format_pcm res_http_websocket res_pjproject
res_pjsip res_pjsip_session res_pjsip_pubsub res_pjsip_logger
res_pjsip_authenticator_digest res_pjsip_outbound_authenticator_digest res_pjsip_endpoint_identifier_ip
res_pjsip_caller_id res_pjsip_nat res_pjsip_path res_pjsip_refer res_pjsip_rfc3326 res_pjsip_sdp_rtp
res_rtp_asterisk chan_pjsip app_bridgewait app_chanspy app_db app_dial app_exec app_mixmonitor app_playtones
app_senddtmf app_stack app_transfer app_userevent func_callerid func_channel func_cut func_db func_groupcount func_logic
func_periodic_hook func_strings func_uri"""

_SHARED = (
    "acl.conf",
    "ccss.conf",
    "cdr.conf",
    "cel.conf",
    "indications.conf",
    "logger.conf",
    "pjproject.conf",
    "udptl.conf",
)
"""Files of the small PBX that the phone bank uses unchanged."""

_PJSIP = """[global]
type = global
user_agent = callrec-phones
endpoint_identifier_order = header

[phones]
type = transport
protocol = udp
bind = 127.0.0.1:@PHONES_PORT@

[outside]
type = transport
protocol = udp
bind = 127.0.0.1:@TRUNK_PORT@

[phone](!)
type = endpoint
transport = phones
context = phones
disallow = all
direct_media = no
dtmf_mode = rfc4733
send_pai = yes
moh_passthrough = yes

[phone-auth](!)
type = auth
auth_type = userpass

[phone-aor](!)
type = aor
contact = sip:127.0.0.1:@SIP_PORT@

[outside](phone)
transport = outside
context = outside
from_user = trunk
outbound_auth = outside
aors = outside
allow = @OUTSIDE_CODEC@
trust_id_outbound = yes

[outside](phone-auth)
username = trunk
password = @TRUNK_SECRET@

[outside](phone-aor)

[outside]
type = identify
endpoint = outside
match_header = To: /sip:0[0-9]*@/
"""

_PHONE = """
[@PHONE@](phone)
from_user = @USER@
@DOMAIN@
outbound_auth = @PHONE@
aors = @PHONE@
allow = @CODEC@

[@PHONE@](phone-auth)
username = @NAME@
password = @SECRET@

[@PHONE@](phone-aor)

[@PHONE@]
type = identify
endpoint = @PHONE@
match_header = To: /sip:@TO@@/
"""

_EXTENSIONS = """[general]
static = yes

[phones]
exten => _[0-9A-Za-z_*+.@]!,1,Set(PHONE=${EXTEN})
 same => n,Goto(phone,ring,1)

[outside]
exten => _[0-9*+]!,1,Set(PHONE=outside)
 same => n,Goto(phone,ring,1)

[phone]
exten => ring,1,Set(WAY=${DB(behaviour/${PHONE})})
 same => n,Ringing()
 same => n,UserEvent(PhoneRings,Phone: ${PHONE})
 same => n,GotoIf($["${WAY}" = "busy"]?busy)
 same => n,GotoIf($["${WAY}" = "ring"]?wait)
 same => n,GotoIf($["${WAY:0:8}" = "forward-"]?forward)
 same => n,Wait(${CUT(WAY,-,2)})
 same => n,Answer()
 same => n,Set(TONE=${CUT(WAY,-,3)})
 same => n,Goto(talk,1)
 same => n(busy),Busy(20)
 same => n(forward),Transfer(PJSIP/sip:${WAY:8}@127.0.0.1)
 same => n,Hangup()
 same => n(wait),Wait(3600)
exten => talk,1,MixMonitor(,r(heard-${UNIQUEID}.sln16)i(EAR))
 same => n,ExecIf($[${TONE} > 0]?Playtones(${TONE}/10000))
 same => n,UserEvent(PhoneTalks,Phone: ${PHONE})
 same => n,Wait(7200)
; a lone n would be a pattern: a digit from 2 to 9
exten => _a[n]swer!,1,Answer()
 same => n,Set(TONE=${EXTEN:6})
 same => n,Goto(talk,1)
; A redirection ends the tone: start it again after the keys, as a voice comes back after them
exten => _dtmf!,1,SendDTMF(${EXTEN:4},60,110)
 same => n,ExecIf($[${TONE} > 0]?Playtones(${TONE}/10000))
 same => n,UserEvent(PhonePressed,Phone: ${PHONE})
 same => n,Wait(7200)
exten => _hum!,1,Set(TONE=${EXTEN:3})
 same => n,ExecIf($[${TONE} > 0]?Playtones(${TONE}/10000))
 same => n,Wait(7200)
; RFC 3515, with the tone going on until the PBX ends the call
exten => refer,1,ExecIf($[${TONE} > 0]?Playtones(${TONE}/10000))
 same => n,Transfer(PJSIP/${REFER_TO})
 same => n,Wait(7200)
; A phone whose microphone is off: packets of digital silence
exten => mute,1,Playtones(0/10000)
 same => n,Wait(7200)
; A holding bridge of one channel: with moh_passthrough the bank sends the PBX a re-INVITE for the hold
exten => hold,1,BridgeWait(hold-${UNIQUEID},participant,e(h))
; The file is whole when this has run
exten => h,1,ExecIf($[${LEN(${EAR})} > 0]?StopMixMonitor(${EAR}))
"""

_MANAGER = """[general]
enabled = yes
bindaddr = 127.0.0.1
port = @AMI_PORT@
timestampevents = yes

[@AMI_USER@]
secret = @AMI_SECRET@
read = system,call,user,dtmf
write = system,call,reporting,originate
writetimeout = 5000
eventfilter = ^Event: (FullyBooted|UserEvent|Hangup|DTMFEnd)
"""


def endpoint_of(line: str) -> str:
    """The bank's endpoint name for the phone of a line. The bank dials NUMBER@ENDPOINT, so it must not contain an `@`, as the
    name of a line may."""
    return line if _PLAIN.fullmatch(line) else f"line-{blake2b(line.encode(), digest_size=8).hexdigest()}"


def _names(line: str) -> dict[str, object]:
    """The values of a phone's template. Asterisk refuses an `@` in from_user: `1107@tenant1` becomes the user 1107 of the domain
    tenant1, as phones of a PBX with several tenants send it (res_pjsip_endpoint_identifier_user.c: find_endpoint)."""
    user, _, domain = line.partition("@")
    to = quote(line, safe="+").replace(".", "[.]").replace("+", "[+]")  # as an address has it, in a regular expression
    return {
        "PHONE": endpoint_of(line),
        "NAME": line,
        "TO": to,
        "USER": user,
        "DOMAIN": domain and f"from_domain = {domain}",
    }


def bank_files(lines: Mapping[str, str], codecs: Mapping[str, str], pbx: Ports, own: Ports) -> dict[str, str]:
    """File name -> text. `lines`: name -> secret of each phone; `codecs`: name -> codec of each phone and the outside world."""
    values: dict[str, object] = {
        "PHONES_PORT": own.sip,
        "TRUNK_PORT": pbx.trunk,
        "TRUNK_SECRET": pbx.trunk_secret,
        "SIP_PORT": pbx.sip,
        "OUTSIDE_CODEC": codecs[OUTSIDE],
        "AMI_PORT": own.ami,
        "AMI_USER": own.ami_user,
        "AMI_SECRET": own.ami_secret,
        "RTP_START": own.rtp,
        "RTP_END": own.rtp + RTP_PORTS,
    }
    phones = [
        fill(_PHONE, {**_names(name), "SECRET": escaped(secret), "CODEC": codecs[name], **values})
        for name, secret in lines.items()
    ]
    folder = dialplan_folder() / "pbx"
    modules = "".join(f"load = {name}.so\n" for name in _MODULES.split())
    return {name: (folder / name).read_text() for name in _SHARED} | {
        "modules.conf": f"[modules]\nautoload = no\n{modules}",
        "pjsip.conf": fill(_PJSIP, values) + "".join(phones),
        "extensions.conf": _EXTENSIONS,
        "manager.conf": fill(_MANAGER, values),
        "rtp.conf": fill((folder / "rtp.conf").read_text(), values),
        "http.conf": "[general]\nenabled = no\n",
        "features.conf": "[general]\n",
    }
