"""People who look at a page: each holds a websocket, as a browser does, and runs the page again and again.

A rerun is over when its last message has come; what a browser then draws is not in it. People look for a
while, longer or shorter, before the next one.
"""

import asyncio
import random
import time
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.listening import cpu_seconds, process_at
from benchmarks.product import Product

#: A page that has not come by then will not come.
_PATIENCE_SECONDS = 300
_FAILED = "could not be shown"
#: Seconds until a page has run, and bytes that came.
Run = tuple[float, int]


@dataclass(frozen=True, slots=True)
class Address:
    """Of a page, with the filters that it is bound to."""

    page: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True)
class Reruns:
    seconds: Sequence[float]  #: of each rerun
    bytes: float  #: of one, on average
    cpu_seconds: float  #: of the process that served one, on average

    def percentile_ms(self, percent: float) -> float:
        return float(np.percentile(self.seconds, percent)) * 1000


def reruns(product: Product, address: Address, viewers: int, each: int, pause_seconds: float) -> Reruns:
    """Everybody opens the page, which is not counted, and then runs it `each` times."""

    async def look() -> Reruns:
        async with AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(_connected(product)) for _ in range(viewers)]
            await asyncio.gather(*(_run(socket, address) for socket in sockets))
            return await _counted(
                product, [_viewer(socket, address, each, pause_seconds) for socket in sockets]
            )

    return asyncio.run(look())


def first_runs(product: Product, addresses: Sequence[Address]) -> Reruns:
    """Each opened by somebody new, one after the other."""

    async def one_after_the_other() -> list[Run]:
        return [await _opened(product, address) for address in addresses]

    return asyncio.run(_counted(product, [one_after_the_other()]))


async def _counted(product: Product, viewers: Sequence[Coroutine[Any, Any, list[Run]]]) -> Reruns:
    process = process_at(product.port)
    before = cpu_seconds(process)
    runs = [run for some in await asyncio.gather(*viewers) for run in some]
    cpu = cpu_seconds(process) - before
    return Reruns(
        [seconds for seconds, _ in runs], sum(size for _, size in runs) / len(runs), cpu / len(runs)
    )


async def _viewer(socket: ClientConnection, address: Address, each: int, pause_seconds: float) -> list[Run]:
    runs = []
    for _ in range(each):
        await asyncio.sleep(random.expovariate(1 / pause_seconds) if pause_seconds else 0)
        runs.append(await _run(socket, address))
    return runs


async def _opened(product: Product, address: Address) -> Run:
    async with _connected(product) as socket:
        return await _run(socket, address)


def _connected(product: Product) -> AbstractAsyncContextManager[ClientConnection]:
    return connect(
        f"ws://{product.host}:{product.port}/_stcore/stream",
        subprotocols=["streamlit"],  # type: ignore[list-item]  # a NewType of str
        additional_headers={"Cookie": product.cookie},
        origin=product.headers["Origin"],  # type: ignore[arg-type]
        max_size=None,
    )


async def _run(socket: ClientConnection, address: Address) -> Run:
    asked = BackMsg()
    asked.rerun_script.page_name, asked.rerun_script.query_string = address.page, address.query
    started, size = time.perf_counter(), 0
    await socket.send(asked.SerializeToString())
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            came = await socket.recv(decode=False)
            size += len(came)
            message = ForwardMsg.FromString(came)
            kind = message.WhichOneof("type")
            if _FAILED.encode() in came or (
                kind == "delta" and message.delta.new_element.HasField("exception")
            ):
                raise SystemExit(f"{address.page or 'the page'} {_FAILED}: {message.delta}")
            if kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return time.perf_counter() - started, size
