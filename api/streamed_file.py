"""A file that is made while it is sent: block after block in a thread, as fast as the reader takes them.

When the reader has gone no further block is made, and what the blocks are read from is let go at once.
"""

from collections.abc import AsyncIterator, Generator

from anyio import CapacityLimiter, to_thread
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

#: Files that a process makes at once; others take turns with them, block by block.
MOST_AT_ONCE = 4

Blocks = Generator[bytes, None, None]


class StreamedFile(StreamingResponse):
    def __init__(self, blocks: Blocks, limiter: CapacityLimiter, *, media_type: str, file_name: str) -> None:
        self._blocks = blocks
        headers = {
            "content-disposition": f'attachment; filename="{file_name}"',
            "cache-control": "no-store",
            # Compressing a file of any size takes longer than sending it.
            "content-encoding": "identity",
        }
        super().__init__(_in_threads(blocks, limiter), headers=headers, media_type=media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._blocks.close()


async def _in_threads(blocks: Blocks, limiter: CapacityLimiter) -> AsyncIterator[bytes]:
    while (block := await to_thread.run_sync(next, blocks, None, limiter=limiter)) is not None:
        if block:
            yield block
