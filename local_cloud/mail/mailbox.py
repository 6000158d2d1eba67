"""A real SMTP server that puts every mail into a Maildir."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP

HOST = "127.0.0.1"


class MailServer:
    """Listens on a free port; each mail becomes a file in `folder` (new/, as in any Maildir)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp", daemon=True)

    def start(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        handler = Mailbox(self.folder)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(handler), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]

    async def _listen(self, handler: Mailbox) -> asyncio.Server:
        return await self._loop.create_server(
            lambda: SMTP(handler, enable_SMTPUTF8=True, hostname="localhost", loop=self._loop),
            HOST,
            0,
        )

    def stop(self) -> None:
        """Stop listening; the mails stay."""
        if self._server is None:
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._server = None

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
