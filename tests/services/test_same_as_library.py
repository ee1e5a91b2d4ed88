"""The suite answers as the library does in one process, bit for bit."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.imagery.display import to_display
from earthgptx.imagery.marks import BoxMark, PointMark, Region
from earthgptx.imagery.masks import decode_rle, encode_rle
from earthgptx.imagery.read import read_image
from earthgptx.imagery.windows import whole_image
from earthgptx.model.pipeline import EarthGptX
from protos.earthgptx.v1.geometry_pb2 import Window
from protos.earthgptx.v1.image_encoder_pb2 import EncodeImageRequest
from protos.earthgptx.v1.mask_decoder_pb2 import DecodeMasksRequest, MaskQuery
from protos.earthgptx.v1.prompt_encoder_pb2 import EncodePromptsRequest
from protos.earthgptx.v1.reasoner_pb2 import GenerateRequest
from shared.interpretation.answering import tell
from shared.interpretation.events import MaskDrawn
from shared.interpretation.plan import SEGMENT_REGIONS
from shared.stage_clients import StageClients
from tests.earthgptx.imagery.files import tiff
from tests.plans import plan
from tests.services.conftest import Suite
from tests.services.marks import box, point, region
from tests.services.pictures import png

MARK_XYXY_PX = (20.0, 10.0, 50.0, 40.0)
QUESTION = "Segment <Region 1>."


@pytest.fixture(scope="module")
def library(suite: Suite) -> EarthGptX:
    torch.set_num_threads(1)
    return EarthGptX.load(suite.weights_folder)


async def test_words_and_masks_are_those_of_the_library(
    suite: Suite, clients: StageClients, library: EarthGptX
) -> None:
    file = png(96, 64, seed=40)
    pixels_HWC = np.asarray(Image.open(io.BytesIO(file)))
    regions = (Region((BoxMark(*MARK_XYXY_PX),)),)
    expected = library.answer(pixels_HWC, QUESTION, regions, "optical", max_new_tokens=48)
    window = {
        "x0_px": expected.window.x0_px,
        "y0_px": expected.window.y0_px,
        "side_px": expected.window.side_px,
    }

    image = EncodeImageRequest(
        image=suite.put_image(file).to_proto(), modality="MODALITY_OPTICAL", window=window
    )
    encoded = (await clients.image_encoder.EncodeImage(image)).encoded
    marks = EncodePromptsRequest(
        tenant="alpha",
        regions=[region(box(*MARK_XYXY_PX))],
        window=window,
        image_width_px=96,
        image_height_px=64,
    )
    prompts = (await clients.prompt_encoder.EncodePrompts(marks)).encoded
    asked = GenerateRequest(image=encoded, prompts=prompts, question=QUESTION, max_new_tokens=48)
    responses = [response async for response in clients.reasoner.Generate(asked)]

    assert "".join(response.text.text for response in responses) == expected.raw
    states = [r.seg.state for r in responses if r.HasField("seg")]
    queries = [MaskQuery(seg_state=state) for state in states]
    assert queries, "a question about a mask, and no mask was asked for"
    drawn = await clients.mask_decoder.DecodeMasks(
        DecodeMasksRequest(image=encoded, queries=queries)
    )
    assert [mask.mask.counts for mask in drawn.masks] == [
        encode_rle(mask.mask_HW)[2] for mask in expected.masks
    ]
    # Scores travel as 32-bit floats, which they are.
    assert [mask.score for mask in drawn.masks] == [
        np.float32(mask.score) for mask in expected.masks
    ]

    (bare,) = library.segment_regions(pixels_HWC, regions)
    by_region = await clients.mask_decoder.DecodeMasks(
        DecodeMasksRequest(image=encoded, prompts=prompts, queries=[MaskQuery(region_index=0)])
    )
    assert by_region.masks[0].mask.counts == encode_rle(bare.mask_HW)[2]


async def test_what_is_clicked_is_drawn_from_as_near_as_the_library_does(
    suite: Suite, clients: StageClients, library: EarthGptX
) -> None:
    scene = generate_scene(910_106, 256)
    pixels_HWC = scene.render("optical")
    file = io.BytesIO()
    Image.fromarray(pixels_HWC).save(file, "PNG")
    car = next(thing for thing in scene.labelled("optical").objects if thing.label == "vehicle")
    x0, y0, x1, y1 = car.box_xyxy_px
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    regions = (Region((PointMark(x, y),)),)
    (near,) = library.segment_regions(pixels_HWC, regions)
    (far,) = library.segment_regions(pixels_HWC, regions, window=whole_image(256, 256))
    assert (near.mask_HW != far.mask_HW).any()

    asked = plan(
        task=SEGMENT_REGIONS,
        image=suite.put_image(file.getvalue()).to_proto(),
        image_width_px=256,
        image_height_px=256,
        window=Window(side_px=256),
        question="",
        regions=(region(point(x, y)),),
    )
    for closer_looks, expected in ((2, near), (0, far)):
        looking = replace(asked, closer_looks=closer_looks)
        told = [event async for event in tell(clients, looking)]
        (mask,) = (event for event in told if isinstance(event, MaskDrawn))
        assert mask.counts == encode_rle(expected.mask_HW)[2]
        assert mask.score == np.float32(expected.score)


async def test_where_an_image_has_no_data_neither_draws_a_mask(
    suite: Suite, clients: StageClients, library: EarthGptX
) -> None:
    pixels_HWC = np.array(Image.open(io.BytesIO(png(96, 64, seed=41))))
    pixels_HWC += pixels_HWC == 0
    # A gap through what is marked, too narrow for the model to draw around it.
    pixels_HWC[:, 30:32] = 0
    file = tiff(pixels_HWC.transpose(2, 0, 1), nodata=0)
    shown = to_display(read_image(file), "optical")
    assert shown.valid_HW is not None
    regions = (Region((BoxMark(*MARK_XYXY_PX),)),)
    (blind,) = library.segment_regions(shown.pixels_HWC, regions)
    (seeing,) = library.segment_regions(shown.pixels_HWC, regions, valid_HW=shown.valid_HW)
    assert (blind.mask_HW & ~shown.valid_HW).any()
    np.testing.assert_array_equal(seeing.mask_HW, blind.mask_HW & shown.valid_HW)

    image = EncodeImageRequest(image=suite.put_image(file).to_proto(), modality="MODALITY_OPTICAL")
    marks = EncodePromptsRequest(
        tenant="alpha",
        regions=[region(box(*MARK_XYXY_PX))],
        image_width_px=96,
        image_height_px=64,
    )
    prompts = (await clients.prompt_encoder.EncodePrompts(marks)).encoded
    for from_cache in (False, True):
        response = await clients.image_encoder.EncodeImage(image)
        assert response.from_cache == from_cache
        drawn = await clients.mask_decoder.DecodeMasks(
            DecodeMasksRequest(
                image=response.encoded, prompts=prompts, queries=[MaskQuery(region_index=0)]
            )
        )
        (mask,) = drawn.masks
        assert mask.mask.counts == encode_rle(seeing.mask_HW)[2]
        drawn_HW = decode_rle(64, 96, mask.mask.counts)
        assert mask.area_px == drawn_HW.sum()
        assert not drawn_HW[:, 30:32].any()
