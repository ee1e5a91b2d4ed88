import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from earthgptx.data.coco_folder import DataError, read_coco_folder, split_by_group
from earthgptx.data.coco_writer import main, write_coco_folder
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.imagery.masks import decode_rle


def _write(folder: Path, image: dict[str, Any], annotations: list[dict[str, Any]]) -> None:
    (folder / "images").mkdir(parents=True)
    Image.fromarray(np.full((40, 50), 7, np.uint8)).save(folder / "images" / "a.png")
    told = {"id": 1, "file_name": "a.png", "width": 50, "height": 40, "modality": "infrared"}
    names = ("other_vehicle", "dont_care", "T72")
    content = {
        "info": {"set": folder.name, "licence": "CC0-1.0"},
        "images": [{**told, **image}],
        "categories": [{"id": n, "name": name} for n, name in enumerate(names, 1)],
        "annotations": [{"id": n, "image_id": 1, **a} for n, a in enumerate(annotations, 1)],
    }
    (folder / "annotations.json").write_text(json.dumps(content))


def _one(folder: Path, image: dict[str, Any], annotations: list[dict[str, Any]]) -> LabelledImage:
    _write(folder, image, annotations)
    return read_coco_folder(folder)[0]


CAR = {"category_id": 1, "bbox": [10, 5, 20, 10]}


def test_names_become_words_and_boxes_corners(tmp_path: Path) -> None:
    image = _one(tmp_path / "set", {"scene": "flight 1"}, [CAR])
    assert image.objects[0].label == "other vehicle"
    assert image.objects[0].box_xyxy_px == (10, 5, 30, 15)
    assert image.group == "flight 1" and image.scene is None
    assert image.exhaustive == {"other vehicle", "t72"}
    assert image.load_pixels().shape == (40, 50, 1)


def test_what_is_to_be_ignored_is_no_object_and_makes_counts_unsure(tmp_path: Path) -> None:
    ignored = {"category_id": 2, "bbox": [1, 1, 4, 4], "ignore": 1}
    crowd = {"category_id": 1, "bbox": [1, 1, 4, 4], "iscrowd": 1}
    image = _one(tmp_path / "set", {}, [CAR, ignored, crowd])
    assert [thing.label for thing in image.objects] == ["other vehicle"]
    assert image.exhaustive == frozenset()


@pytest.mark.parametrize(
    ("name", "image"), [("set", {"labelled": False}), ("buildings", {}), ("trees_nir", {})]
)
def test_incomplete_labels_are_not_said_to_be_complete(
    tmp_path: Path, name: str, image: dict[str, Any]
) -> None:
    assert _one(tmp_path / name, image, [CAR]).exhaustive == frozenset()


def test_a_label_of_the_whole_image_is_no_object(tmp_path: Path) -> None:
    image = _one(tmp_path / "set", {}, [{"category_id": 3, "scope": "image"}])
    assert (image.image_label, image.objects, image.exhaustive) == ("t72", (), frozenset())


def test_a_point_becomes_a_box_of_a_tree_crown(tmp_path: Path) -> None:
    tree = {"category_id": 1, "point": [20.0, 10.0]}
    image = _one(tmp_path / "set", {"gsd_m": 0.6}, [tree])
    assert image.objects[0].box_xyxy_px == (15, 5, 25, 15)


def test_polygons_and_run_lengths_are_both_masks(tmp_path: Path) -> None:
    drawn = np.zeros((40, 50), np.uint8, order="F")
    drawn[5:15, 10:30] = 1
    packed = coco_mask.encode(drawn)
    runs = {"size": packed["size"], "counts": packed["counts"].decode()}
    polygon = [[10, 5, 30, 5, 30, 15, 10, 15]]
    both = [{**CAR, "segmentation": polygon}, {**CAR, "segmentation": runs, "stuff": True}]
    image = _one(tmp_path / "set", {}, both)
    for thing in image.objects:
        assert thing.mask is not None
        assert (decode_rle(40, 50, str(thing.mask["counts"])) == (drawn > 0)).all()
    assert [thing.stuff for thing in image.objects] == [False, True]


def test_bands_that_nobody_sees_are_left_out(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    bands_CHW = np.arange(4, dtype=np.uint8)[:, None, None].repeat(40, 1).repeat(50, 2)
    (tmp_path / "set" / "images").mkdir(parents=True)
    for count in (2, 4):
        path = tmp_path / f"{count}.tif"
        transform = rasterio.Affine(1, 0, 5, 0, -1, 9)
        profile = {"driver": "GTiff", "width": 50, "height": 40, "dtype": "uint8"}
        with rasterio.open(path, "w", count=count, transform=transform, **profile) as file:
            file.write(bands_CHW[:count] * 10)
    folder = tmp_path / "made"
    _write(folder, {"file_name": "a.tif"}, [])
    (folder / "images" / "a.tif").write_bytes((tmp_path / "4.tif").read_bytes())
    assert read_coco_folder(folder)[0].load_pixels()[0, 0].tolist() == [0, 10, 20]
    (folder / "images" / "a.tif").write_bytes((tmp_path / "2.tif").read_bytes())
    assert read_coco_folder(folder)[0].load_pixels()[0, 0].tolist() == [5]


def test_broken_folders_are_refused_with_the_name_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"annotations\.json"):
        read_coco_folder(tmp_path)
    (tmp_path / "annotations.json").write_text("{")
    with pytest.raises(DataError, match=r"annotations\.json"):
        read_coco_folder(tmp_path)
    _write(tmp_path / "set", {"width": "wide"}, [CAR])
    with pytest.raises(DataError, match="image 1"):
        read_coco_folder(tmp_path / "set")
    missing = _one(tmp_path / "other", {"file_name": "b.png"}, [])
    with pytest.raises(DataError, match=r"b\.png"):
        missing.load_pixels()


def test_scenes_come_back_as_they_were_written(tmp_path: Path) -> None:
    scenes = [generate_scene(5, 96).labelled("optical"), generate_scene(6, 96).labelled("sar")]
    assert write_coco_folder(scenes, tmp_path) == 2
    for scene, image in zip(scenes, read_coco_folder(tmp_path), strict=True):
        assert image.objects == scene.objects
        assert image.relations == scene.relations
        assert (image.exhaustive, image.scene) == (scene.exhaustive, scene.scene)
        assert (image.group, image.gsd_m) == (scene.group, scene.gsd_m)
        assert (image.load_pixels() == scene.load_pixels()).all()
    with pytest.raises(FileExistsError):
        write_coco_folder(scenes, tmp_path)


def test_the_command_writes_scenes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given_words = f"--synthetic {tmp_path / 'out'} --count 3 --modality mixed --size-px 64"
    assert main(given_words.split()) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 3
    modalities = [image.modality for image in read_coco_folder(tmp_path / "out")]
    assert modalities == ["optical", "sar", "infrared"]


def _grouped(groups: list[str | None]) -> list[LabelledImage]:
    return [
        LabelledImage(
            f"image {n}", "s", "l", "sar", 8, 8, lambda: np.zeros((8, 8, 1), np.uint8), group=group
        )
        for n, group in enumerate(groups)
    ]


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=1, max_size=60),
    st.integers(0, 9),
)
def test_groups_stay_on_one_side_and_the_split_never_changes(groups: list[str], seed: int) -> None:
    made = _grouped(list(groups))
    train, val = split_by_group(made, 0.2, seed)
    assert sorted(i.image_id for i in train + val) == sorted(i.image_id for i in made)
    if len(set(groups)) > 1:
        assert {i.group for i in train}.isdisjoint(i.group for i in val)
    again = split_by_group(list(reversed(made)), 0.2, seed)[1]
    assert {i.image_id for i in again} == {i.image_id for i in val}
    assert len(val) <= 2 * 0.2 * len(made)
