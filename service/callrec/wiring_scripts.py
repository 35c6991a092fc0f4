"""What the dialplan can ask by FastAGI, by name, each counted; and the door where only proven legs ask."""

import secrets

from callrec.adapters.asterisk.ami import AmiLink
from callrec.adapters.asterisk.controls import AmiLegVariables
from callrec.adapters.asterisk.fastagi import AgiServer, Channel, Script
from callrec.app.engine import Engine
from callrec.app.leg_proof import LegProof
from callrec.app.lookups import Lookups
from callrec.app.services import Services
from callrec.app.star_codes import StarCodes
from callrec.domain.vocabulary import AgiScript
from callrec.observe.metrics import Metrics
from callrec.protocols.agi import Answer, Request


def scripts(codes: StarCodes, services: Services, lookups: Lookups, metrics: Metrics) -> dict[str, Script]:
    """Name -> script."""

    async def toggle(request: Request, _: Channel) -> Answer:
        answer = await codes.toggle(request)
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
        AgiScript.CALL: call,
        AgiScript.ALWAYS_RECORD: always_record,
        AgiScript.SERVICE: service,
        AgiScript.LOOKUP: lookup,
    }


def agi_door(answering: dict[str, Script], engine: Engine, ami: AmiLink, metrics: Metrics) -> AgiServer:
    """The FastAGI server: no script begins before its leg is proven."""
    proof = LegProof(engine, AmiLegVariables(ami), secrets.token_bytes(32))
    return AgiServer(answering, proof=proof.prove, on_outcome=metrics.agi)
