"""Constructs the FastAGI scripts by name, each counted, and the server that runs them only for proven legs."""

import secrets

from callrec.adapters.asterisk.ami import AmiLink
from callrec.adapters.asterisk.channel_variables import AmiLegVariables
from callrec.adapters.asterisk.fastagi import AgiServer, Channel, Script
from callrec.app.asterisk.prompts import Prompts
from callrec.app.calls.call_router import CallRouter
from callrec.app.dialplan.leg_authentication import LegAuthentication
from callrec.app.dialplan.lookups import Lookups
from callrec.app.dialplan.own_sounds import own_sounds
from callrec.app.dialplan.recording_codes import RecordingCodes
from callrec.app.dialplan.service_codes import Services
from callrec.domain.vocabulary import AgiScript
from callrec.observe.metrics import Metrics
from callrec.protocols.agi import Answer, Request


def scripts(codes: RecordingCodes, services: Services, lookups: Lookups, metrics: Metrics) -> dict[str, Script]:
    """The scripts by name."""

    async def toggle(request: Request, _: Channel) -> Answer:
        answer = await codes.toggle(request)
        metrics.pressed(answer.result)
        return answer

    async def pause(request: Request, _: Channel) -> Answer:
        answer = await codes.pause(request)
        metrics.pressed(answer.result)
        return answer

    async def call(request: Request, _: Channel) -> Answer:
        return await codes.call(request)

    async def always_record(request: Request, _: Channel) -> Answer:
        answer = await codes.always_record(request)
        metrics.always_record(answer.result)
        return answer

    async def lookup(request: Request, _: Channel) -> Answer:
        return await lookups.script(request)

    async def service(request: Request, _: Channel) -> Answer:
        answer = await services.script(request)
        metrics.service(answer.result)
        return answer

    return {
        AgiScript.TOGGLE: toggle,
        AgiScript.PAUSE: pause,
        AgiScript.CALL: call,
        AgiScript.ALWAYS_RECORD: always_record,
        AgiScript.SERVICE: service,
        AgiScript.LOOKUP: lookup,
    }


def with_own_prompts(answering: dict[str, Script], prompts: Prompts) -> dict[str, Script]:
    """The same scripts; where their answer names a prompt that the operator has replaced, the dialplan plays that one."""

    def owned(script: Script) -> Script:
        async def run(request: Request, channel: Channel) -> Answer:
            return await own_sounds(await script(request, channel), prompts)

        return run

    return {name: owned(script) for name, script in answering.items()}


def agi_server(answering: dict[str, Script], call_router: CallRouter, ami: AmiLink, metrics: Metrics) -> AgiServer:
    """The FastAGI server. A script begins only after the request's leg is proven (`LegAuthentication`)."""
    proof = LegAuthentication(call_router, AmiLegVariables(ami), secrets.token_bytes(32))
    return AgiServer(answering, proof=proof.prove, on_outcome=metrics.agi)
