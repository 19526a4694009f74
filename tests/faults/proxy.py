"""A TCP proxy between a client and the server, which cuts, delays and swallows as it is told.

It looks for Bolt messages in what the client sends (BEGIN, COMMIT, PULL, and what else ends a
transaction), so that it can cut a connection when the server has committed and its answer is on the
way: a lost acknowledgement.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading

BEGIN, COMMIT, PULL = b"\xb1\x11", b"\x00\x02\xb0\x12\x00\x00", b"\xb1\x3f"
ROLLBACK, RESET = b"\x00\x02\xb0\x13\x00\x00", b"\x00\x02\xb0\x0f\x00\x00"
QUIET_SECONDS = 0.1
"""The server's answer is whole when nothing more comes for so long."""


class Proxy:
    """Listens on loopback, and passes on to the server; used as a context manager."""

    def __init__(self, host: str, port: int, seed: int = 0) -> None:
        self._target = host, port
        self._chance = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._armed = 0
        self._passing: set[int] = set()
        self.port = 0
        self.cuts = 0
        self.cut_every = 0
        """Of so many commits one is not answered; 0: all are."""
        self._commits = 0
        self.delay_seconds = 0.0
        """Every answer is held back up to so long, by chance."""
        self.swallowing = False
        """Everything is taken and nothing passed on, also on new connections: as where a firewall
        drops packets without a word, and the server knows nothing of it either."""
        self.accepted = 0
        """How many connections there were."""
        self._dead: set[int] = set()

    def swallow_open(self) -> None:
        """Swallow what goes either way on the connections that are open now, for ever."""
        self._dead |= self._passing

    def lose_next_answer(self, times: int = 1) -> None:
        """Let the next commits pass, and cut the connection instead of passing on the answer."""
        self._armed = times

    def __enter__(self) -> Proxy:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(30)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._ended = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._ended.wait()
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._pass(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        self.accepted += 1
        number = self.accepted
        self._passing.add(number)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            ends.append(far_writer)
            lost = asyncio.Event()
            tasks = [
                asyncio.ensure_future(self._there(number, reader, far_writer, lost)),
                asyncio.ensure_future(self._back(number, far_reader, writer, lost)),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        except OSError:
            pass
        finally:
            self._passing.discard(number)
            for end in ends:
                end.transport.abort()

    def _swallows(self, number: int) -> bool:
        return self.swallowing or number in self._dead

    async def _there(self, number: int, reader, writer, lost: asyncio.Event) -> None:
        in_transaction = False
        while data := await reader.read(1 << 16):
            if self._swallows(number):
                self._dead.add(number)  # what is lost of a stream is lost for good
                continue
            in_transaction = in_transaction or BEGIN in data
            commits = COMMIT in data or (PULL in data and not in_transaction)
            if any(end in data for end in (COMMIT, ROLLBACK, RESET)):
                in_transaction = False
            if commits and self._is_lost():
                lost.set()
            writer.write(data)
            await writer.drain()

    async def _back(self, number: int, reader, writer, lost: asyncio.Event) -> None:
        while data := await reader.read(1 << 16):
            if self._swallows(number):
                self._dead.add(number)
                continue
            if lost.is_set():
                self.cuts += 1
                with contextlib.suppress(TimeoutError):
                    while await asyncio.wait_for(reader.read(1 << 16), QUIET_SECONDS):
                        pass
                return
            if self.delay_seconds:
                await asyncio.sleep(self._chance.random() * self.delay_seconds)
            writer.write(data)
            await writer.drain()

    def _is_lost(self) -> bool:
        if self._armed > 0:
            self._armed -= 1
            return True
        self._commits += 1
        return self.cut_every > 0 and self._commits % self.cut_every == 0
