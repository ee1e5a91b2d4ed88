"""The work of the reasoner: features, marks and words in; text and states of masks out.

features fetched -> rows opened together -> one token a step for every row -> [SEG] states stored
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

import torch

from earthgptx.model.checkpoint import load_reasoner, model_version
from earthgptx.model.errors import ModelInputError
from earthgptx.model.features import ImageFeatures, PromptFeatures
from earthgptx.model.presets import ModelConfig
from earthgptx.model.reasoner import Decoding, ReasonerInput, ReasonerModel, StepOutput
from earthgptx.words import is_counted
from shared import rpc_context
from shared.admission import Admission
from shared.errors import InvalidInput, refused_as_invalid_input
from shared.feature_refs import ImageFeatureRefs, PromptFeatureRefs, tenant_of
from shared.feature_tensors import FeatureReader, FeatureShapes
from shared.gathered_text import GatheredText
from shared.settings import ReasonerSettings
from shared.stage_metrics import StageMetrics
from shared.stepwise import StepScheduler
from shared.telemetry import Telemetry
from shared.tensors.open_store import open_store
from shared.tensors.ref import TensorRef
from shared.tensors.store import TensorStore
from shared.tensors.torch_bridge import from_torch, to_torch
from shared.worker_pool import WorkerPool

STAGE = "reasoner"
STORE_THREADS = 4
# Batches that take turns at the model; more requests gather into the next one.
MAX_OPEN_BATCHES = 4
PROBE_TOKENS = 2
# A small model says a word in less time than it takes to send one; a reader sees no difference.
TEXT_EVERY_S = 0.03


@dataclass(frozen=True)
class Question:
    """What is asked. `max_new_tokens` 0 means the model's default, `adapter` "" none."""

    image: ImageFeatureRefs
    prompts: PromptFeatureRefs | None
    text: str
    max_new_tokens: int
    adapter: str


@dataclass(frozen=True)
class Text:
    """Text since the last event, in the model's markup."""

    text: str


@dataclass(frozen=True)
class Seg:
    """The state [D] that predicted the [SEG] of number `index`, for `phrase`.

    `counted` says that the phrase counts things, each of which is to be found.
    """

    index: int
    state: TensorRef
    phrase: str
    counted: bool


@dataclass(frozen=True)
class Finished:
    """Why the answer ended, tokens read and made, and by which weights."""

    reason: Literal["stop", "length"]
    prompt_tokens: int
    new_tokens: int
    version: str


@dataclass(frozen=True)
class _Row:
    """One request for the model."""

    asked: ReasonerInput
    max_new_tokens: int
    adapter: str


class Engine:
    """Model, store and queue of the stage."""

    def __init__(
        self,
        model: ReasonerModel,
        version: str,
        shapes: FeatureShapes,
        store: TensorStore,
        settings: ReasonerSettings,
        telemetry: Telemetry,
    ) -> None:
        """Takes the parts; `open` makes them from settings."""
        metrics = StageMetrics(telemetry.meter, STAGE)
        self._model = model
        self._version = version
        self._store = store
        self._reader = FeatureReader(store, shapes)
        self._ttl_s = settings.tensor_ttl_s
        self._steps: StepScheduler[_Row, StepOutput] = StepScheduler(
            self._open_rows,
            lambda row: (row.max_new_tokens, row.adapter),
            max_batch=settings.max_batch,
            max_open=MAX_OPEN_BATCHES,
            max_wait_s=settings.max_wait_ms / 1000,
            max_queue=settings.max_queue,
            name=STAGE,
            metrics=metrics,
            tracer=telemetry.tracer,
        )
        inside = settings.max_queue + settings.max_batch * MAX_OPEN_BATCHES
        self._admission = Admission(inside, metrics)
        self._pool = WorkerPool(STAGE, STORE_THREADS)

    @classmethod
    def open(cls, settings: ReasonerSettings, telemetry: Telemetry) -> Engine:
        """Loads the weights and opens the store."""
        if settings.threads:
            torch.set_num_threads(settings.threads)
        model = load_reasoner(
            settings.weights_dir,
            settings.device,
            settings.dtype,
            settings.quantisation,
            settings.adapters_dir,
            settings.prefix_limit_bytes,
        )
        version = model_version(settings.weights_dir, STAGE)
        shapes = shapes_of(model.network.config)
        return cls(model, version, shapes, open_store(settings), settings, telemetry)

    async def answer(self, question: Question) -> AsyncGenerator[Text | Seg | Finished, None]:
        """Streams the answer; ends with exactly one `Finished`. Closing it stops the model.

        Raises:
            InvalidInput: The question does not fit, there is no such adapter, or features are not
                this model's.
            TensorGone: Features are no longer there.
            QueueFull: The stage has as much to do as it may.
        """
        limit = self._token_limit(question.max_new_tokens)
        refs = question.image.refs + (question.prompts.refs if question.prompts else ())
        tenant = tenant_of(refs)
        with self._admission.enter():
            with self._steps.announced():
                asked = await self._pool.run(self._fetch, question, tenant)
            segs = 0
            is_read = rpc_context.priority() == "interactive"
            gathered = GatheredText(TEXT_EVERY_S if is_read else None)
            async with aclosing(
                self._steps.stream(_Row(asked, limit, question.adapter))
            ) as outputs:
                async for output in outputs:
                    ends = output.seg_state is not None or output.finished is not None
                    if text := gathered.add(output.text, time.monotonic(), at_once=ends):
                        yield Text(text)
                    if output.seg_state is not None:
                        state = await self._pool.run(self._keep, output.seg_state, tenant)
                        yield Seg(segs, state, output.phrase, is_counted(output.phrase))
                        segs += 1
                    if output.finished is not None:
                        version = self._version + self._model.adapter_version(question.adapter)
                        yield Finished(
                            output.finished, output.prompt_tokens, output.new_tokens, version
                        )

    async def probe(self) -> None:
        """Lets the model say a word or two about nothing, through the queue."""
        shapes = self._reader.shapes
        image = ImageFeatures(
            torch.zeros(shapes.grid), tuple(torch.zeros(level) for level in shapes.pyramid)
        )
        row = _Row(ReasonerInput(image, None, None, "?"), PROBE_TOKENS, "")
        async with aclosing(self._steps.stream(row)) as outputs:
            async for _ in outputs:
                pass

    async def close(self) -> None:
        """Ends the model's thread and the store."""
        await self._steps.close()
        await self._pool.close()
        self._store.close()

    def _token_limit(self, asked: int) -> int:
        if asked >= self._model.context_tokens:
            raise InvalidInput(
                f"max_new_tokens is {asked}",
                field="max_new_tokens",
                limit=f"below the context of {self._model.context_tokens} tokens",
            )
        return asked or self._model.default_max_new_tokens

    def _open_rows(self, rows: list[_Row]) -> Decoding:
        with refused_as_invalid_input(ModelInputError):
            asked = [row.asked for row in rows]
            return self._model.open(asked, rows[0].max_new_tokens, rows[0].adapter)

    def _fetch(self, question: Question, tenant: str) -> ReasonerInput:
        # Only marked regions are looked at on the finer maps.
        marked = question.prompts is not None
        found = self._reader.image(question.image, tenant, with_pyramid=marked)
        grid, *pyramid = map(to_torch, found)
        prompts = None
        if question.prompts is not None:
            prompts = PromptFeatures(*map(to_torch, self._reader.prompts(question.prompts, tenant)))
        image = ImageFeatures(grid, tuple(pyramid))
        return ReasonerInput(image, prompts, question.image.modality, question.text, tenant)

    def _keep(self, state_D: torch.Tensor, tenant: str) -> TensorRef:
        return self._store.put(from_torch(state_D.cpu()), tenant=tenant, ttl_s=self._ttl_s)


def shapes_of(config: ModelConfig) -> FeatureShapes:
    """Shapes of the features a model of this configuration takes."""
    return FeatureShapes(
        grid=(config.grid_side**2, config.grid_channels),
        pyramid=config.pyramid_shapes,
        map_tokens=config.prompt_map_tokens,
        prompt_width=config.prompt_width,
        state_width=config.width,
        fine_side=config.fine_side,
    )
