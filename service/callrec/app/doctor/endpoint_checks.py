"""Checks of Asterisk's PJSIP endpoints: users' phones, and trunks, through which calls from outside come."""

import re
from collections.abc import Collection, Iterable, Sequence

from callrec.app.doctor.dialplan_checks import reaching_codes
from callrec.app.doctor.findings import Finding, Verdict
from callrec.app.ports.asterisk import Manager
from callrec.domain.errors import Refused
from callrec.protocols.ami import Message

ASK_S = 5.0
MOST_ENDPOINTS = 50
"""The checks ask for at most so many endpoints of a kind: more would take minutes on a large PBX."""
ANONYMOUS = "anonymous"
_FEATURES = re.compile(r"(?:^|,)_{0,2}DYNAMIC_FEATURES=([^,]*)")
_SHOWN = 5


class Endpoints:
    """Asterisk's endpoints; each one's details are requested once."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami
        self._details: dict[str, list[Message]] = {}

    async def names(self) -> list[str]:
        """The names of all endpoints. Raises as the link does."""
        lines = await self._ami.listing("PJSIPShowEndpoints", timeout_s=ASK_S)
        return [name for line in lines if (name := line.get("ObjectName"))]

    async def details(self, name: str) -> list[Message]:
        """An endpoint's detail events; empty when Asterisk has no such endpoint. Raises as the link does."""
        if name not in self._details:
            try:
                found = await self._ami.listing("PJSIPShowEndpoint", [("Endpoint", name)], timeout_s=ASK_S)
            except Refused as error:
                if "unable to retrieve" not in error.message.lower():
                    raise
                found = []
            self._details[name] = found
        return self._details[name]

    async def said(self, names: Iterable[str], header: str) -> set[str]:
        """The values of this header in the details of these endpoints."""
        return {value for name in names for line in await self.details(name) for value in line.all(header) if value}

    async def codecs(self, names: Iterable[str]) -> set[str]:
        """The codecs that these endpoints allow."""
        return {codec for said in await self.said(names, "Allow") for codec in re.findall(r"[a-z0-9]+", said)}

    async def has_feature(self, name: str) -> bool:
        """Whether the endpoint's legs have callrec's dynamic feature, so that its user can press `*3`."""
        # One header holds several variables, separated by commas (res_pjsip: set_var_to_str)
        said = await self.said([name], "SetVar")
        features = (match[1] for value in said for match in [_FEATURES.search(value)] if match)
        return any("callrec" in one.split("#") for one in features)

    async def strangers(self, lines: Collection[str]) -> list[str]:
        """Endpoints outside `lines` that look like a trunk: phones cannot register there, or register without a password."""
        names = [name for name in await self.names() if name not in lines][:MOST_ENDPOINTS]
        return [name for name in names if name == ANONYMOUS or _is_trunk(await self.details(name))]


def _is_trunk(details: Iterable[Message]) -> bool:
    kinds = {line.event: line for line in details}
    endpoint = kinds.get("EndpointDetail", Message(()))
    registers = any(line.get("MaxContacts") not in {"", "0"} for line in details if line.event == "AorDetail")
    return not (endpoint.get("Auth") and registers) or bool(endpoint.get("OutboundAuth")) or "IdentifyDetail" in kinds


async def look_at_features(endpoints: Endpoints, may_press: Sequence[str]) -> Finding:
    """Whether the endpoints of users who may record on demand have the dynamic feature."""
    looked = may_press[:MOST_ENDPOINTS]
    lacking = [endpoint for endpoint in looked if not await endpoints.has_feature(endpoint)]
    if lacking:
        shown = ", ".join(lacking[:_SHOWN]) + (", ..." if len(lacking) > _SHOWN else "")
        write = "pjsip.conf, their endpoints: set_var = DYNAMIC_FEATURES=callrec"
        says = f"missing on {len(lacking)} of {len(looked)} endpoints: {shown}"
        return Finding("dynamic features", Verdict.WRONG, says, write)
    return Finding("dynamic features", Verdict.OK, f"endpoints that may press: {len(may_press)}")


async def look_at_strangers(
    endpoints: Endpoints, lines: Collection[str], contexts: Collection[str], dialplan: Sequence[Message]
) -> Finding:
    """Whether outside callers reach the feature codes or `*3`. `lines`: users' endpoints; `contexts`: of incoming numbers."""
    wrong = [f"context {context}" for context in reaching_codes(dialplan, contexts)]
    strangers = await endpoints.strangers(lines)
    for name in strangers:
        context = next(iter(await endpoints.said([name], "Context")), "default")
        if context not in contexts and reaching_codes(dialplan, [context]):
            wrong.append(f"endpoint {name}, in context {context}")
    pressing = [name for name in strangers if await endpoints.has_feature(name)]
    if not wrong and not pressing:
        return Finding("strangers", Verdict.OK, "outside callers reach no feature codes")
    says, write = [], []
    if wrong:
        says.append(f"outside callers reach the feature codes: {'; '.join(wrong[:_SHOWN])}")
        write.append("extensions.conf: remove callrec-codes and callrec-features from the includes of these contexts")
    if pressing:
        says.append(f"trunk endpoints have DYNAMIC_FEATURES: {', '.join(pressing[:_SHOWN])}")
        write.append("pjsip.conf: remove DYNAMIC_FEATURES=callrec from these endpoints")
    return Finding("strangers", Verdict.WRONG, "; ".join(says), "\n".join(write))
