"""The reasoner: hybrid fusion, region tokens and the language model.

``ReasonerNetwork`` is what is trained; ``ReasonerModel`` decodes with it, greedily, several
requests in step. The state kept for a ``[SEG]`` is the post-norm hidden state that *predicts* it.

B batch, N grid cells, P prompt tokens, R regions, L sequence, D width, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from earthgptx.kept_within import KeptWithin
from earthgptx.model.errors import ModelInputError
from earthgptx.model.features import ImageFeatures, PromptFeatures
from earthgptx.model.hybrid_fusion import HybridFusion
from earthgptx.model.language_model import (
    QuestionIds,
    Words,
    build_language_model,
    prefix_embeddings,
)
from earthgptx.model.prefixes import LookedUp, Prefix, begun_with, content_key, read_prefix
from earthgptx.model.presets import ModelConfig
from earthgptx.model.region_features import RegionFeatures
from earthgptx.model.tallies import Tallies, Tally
from earthgptx.model.word_lookup import WordLookup

if TYPE_CHECKING:
    from earthgptx.model.adapters import Adapters


def build_fusion(config: ModelConfig) -> HybridFusion:
    """The hybrid block between experts and language model."""
    return HybridFusion(
        config.grid_channels,
        config.grid_side,
        config.prompt_width,
        config.hybrid_heads,
        config.image_tokens_side,
        config.summary_tokens,
        config.width,
    )


def build_region_features(config: ModelConfig) -> RegionFeatures:
    """What makes the regions' tokens."""
    return RegionFeatures(config.pyramid_channels, config.prompt_width, config.width)


class ReasonerNetwork(nn.Module):
    """All that the reasoner stage holds."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.fusion = build_fusion(config)
        self.regions = build_region_features(config)
        labels = len(config.tallied_labels)
        self.tallies = Tallies(labels, config.prompt_width, config.width) if labels else None
        self.lookup = WordLookup(config.width) if labels else None
        self.language: PreTrainedModel = build_language_model(config)

    def understand(
        self, grid_BNC: Tensor, prompts_BPD: Tensor | None, valid_BP: Tensor | None = None
    ) -> Understood:
        """Image and prompts as the language model reads them; see ``HybridFusion.forward``."""
        hybrid_BND, tokens_BTO = self.fusion(grid_BNC, prompts_BPD, valid_BP)
        if self.tallies is None:
            return Understood(hybrid_BND, tokens_BTO, None, None)
        tally = self.tallies.count(hybrid_BND)
        written_BSO = self.tallies.write(tally)
        counted_BSO = self.tallies.tokens(written_BSO, self._names())
        tokens_BTO = torch.cat([tokens_BTO, counted_BSO.to(tokens_BTO.dtype)], dim=1)
        return Understood(hybrid_BND, tokens_BTO, tally, written_BSO)

    def look_up(self, words_BLO: Tensor, written_BSO: Tensor | None) -> Tensor:
        """Embeddings of a question's words with what they look up; see ``WordLookup``."""
        if self.lookup is None or written_BSO is None:
            return words_BLO
        found_BLO = self.lookup(words_BLO, self._names(), written_BSO)
        return words_BLO + found_BLO.to(words_BLO.dtype)

    def _names(self) -> Tensor:
        assert self.tallies is not None
        return self.tallies.names(self.language.get_input_embeddings().weight)


@dataclass(frozen=True)
class Understood:
    """An image, with its prompts, understood.

    Attributes:
        hybrid_BND: on the grid.
        tokens_BTO: for the language model: grid, summary, tallies.
        tally: what was counted, where the configuration counts anything.
        written_BSO: the numbers as words of a question may look them up.
    """

    hybrid_BND: Tensor
    tokens_BTO: Tensor
    tally: Tally | None
    written_BSO: Tensor | None


@dataclass(frozen=True)
class ReasonerInput:
    """One request: features, marks, and the user's words.

    Attributes:
        owner: whose features these are; what is kept of them serves this owner alone.
    """

    image: ImageFeatures
    prompts: PromptFeatures | None
    modality: str | None
    question: str
    owner: str = ""


@dataclass(frozen=True)
class StepOutput:
    """What one decoding step gave one request.

    Attributes:
        row: index of the request in the list given to ``open``.
        text: text made since the last step (may be empty while a character is incomplete).
        seg_state: [D] if this step's token is ``[SEG]``, else None.
        phrase: the words in the ``<p></p>`` right before a ``[SEG]``.
        finished: why the answer ended, or None while it goes on.
    """

    row: int
    text: str
    seg_state: Tensor | None
    phrase: str
    finished: Literal["stop", "length"] | None
    prompt_tokens: int
    new_tokens: int


@dataclass
class _Row:
    number: int
    prompt_tokens: int
    ids: list[int] = field(default_factory=list)
    told: str = ""


class ReasonerModel:
    """The reasoner stage's model.

    Args:
        network: with parameters of ``dtype`` (or quantised); rotary tables stay in float32.
        adapters: of its language model; None knows none.
        prefix_limit_bytes: memory for what was read of images and marks before, on ``device``; 0
            keeps nothing.
    """

    def __init__(
        self,
        network: ReasonerNetwork,
        words: Words,
        device: torch.device,
        dtype: torch.dtype,
        adapters: Adapters | None = None,
        prefix_limit_bytes: int = 0,
    ) -> None:
        self.network = network.to(device).eval()
        self.words = words
        self.device = device
        self.dtype = dtype
        self._adapters = adapters
        self._prefixes: KeptWithin[Prefix] = KeptWithin(prefix_limit_bytes)
        self.default_max_new_tokens = network.config.max_new_tokens
        self.context_tokens = network.config.language.context_tokens

    def open(self, inputs: list[ReasonerInput], max_new_tokens: int, adapter: str = "") -> Decoding:
        """Starts answering several requests together, with one adapter or ("") none.

        Raises:
            ModelInputError: a question does not fit into the context, or there is no such adapter.
        """
        if self._adapters is not None and adapter:
            self._adapters.load(adapter)
        elif adapter:
            raise ModelInputError("no adapters are kept here", field="adapter", limit="none")
        self.use(adapter)
        with torch.inference_mode():
            prefixes = [self._read(request, adapter) for request in inputs]
            asked = [
                self._ask(request.question, prefix, max_new_tokens)
                for request, prefix in zip(inputs, prefixes, strict=True)
            ]
            return Decoding(self, prefixes, asked, max_new_tokens, adapter)

    def use(self, adapter: str) -> None:
        """From now on the language model answers with this adapter, which was loaded."""
        if self._adapters is not None:
            self._adapters.use(adapter)

    def adapter_version(self, adapter: str) -> str:
        """What to add to the version of the weights: ``+name-digest``; "" for no adapter."""
        if self._adapters is None or not adapter:
            return ""
        return f"+{adapter}-{self._adapters.digest(adapter)}"

    def _read(self, request: ReasonerInput, adapter: str) -> Prefix:
        """What comes before the question, read now or before."""
        language = self.network.language
        if not self._prefixes.limit_bytes:
            return read_prefix(language, *self.embed_prefix(request))
        content = content_key(request.image, request.prompts)
        key = (request.owner, content, request.modality, self.adapter_version(adapter))
        prefix = self._prefixes.find(key)
        if prefix is None:
            prefix = read_prefix(language, *self.embed_prefix(request))
            self._prefixes.keep(key, prefix, prefix.size_bytes)
        return prefix

    def embed_prefix(self, request: ReasonerInput) -> tuple[Tensor, LookedUp]:
        """Embeddings [L, D] of what comes before the question; what its words may look up."""
        image = request.image.to(self.device, self.dtype)
        prompts_1PD = regions_RD = None
        if request.prompts is not None:
            prompts = request.prompts.to(self.device, self.dtype)
            prompts_1PD = torch.cat([prompts.map_MD, prompts.regions_RD]).unsqueeze(0)
        understood = self.network.understand(image.grid_NC.unsqueeze(0), prompts_1PD)
        if request.prompts is not None:
            regions_RD = self.network.regions(
                understood.hybrid_BND,
                tuple(m.unsqueeze(0) for m in image.pyramid),
                prompts.regions_RD.unsqueeze(0),
                prompts.weights_RGG.unsqueeze(0),
                prompts.places_R4.unsqueeze(0),
            )[0]
        embedded_LD = prefix_embeddings(
            self.network.language,
            self.words,
            understood.tokens_BTO[0],
            () if regions_RD is None else tuple(regions_RD),
            request.modality,
        )
        written_BSO = understood.written_BSO
        written_SD = None if written_BSO is None else written_BSO[0]
        return embedded_LD, LookedUp(written_SD, regions_RD)

    def _ask(self, words: str, prefix: Prefix, max_new_tokens: int) -> Tensor:
        """Embeddings [L, D] of the question."""
        regions_RD = prefix.looked_up.regions_RD
        asked = self.words.question_ids(words, 0 if regions_RD is None else len(regions_RD))
        room = self.context_tokens - max_new_tokens - prefix.tokens
        if len(asked.ids) > room:
            raise ModelInputError(
                f"the question has {len(asked.ids)} tokens; {max(room, 0)} fit beside the image, "
                f"the regions and {max_new_tokens} new tokens",
                field="question",
                limit=f"{max(room, 0)} tokens",
            )
        return self.embed_question(asked, prefix.looked_up)

    def embed_question(self, asked: QuestionIds, looked_up: LookedUp) -> Tensor:
        """Embeddings [L, D] of a question with what its words look up."""
        ids_L = torch.tensor(asked.ids, device=self.device)
        asked_LD: Tensor = self.network.language.get_input_embeddings()(ids_L).to(self.dtype)
        if looked_up.written_SD is not None:
            written_1SD = looked_up.written_SD.unsqueeze(0)
            asked_LD = self.network.look_up(asked_LD.unsqueeze(0), written_1SD)[0]
        if looked_up.regions_RD is not None and asked.region_columns:
            columns, regions = zip(*asked.region_columns, strict=True)
            asked_LD[list(columns)] = looked_up.regions_RD[list(regions)]
        return asked_LD


class Decoding:
    """Several answers being made in step; one ``step`` makes one token for each."""

    def __init__(
        self,
        model: ReasonerModel,
        prefixes: list[Prefix],
        asked: list[Tensor],
        max_new_tokens: int,
        adapter: str,
    ) -> None:
        self._model = model
        self._adapter = adapter
        self._limit = max_new_tokens
        self._rows = [
            _Row(i, prefix.tokens + asked_LD.shape[0])
            for i, (prefix, asked_LD) in enumerate(zip(prefixes, asked, strict=True))
        ]
        self._cache, read_BL = begun_with(model.network.language, prefixes)
        # Left padding keeps every row's newest token in the last column.
        flipped = pad_sequence([asked_LD.flip(0) for asked_LD in asked], batch_first=True)
        self._next_BLD = flipped.flip(1)
        lengths = torch.tensor([asked_LD.shape[0] for asked_LD in asked], device=model.device)
        columns = torch.arange(self._next_BLD.shape[1], device=model.device)
        asked_BL = columns >= (self._next_BLD.shape[1] - lengths).unsqueeze(1)
        self._seen_BL = torch.cat([read_BL, asked_BL], dim=1)

    @property
    def done(self) -> bool:
        """True once no answer goes on."""
        return not self._rows

    @property
    def active_rows(self) -> tuple[int, ...]:
        """Requests still being answered."""
        return tuple(row.number for row in self._rows)

    def drop(self, row: int) -> None:
        """Forgets a request (its caller went away); unknown rows are ignored."""
        self._keep([i for i, r in enumerate(self._rows) if r.number != row])

    @torch.inference_mode()
    def step(self) -> list[StepOutput]:
        """Makes one token for every request that is still going."""
        if not self._rows:
            return []
        # Open batches take turns at the model, each with its own adapter.
        self._model.use(self._adapter)
        language = self._model.network.language
        positions_BL = (self._seen_BL.cumsum(1) - 1).clamp_min(0)[:, -self._next_BLD.shape[1] :]
        hidden_BLD = language.base_model(
            inputs_embeds=self._next_BLD,
            attention_mask=self._seen_BL.long(),
            position_ids=positions_BL,
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state
        last_BD = hidden_BLD[:, -1]
        chosen_B = language.get_output_embeddings()(last_BD).float().argmax(-1)
        outputs = [
            self._advance(row, int(token), last_BD[i])
            for i, (row, token) in enumerate(zip(self._rows, chosen_B.tolist(), strict=True))
        ]
        embedded_BD = language.get_input_embeddings()(chosen_B).to(self._model.dtype)
        self._next_BLD = embedded_BD.unsqueeze(1)
        one_more = torch.ones_like(self._seen_BL[:, :1])
        self._seen_BL = torch.cat([self._seen_BL, one_more], dim=1)
        self._keep([i for i, output in enumerate(outputs) if output.finished is None])
        return outputs

    def _advance(self, row: _Row, token: int, hidden_D: Tensor) -> StepOutput:
        words = self._model.words
        finished: Literal["stop", "length"] | None = None
        if token == words.eos:
            finished = "stop"
        else:
            row.ids.append(token)
            if len(row.ids) >= self._limit:
                finished = "length"
        whole = words.text(row.ids)
        # A byte-level token may end inside a character; hold it back until it is whole.
        ready = whole if finished else whole.rstrip("\ufffd")
        delta = ready[len(row.told) :]
        row.told = ready
        is_seg = token == words.seg
        return StepOutput(
            row=row.number,
            text=delta,
            seg_state=hidden_D.clone() if is_seg else None,
            phrase=_phrase_before(ready) if is_seg else "",
            finished=finished,
            prompt_tokens=row.prompt_tokens,
            new_tokens=len(row.ids),
        )

    def _keep(self, indices: list[int]) -> None:
        if len(indices) == len(self._rows):
            return
        self._rows = [self._rows[i] for i in indices]
        if not indices:
            return
        keep = torch.tensor(indices, device=self._model.device)
        self._next_BLD = self._next_BLD[keep]
        self._seen_BL = self._seen_BL[keep]
        self._cache.batch_select_indices(keep)


def _phrase_before(text: str) -> str:
    """The words of the last ``<p>...</p>`` in ``text``; empty if there is none."""
    start = text.rfind("<p>")
    end = text.rfind("</p>")
    return text[start + 3 : end].strip() if 0 <= start < end else ""
