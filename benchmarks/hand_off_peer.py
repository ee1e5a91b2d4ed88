"""`python -m benchmarks.hand_off_peer`: the process that a tensor is handed to.

A gRPC server with one method for tensors by reference and one for the same bytes inline; both end
with the whole tensor in one piece of memory, ready to be used, and answer how long the reading took
in nanoseconds. The settings come from the environment, as those of a stage.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.wrappers_pb2 import Int64Value

from protos.earthgptx.v1.tensor_pb2 import TensorRef as TensorRefMessage
from shared.client_interceptor import MAX_MESSAGE_BYTES
from shared.settings import ProcessSettings, read_settings
from shared.tensors.host_tensor import HostTensor
from shared.tensors.open_store import open_store
from shared.tensors.ref import TensorRef
from shared.tensors.store import TensorStore
from shared.worker_pool import WorkerPool

SERVICE = "benchmarks.HandOff"
TENANT = "bench"
LIMITS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
)


class Peer:
    """Takes tensors as a stage does: off the event loop."""

    def __init__(self, store: TensorStore) -> None:
        self._store = store
        self._pool = WorkerPool("peer", 1)

    async def take_ref(self, message: TensorRefMessage, context: Any) -> Int64Value:
        del context
        return Int64Value(value=await self._pool.run(self._get, message))

    async def take_inline(self, parts: AsyncIterator[TensorRefMessage], context: Any) -> Int64Value:
        del context
        received = [part async for part in parts]
        return Int64Value(value=await self._pool.run(_join, received))

    def _get(self, message: TensorRefMessage) -> int:
        ref = TensorRef.from_proto(message)
        started_ns = time.perf_counter_ns()
        # Kept until the clock is read: giving it back is no part of taking it.
        tensor = self._store.get(ref, tenant=TENANT)
        took_ns = time.perf_counter_ns() - started_ns
        assert len(tensor.data) == message.size_bytes
        return took_ns


def _join(parts: list[TensorRefMessage]) -> int:
    started_ns = time.perf_counter_ns()
    # One message needs no putting together.
    data = parts[0].inline_data if len(parts) == 1 else b"".join(p.inline_data for p in parts)
    tensor = HostTensor("u8", (len(data),), memoryview(data))
    took_ns = time.perf_counter_ns() - started_ns
    assert tensor.data
    return took_ns


async def _serve() -> None:
    peer = Peer(open_store(read_settings(ProcessSettings)))
    read, write = TensorRefMessage.FromString, Int64Value.SerializeToString
    handlers = {
        "TakeRef": grpc.unary_unary_rpc_method_handler(peer.take_ref, read, write),
        "TakeInline": grpc.stream_unary_rpc_method_handler(peer.take_inline, read, write),
    }
    server = grpc.aio.server(options=LIMITS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"port": port}), flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve())
