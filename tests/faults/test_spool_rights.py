"""A spool that Asterisk may not write to, or whose files only Asterisk may read: it is said at once, and no audio is lost by it.

Asterisk runs as another user than the daemon, with a umask, and in a sandbox as systemd's ReadOnlyPaths makes it.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from soundness import assert_sound
from trouble import (
    CODECS,
    TALK_S,
    TONES_HZ,
    USERS,
    alarms,
    begin,
    connect,
    lamp,
    leg_files,
    one,
    product,
    settled,
    stored,
    unready,
    until,
    until_lamp,
)

from callrec.domain.library.manifest import StoredState
from callrec_lab.stack import Stack, Wishes

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

READY_S = 40.0
"""The daemon tries the spool again every ten seconds."""
ASTERISK = """. "$0.rules"
umask "$UMASK"
as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups --pdeathsig=KILL
  --inh-caps=+dac_override,+dac_read_search --ambient-caps=+dac_override,+dac_read_search --"
if [ -n "$READ_ONLY" ]; then
  exec unshare -m --propagation private sh -c '
    mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"' "$READ_ONLY" $as_nobody "$@"
fi
exec $as_nobody "$@"
"""
"""As nobody, whom all else on this machine lets pass (the unpacked packages lie in a private folder)."""
CALLREC = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")
"""Root without the right to read whatever it likes: a user like any other."""


@dataclass
class House:
    """The product, whose Asterisk is another user."""

    stack: Stack
    rules: Path

    async def restart(self, umask: str, read_only: Path | str = "") -> None:
        """Asterisk with these rules."""
        self.rules.write_text(f"UMASK={umask} READ_ONLY={read_only}\n")
        await self.stack.pbx.restart()
        await until(self._is_up, limit_s=READY_S)

    async def _is_up(self) -> bool:
        said = await unready(self.stack)
        return not any(f'"{door}": {{"ok": false' in said for door in ("ami", "ari", "resync"))

    async def doctor(self) -> str:
        """Its line about the probe, and what to write."""
        _, said = await self.stack.daemon.callrec("doctor")
        _, found, rest = said.partition(" spool probe: ")
        return said.partition(found)[0].split()[-1] + ": " + rest.partition("\nOK")[0] if found else ""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """The whole product."""
    folder = tmp_path_factory.mktemp("house")
    script = folder / "as-asterisk"
    rules = folder / "as-asterisk.rules"
    script.write_text(ASTERISK)
    rules.write_text("UMASK=077 READ_ONLY=\n")
    if os.geteuid() or not shutil.which("setpriv") or _is_refused("unshare", "-m", "true"):
        pytest.skip("needs root, setpriv and mount namespaces")
    wishes = Wishes(
        users=USERS, codecs=CODECS, tones_hz=TONES_HZ, as_asterisk=("/bin/sh", str(script)), as_callrec=CALLREC
    )
    async with product(folder, wishes) as stack:
        yield House(stack, rules)


async def _complains(stack: Stack, words: str) -> bool:
    """Whether /readyz says so by now: an alarm comes first."""
    return words in await unready(stack)


def _is_refused(*command: str) -> bool:
    return bool(subprocess.run(command, capture_output=True, check=False).returncode)  # noqa: S603 - fixed words


async def test_p6_files_that_only_asterisk_may_read_light_no_lamp_and_wait_until_they_may_be_read(house: House) -> None:
    """With umask 077 the doctor was content, the lamp was lit, and the legs waited for ever without a word."""
    stack = house.stack
    said = await house.doctor()
    assert said.startswith(f"FAILED: Asterisk wrote a probe into {stack.daemon.spool}, but .callrec-probe-")
    assert "(nobody:nogroup 0600) may not be read by root" in said
    assert "UMask=0027" in said
    there, here = await connect(stack, "1000", "1001")
    lit = set()
    await there.press("*3")
    async with asyncio.timeout(READY_S):
        while not alarms(stack, "file-not-opened"):
            lit.add(await lamp(stack, "1000"))
            await asyncio.sleep(0.05)
    await until(lambda: _complains(stack, '"spool": {"ok": false'), limit_s=READY_S)
    assert bool(alarms(stack, "leg-unreadable"))
    await until(lambda: '"recording-ended"' in stack.daemon.log.read_text(), limit_s=READY_S)
    await there.hangup()
    await here.ended()
    assert lit <= {"NOT_INUSE", "RINGING"}
    assert not stored(stack)
    await house.restart("022")
    for leg in leg_files(stack):
        leg.chmod(0o644)
    await stack.daemon.ready(READY_S)
    await settled(stack, limit_s=READY_S)
    late = one(stack, "1000", "1001")
    assert (late.manifest.state, late.manifest.recording.cause) == (StoredState.PARTIAL, "file-not-opened")
    assert late.length_s > 1


async def test_p6_a_sandbox_that_lets_asterisk_write_nothing_is_said_and_mended(house: House) -> None:
    """As systemd's ReadOnlyPaths: the folder's rights look well, and no file comes."""
    stack = house.stack
    await house.restart("022", stack.daemon.spool)
    said = await house.doctor()
    assert said.startswith(f"FAILED: Asterisk was asked to write into {stack.daemon.spool}, but no file appeared there")
    assert "ReadWritePaths=" in said
    talk = await begin(stack, "1002", "1004", press=True)
    await until(lambda: bool(alarms(stack, "file-not-written")), limit_s=READY_S)
    assert await lamp(stack, "1002") == "NOT_INUSE"
    await until(lambda: _complains(stack, "not both of its files are in the spool"), limit_s=READY_S)
    await talk.hangup()
    await house.restart("022")
    await stack.daemon.ready(READY_S)
    assert (await house.doctor()).startswith(f"OK: Asterisk wrote into {stack.daemon.spool}, and root could read")
    sound = await begin(stack, "1007", "1008", press=True)
    await until_lamp(stack, "1007", "INUSE")
    await asyncio.sleep(TALK_S)
    await sound.hangup()
    await settled(stack)
    assert_sound(one(stack, "1007", "1008").manifest)
