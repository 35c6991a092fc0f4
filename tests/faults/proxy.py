"""A line between the daemon and Asterisk's manager that can fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from trouble import CODECS, TONES_HZ, USERS

from callrec_lab.pbx import Ports
from callrec_lab.stack import Wishes


class Proxy:
    """TCP from here to there. It can be cut (closed, and no new connection), wedged (open, and silent; what was sent arrives
    when it is restored), one-way (what there answers is held back until then) and slow."""

    def __init__(self) -> None:
        self.port = 0
        self.delay_s = 0.0
        self.target = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._answers = asyncio.Event()
        self._answers.set()
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Close everything, and take nothing new."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def wedge(self) -> None:
        """Hold everything back."""
        self._flows.clear()

    def hold_answers(self) -> None:
        """What is asked arrives, and no answer comes."""
        self._answers.clear()

    def restore(self) -> None:
        """As it was."""
        self._is_cut = False
        self._answers.set()
        self._flows.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        ends = [writer]
        try:
            if not self._is_cut:
                there, onward = await asyncio.open_connection("127.0.0.1", self.target)
                ends.append(onward)
                self._writers.update(ends)
                answers = self._pass(there, writer, self._answers)
                await asyncio.gather(self._pass(reader, onward, self._flows), answers)
        except OSError:
            pass  # the other side is not there: so it is for whoever asked
        finally:
            self._writers.difference_update(ends)
            for end in ends:
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event) -> None:
        while data := await reader.read(65536):
            await asyncio.sleep(self.delay_s)
            await self._flows.wait()
            await flows.wait()
            writer.write(data)
            await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[Proxy, Wishes]]:
    """A proxy, and wishes for a product whose daemon reaches the manager through it."""
    proxy, ports = Proxy(), Ports()
    proxy.target = ports.ami
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    address = f"ami://{ports.ami_user}:{quote(ports.ami_secret, safe='')}@127.0.0.1:{proxy.port}"
    settings = {"ami_url": address}
    try:
        yield proxy, Wishes(users=USERS, ports=ports, codecs=CODECS, tones_hz=TONES_HZ, settings=settings)
    finally:
        proxy.cut()
        server.close()
        await server.wait_closed()
