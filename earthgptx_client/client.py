"""The client: one channel to a suite, every call with a deadline."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from types import TracebackType
from typing import Self

import grpc
from opentelemetry.trace import Tracer, get_tracer

from earthgptx_client import calls
from earthgptx_client.answer import Answer, gather
from earthgptx_client.calls import Caller, Deadline, Metadata, Pauses, traced
from earthgptx_client.errors import ClientError, from_rpc_error, invalid_input
from earthgptx_client.events import Accepted, Event, ImageInfo, event_of, image_info
from earthgptx_client.image_files import OnSent, image_id, readable_again, upload_messages
from earthgptx_client.large_files import PartsUpload, is_large, may_be_large
from earthgptx_client.regions import MAX_REGIONS, Region
from earthgptx_client.runs import Runs
from earthgptx_client.workflows import Workflows
from protos.earthgptx.v1 import (
    geometry_pb2,
    images_pb2,
    images_pb2_grpc,
    interpreter_pb2,
    interpreter_pb2_grpc,
)

Image = str | os.PathLike[str] | bytes | ImageInfo

MODALITIES: dict[str | None, geometry_pb2.Modality] = {
    None: geometry_pb2.MODALITY_UNSPECIFIED,
    "optical": geometry_pb2.MODALITY_OPTICAL,
    "sar": geometry_pb2.MODALITY_SAR,
    "infrared": geometry_pb2.MODALITY_INFRARED,
}
ZOOMS = {
    "auto": interpreter_pb2.ZOOM_AUTO,
    "whole": interpreter_pb2.ZOOM_WHOLE_IMAGE,
    "close": interpreter_pb2.ZOOM_CLOSE,
}
TASKS = {
    "answer": interpreter_pb2.TASK_ANSWER,
    "segment_regions": interpreter_pb2.TASK_SEGMENT_REGIONS,
}
# An image that is gone before the question arrives is of no use.
_NEEDED_LIFE_MS = 60_000


class Client:
    """Talks to the gateway of a suite; safe to use from several threads.

    Every method raises `ClientError`; calls the suite refuses with a retryable error are tried
    again, as long as the deadline leaves time, up to `max_attempts` times in all.

    Attributes:
        workflows: checks, keeps and starts workflows.
        runs: follows runs of workflows, ends them and fetches what they gave.
    """

    def __init__(
        self,
        address: str,
        api_key: str = "",
        *,
        timeout_s: float = 120.0,
        max_attempts: int = 5,
        tracer: Tracer | None = None,
    ) -> None:
        """Opens no connection yet: the first call does.

        Args:
            address: "host:port", or "https://host:port" for TLS.
            api_key: the tenant's key.
            timeout_s: deadline of a call that is given none.
            max_attempts: most attempts of one call.
            tracer: makes a span a call, in which the suite's spans are; by default that of
                OpenTelemetry's global provider, which records nothing unless one is set.
        """
        self._channel = calls.open_channel(address)
        self._caller = Caller(
            calls.key_metadata(api_key),
            tracer or get_tracer("earthgptx_client"),
            timeout_s,
            max_attempts,
        )
        self.workflows = Workflows(self._channel, self._caller)
        self.runs = Runs(self._channel, self._caller)
        self._images = images_pb2_grpc.ImagesStub(self._channel)
        self._interpreter = interpreter_pb2_grpc.InterpreterStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the channel; calls that still run are cancelled."""
        calls.close_channel(self._channel)

    def upload(
        self, image: Image, *, timeout_s: float | None = None, on_sent: OnSent | None = None
    ) -> ImageInfo:
        """Stores an image, given by path or by its bytes; one that is there is not sent again.

        A large scene goes by parts: when the call is cut short, the next one sends what is missing.
        It is for workflows; a single question does not take it (`ImageInfo.by_window`). An ENVI
        scene is two files: either stands for both, the other lies beside it.

        Args:
            image: path, bytes, or what an earlier call returned.
            timeout_s: for the whole call; None: the client's own for an image, and for a large
                scene as long as it takes.
            on_sent: told bytes sent and bytes in all as the upload goes on, from another thread.

        Raises:
            ClientError: it cannot be read, or the suite does not take it.
        """
        if isinstance(image, ImageInfo):
            return image
        deadline = self._caller.deadline(timeout_s)
        file = readable_again(image)
        content_id = image_id(file)
        known = self._find(content_id, deadline)
        if known is not None:
            return known
        if not is_large(file):
            try:
                response = self._caller.call(
                    "Images/UploadImage",
                    self._images.UploadImage,
                    lambda: upload_messages(file, on_sent),
                    deadline,
                )
                return image_info(response.image)
            except ClientError as error:
                # It may have too many pixels for an image, and be a scene.
                if error.code != "INVALID_INPUT" or not may_be_large(file):
                    raise
        parts = PartsUpload(self._images, self._caller, file, timeout_s, on_sent)
        return image_info(parts.run(content_id))

    def delete(self, image_id: str, *, timeout_s: float | None = None) -> None:
        """Deletes an image; one that is not there is no error."""
        request = images_pb2.DeleteImageRequest(image_id=image_id)
        self._caller.call(
            "Images/DeleteImage",
            self._images.DeleteImage,
            lambda: request,
            self._caller.deadline(timeout_s),
        )

    def interpret(
        self,
        image: Image,
        question: str = "",
        *,
        regions: Sequence[Region] = (),
        modality: str | None = None,
        task: str = "answer",
        zoom: str = "auto",
        max_new_tokens: int = 0,
        adapter: str = "",
        durable: bool = False,
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[Event]:
        """Asks about an image; yields events as they come, `Accepted` first, `Finished` last.

        Closing the iterator cancels the request. What the suite refuses before it accepts, or loses
        before it has said anything, is tried again where that helps.

        Args:
            image: path, bytes, or what `upload` returned.
            question: regions are addressed as "<Region 1>"; may be empty for "segment_regions".
            regions: marks in pixels of the full image.
            modality: "optical", "sar", "infrared", or None where not known.
            task: "answer", or "segment_regions" for one mask a region and no words.
            zoom: "auto" looks at marks with their surroundings to tell what they are, and
                closely to draw them; "close" for both; "whole" looks at all of the image.
            max_new_tokens: 0 means the model's default.
            adapter: of the language model, as the suite's operator named it; "" is none.
            durable: the request survives the loss of any process of the suite.
            idempotency_key: a repeated durable request with it joins the run of the first; None
                makes a new one, so that retries of this call are one run.
            timeout_s: for the whole call, upload included.

        Raises:
            ClientError: a bad argument, a refusal, no connection, or no time left.
        """
        _check_choice(modality, MODALITIES.keys(), "modality")
        _check_choice(task, TASKS.keys(), "task")
        _check_choice(zoom, ZOOMS.keys(), "zoom")
        if len(regions) > MAX_REGIONS:
            raise invalid_input(f"{len(regions)} regions", "regions", f"{MAX_REGIONS} regions")
        if durable and idempotency_key is None:
            idempotency_key = uuid.uuid4().hex
        deadline = self._caller.deadline(timeout_s)
        uploaded = self.upload(image, timeout_s=deadline.remaining_s())
        request = interpreter_pb2.InterpretRequest(
            image_id=uploaded.image_id,
            question=question,
            regions=[region.to_proto() for region in regions],
            modality=MODALITIES[modality],
            task=TASKS[task],
            zoom=ZOOMS[zoom],
            max_new_tokens=max_new_tokens,
            adapter=adapter,
            durable=durable,
            idempotency_key=idempotency_key or "",
        )
        return self._events(request, deadline)

    def ask(
        self,
        image: Image,
        question: str = "",
        *,
        regions: Sequence[Region] = (),
        modality: str | None = None,
        task: str = "answer",
        zoom: str = "auto",
        max_new_tokens: int = 0,
        adapter: str = "",
        durable: bool = False,
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Asks about an image and waits for the whole answer; arguments as for `interpret`.

        Raises:
            ClientError: as `interpret`, or the accepted request failed.
        """
        return gather(
            self.interpret(
                image,
                question,
                regions=regions,
                modality=modality,
                task=task,
                zoom=zoom,
                max_new_tokens=max_new_tokens,
                adapter=adapter,
                durable=durable,
                idempotency_key=idempotency_key,
                timeout_s=timeout_s,
            )
        )

    def _events(
        self, request: interpreter_pb2.InterpretRequest, deadline: Deadline
    ) -> Iterator[Event]:
        caller = self._caller
        with traced(caller.tracer, "Interpreter/Interpret", caller.metadata) as metadata:
            yield from self._attempts(request, deadline, metadata)

    def _attempts(
        self, request: interpreter_pb2.InterpretRequest, deadline: Deadline, metadata: Metadata
    ) -> Iterator[Event]:
        pauses = Pauses(deadline, self._caller.max_attempts)
        accepted = said_something = False
        while True:
            stream = self._interpreter.Interpret(
                request, timeout=deadline.remaining_s(), metadata=metadata
            )
            try:
                for response in stream:
                    event = event_of(response)
                    if event is None or (accepted and isinstance(event, Accepted)):
                        continue
                    accepted = accepted or isinstance(event, Accepted)
                    said_something = said_something or not isinstance(event, Accepted)
                    yield event
                return
            except grpc.RpcError as rpc_error:
                error = from_rpc_error(rpc_error)
                if said_something:
                    raise error from rpc_error
                pauses.wait_after(error)
            finally:
                stream.cancel()

    def _find(self, image_id: str, deadline: Deadline) -> ImageInfo | None:
        request = images_pb2.GetImageRequest(image_id=image_id)
        try:
            response = self._caller.call(
                "Images/GetImage", self._images.GetImage, lambda: request, deadline
            )
        except ClientError as error:
            if error.code == "NOT_FOUND":
                return None
            raise
        found = image_info(response.image)
        dies_soon = 0 < found.expires_at_ms < time.time() * 1000 + _NEEDED_LIFE_MS
        return None if dies_soon else found


def _check_choice(value: str | None, choices: Collection[str | None], field: str) -> None:
    if value not in choices:
        names = ", ".join(name for name in choices if name)
        raise invalid_input(f"unknown {field} {value!r}", field, names)
