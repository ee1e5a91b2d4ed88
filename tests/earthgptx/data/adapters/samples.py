"""Tiny datasets in exactly the formats of the public ones: names, folders, encodings, frames.

Each function of ``SAMPLES`` writes one into an empty folder and returns the path to open. The
numbers in them are small; their form is that of the files that the sets' own loaders read.
"""

import json
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from tests.earthgptx.data.adapters.pictures import (
    HEIGHT,
    WIDTH,
    deep_picture,
    mask_picture,
    picture,
)

Numbers = Sequence[float]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    write(path, json.dumps(content))


def rle(x0: int, y0: int, x1: int, y1: int) -> dict[str, Any]:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    drawn[y0:y1, x0:x1] = 1
    packed = coco_mask.encode(drawn)
    return {"size": packed["size"], "counts": packed["counts"].decode()}


# ------------------------------------------------------------------------------------- PASCAL VOC


def voc_object(name: str, box: Numbers, extra: str = "") -> str:
    xmin, ymin, xmax, ymax = box
    return (
        f"<object><name>{name}</name><pose>Unspecified</pose><bndbox><xmin>{xmin}</xmin>"
        f"<ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>{extra}</object>"
    )


def voc(path: Path, filename: str, objects: Sequence[str]) -> None:
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
    head = f"<annotation><filename>{filename}</filename>{size}<segmented>0</segmented>"
    declared = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    write(path, declared + head + "".join(objects) + "</annotation>")


def dior(root: Path) -> Path:
    names = ("left_top", "right_top", "right_bottom", "left_bottom")
    corners = ((12, 10), (40, 14), (38, 28), (10, 24))
    inner = "".join(
        f"<x_{name}>{x}</x_{name}><y_{name}>{y}</y_{name}>"
        for name, (x, y) in zip(names, corners, strict=True)
    )
    turned = "".join(
        f"<object><name>{name}</name><angle>0</angle><robndbox>{inner}</robndbox></object>"
        for name in ("golffield", "Expressway-Service-area")
    )
    upright = [
        voc_object("golffield", (10, 10, 40, 28)),
        voc_object("Expressway-Service-area", (50, 5, 80, 30)),
    ]
    folder = root / "Annotations"
    for image_id in ("00001", "00002", "11726"):
        voc(folder / "Horizontal Bounding Boxes" / f"{image_id}.xml", f"{image_id}.jpg", upright)
    voc(folder / "Oriented Bounding Boxes" / "00001.xml", "00001.jpg", [turned])
    for split, image_id in (("train", "00001"), ("val", "00002"), ("test", "11726")):
        write(root / "ImageSets" / "Main" / f"{split}.txt", f"{image_id}\n")
        part = "test" if split == "test" else "trainval"
        picture(root / f"JPEGImages-{part}" / f"{image_id}.jpg")
    return root


def dior_rsvg(root: Path) -> Path:
    said = ("A green and brown golf field", "The vehicle on the right")
    things = [("golffield", (10, 10, 40, 28)), ("vehicle", (50, 5, 60, 12))]
    objects = [
        voc_object(name, box, f"<description>{text}</description>")
        for (name, box), text in zip(things, said, strict=True)
    ]
    voc(root / "Annotations" / "00001.xml", "00001.jpg", objects)
    voc(root / "Annotations" / "00004.xml", "00004.jpg", objects[:1])
    for name in ("00001", "00004"):
        picture(root / "JPEGImages" / f"{name}.jpg")
    # Expressions 0 and 1 are of the first file, 2 of the second.
    for split, numbers in (("train", "0\n2\n"), ("val", "1\n"), ("test", "")):
        write(root / f"{split}.txt", numbers)
    return root


def ssdd(root: Path) -> Path:
    corners = ((10, 20), (30, 24), (28, 34), (8, 30))
    turned = "".join(f"<x{k}>{x}</x{k}><y{k}>{y}</y{k}>" for k, (x, y) in enumerate(corners, 1))
    rotated = (
        "<rotated_bndbox><rotated_bbox_cx>19</rotated_bbox_cx><rotated_bbox_cy>27"
        f"</rotated_bbox_cy><rotated_bbox_theta>11</rotated_bbox_theta>{turned}</rotated_bndbox>"
    )
    outline = "<segm>" + "".join(f"<point>{x},{y}</point>" for x, y in corners) + "</segm>"
    folder = root / "BBox_RBox_PSeg_SSDD" / "voc_style"
    for image_id, split in (("000001", "test"), ("000002", "train")):
        ship = voc_object("ship", (8, 20, 30, 34), rotated + outline)
        voc(folder / "Annotations" / f"{image_id}.xml", f"{image_id}.jpg", [ship])
        picture(folder / "JPEGImages" / f"{image_id}.jpg", grey=True)
        write(folder / "ImageSets" / "Main" / f"{split}.txt", f"{image_id}\n")
    return root


def msar(root: Path) -> Path:
    for name, label in (("01", "oiltank"), ("02", "bridge")):
        voc(
            root / "Annotations" / f"{name}.xml", f"{name}.jpg", [voc_object(label, (3, 4, 20, 18))]
        )
        picture(root / "JPEGImages" / f"{name}.jpg", grey=True)
    return root


def dota(root: Path) -> Path:
    plane = "30.0 10.0 50.0 12.0 48.0 30.0 28.0 28.0 plane 0"
    over_the_border = "-4.0 40.0 20.0 40.0 20.0 55.0 -4.0 55.0 small-vehicle 1"
    head = "imagesource:GoogleEarth\ngsd:0.146343590398\n"
    write(root / "train" / "labelTxt" / "P0000.txt", f"{head}{plane}\n{over_the_border}\n")
    write(root / "val" / "labelTxt" / "P0003.txt", f"imagesource:GF2\ngsd:null\n{plane}\n")
    picture(root / "train" / "images" / "P0000.png")
    picture(root / "val" / "images" / "P0003.png")
    return root


# -------------------------------------------------------------------------------------------- COCO


def coco_image(number: int, name: str, key: str = "file_name") -> dict[str, Any]:
    return {"id": number, key: name, "width": WIDTH, "height": HEIGHT}


def coco_annotation(number: int, image: int, category: int, box: Numbers, **more: Any) -> Any:
    area = box[2] * box[3]
    told = {"id": number, "image_id": image, "category_id": category, "bbox": list(box)}
    return {**told, "area": area, "iscrowd": 0, **more}


def hrsid(root: Path) -> Path:
    outline = [[10, 10, 30, 10, 30, 20, 10, 20]]
    for split, name in (("train", "P0001_0_800_8400_9200"), ("test", "P0002_0_800_0_800")):
        ship = coco_annotation(1, 0, 1, (10, 10, 20, 10), segmentation=outline)
        content = {
            "images": [coco_image(0, f"{name}.jpg")],
            "type": "instances",
            "annotations": [ship],
            "categories": [{"supercategory": "none", "id": 1, "name": "ship"}],
        }
        write_json(root / "annotations" / f"{split}2017.json", content)
        picture(root / "JPEGImages" / f"{name}.jpg", grey=True)
    return root


def sardet_100k(root: Path) -> Path:
    names = ("ship", "aircraft", "car", "tank", "bridge", "harbor")
    categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    for split, name in (("train", "0000002"), ("val", "0000003"), ("test", "0000004")):
        tank = coco_annotation(7, 5, 3, (40, 20, 12, 12), segmentation=[])
        content = {
            "images": [coco_image(5, f"{name}.png")],
            "annotations": [tank],
            "categories": categories,
        }
        write_json(root / "Annotations" / f"{split}.json", content)
        picture(root / "JPEGImages" / split / f"{name}.png", grey=True)
    return root


def hit_uav(root: Path) -> Path:
    names = ("Person", "Car", "Bicycle", "OtherVehicle", "DontCare")
    for number, (split, frame) in enumerate((("train", "04077"), ("val", "01343"), ("test", "0"))):
        boxes = [(1, (40.0, 30.0, 20.0, 10.0, 0.0)), (3, (20.0, 20.0, 20.0, 10.0, np.pi / 2))]
        if split == "val":
            boxes.append((4, (60.0, 40.0, 6.0, 6.0, 0.0)))
        found = [
            {"id": k, "image_id": number, "category_id": c, "difficult": False, "bbox": list(box)}
            for k, (c, box) in enumerate(boxes)
        ]
        name = f"1_80_90_0_{frame}.jpg"
        frame_told = {**coco_image(number, name, "filename"), "depth": 1, "altitude": "80"}
        content = {
            "images": [frame_told],
            "categories": [{"id": k, "name": label} for k, label in enumerate(names)],
            "annotations": found,
        }
        write_json(root / "rotate_json" / "annotations" / f"{split}.json", content)
        picture(root / "rotate_json" / split / name, grey=True)
    return root


def hit_uav_normal(root: Path) -> Path:
    """The other half of the release: ``annotation``, no categories, boxes from the corner."""
    for split, file in (("train", "train"), ("val", "instances_val"), ("test", "test")):
        name = f"0_60_30_0_{len(split):05d}.jpg"
        car = coco_annotation(0, 0, 1, (30, 25, 20, 10), segmentation=[])
        content = {"images": [coco_image(0, name, "filename")], "annotation": [car]}
        write_json(root / "normal_json" / "annotations" / f"{file}.json", content)
        picture(root / "normal_json" / split / name, grey=True)
    return root


def coco(root: Path) -> Path:
    content = {
        "images": [{**coco_image(3, "harbour.png"), "modality": "sar", "gsd_m": 3.0}],
        "annotations": [
            coco_annotation(1, 3, 2, (5, 6, 20, 10), segmentation=rle(5, 6, 25, 16)),
            coco_annotation(2, 3, 2, (40, 6, 20, 10)),
        ],
        "categories": [{"id": 2, "name": "Cargo_Ship"}],
    }
    write_json(root / "own.json", content)
    picture(root / "images" / "harbour.png", grey=True)
    return root / "own.json"


# -------------------------------------------------------------------------------------- referring


def rrsis_d(root: Path) -> Path:
    names = ("Expressway-Service-area", "baseballfield")
    instances = {
        "images": [coco_image(1, "00001.jpg"), coco_image(2, "00002.jpg")],
        "categories": [{"name": name, "id": number} for number, name in enumerate(names)],
        "annotations": [
            {
                "bbox": [10, 8, 30, 20],
                "categories_id": number,
                "id": number + 1,
                "image_id": number + 1,
                "segmentation": [rle(10, 8, 30, 20)],
                "area": 240,
            }
            for number in (0, 1)
        ],
    }
    said = ("The expressway service area on the left", "The baseball field on the top")
    references = [
        {
            "image_id": number,
            "split": split,
            "sentences": [
                {"tokens": text.split(), "raw": text, "sent_id": number, "sent": text.lower()}
            ],
            "file_name": f"0000{number}.jpg",
            "category_id": number - 1,
            "ann_id": number,
            "sent_ids": [number],
            "ref_id": number,
        }
        for number, split, text in ((1, "train", said[0]), (2, "test", said[1]))
    ]
    write_json(root / "rrsisd" / "instances.json", instances)
    (root / "rrsisd" / "refs(unc).p").write_bytes(pickle.dumps(references, protocol=3))
    for number in (1, 2):
        picture(root / "images" / "rrsisd" / "JPEGImages" / f"0000{number}.jpg")
    return root


def refsegrs(root: Path) -> Path:
    for tile, split, phrase in (
        ("12", "train", "vehicle in the parking area"),
        ("7", "val", "road"),
    ):
        picture(root / "images" / f"{tile}.tif", (64, 64))
        mask_picture(root / "masks" / f"{tile}.tif", np.s_[10:20, 30:50], (64, 64))
        write(root / f"output_phrase_{split}.txt", f"{tile} {phrase}\n")
    write(root / "output_phrase_test.txt", "")
    return root


# -------------------------------------------------------------------------------- text about images


def captions(root: Path, dataset: str, pictures: str, names: Sequence[str]) -> dict[str, Any]:
    images = []
    for number, name in enumerate(names):
        raws = [f"many planes are parked next to a building {k} ." for k in range(5)]
        sentences = [
            {"tokens": raw.split(), "raw": raw, "imgid": number, "sentid": number * 5 + k}
            for k, raw in enumerate(raws)
        ]
        told = {"filename": name, "imgid": number, "sentences": sentences}
        told |= {"split": ("train", "val", "test")[number % 3]}
        images.append({**told, "sentids": [s["sentid"] for s in sentences]})
        picture(root / pictures / name, (64, 64))
    return {"images": images, "dataset": dataset}


def rsicd(root: Path) -> Path:
    told = captions(root, "rsicd", "RSICD_images", ["airport_1.jpg", "00623.jpg"])
    write_json(root / "annotations_rsicd" / "dataset_rsicd.json", told)
    return root


def ucm_captions(root: Path) -> Path:
    folder = root / "UCM_captions"
    write_json(folder / "dataset.json", captions(folder, "UCM", "imgs", ["1.tif", "2.tif"]))
    return folder


def sydney_captions(root: Path) -> Path:
    folder = root / "Sydney_captions"
    write_json(folder / "dataset.json", captions(folder, "Sydney", "imgs", ["1.tif"]))
    return folder


def rsvqa(root: Path, prefix: str, pictures: str, area: str, *more_splits: str) -> Path:
    """Every file holds every id; what belongs to other splits is a stub that is not active."""
    asked = [
        ("train", 0, "presence", "Is there a road?", "yes"),
        ("train", 1, "area", "What is the area covered by buildings?", area),
        ("test", 1, "count", "What is the amount of roads?", "12"),
        ("train", 0, "rural_urban", "Is it a rural or an urban area", "urban"),
    ]
    for split in ("train", "val", "test", *more_splits):
        questions, answers = [], []
        for number, (part, image, kind, question, answer) in enumerate(asked):
            stub = {"id": number, "active": False}
            told = {"id": number, "date_added": 1.5, "people_id": 0, "active": True}
            asks = {**told, "img_id": image, "type": kind, "question": question}
            questions.append({**asks, "answers_ids": [number]} if part == split else stub)
            says = {**told, "question_id": number, "answer": answer}
            answers.append(says if part == split else stub)
        write_json(root / f"{prefix}_split_{split}_questions.json", {"questions": questions})
        write_json(root / f"{prefix}_split_{split}_answers.json", {"answers": answers})
    for image in (0, 1):
        picture(root / pictures / f"{image}.tif", (64, 64))
    return root


def rsvqa_lr(root: Path) -> Path:
    return rsvqa(root, "LR", "Images_LR", "more than 1000 m2")


def rsvqa_hr(root: Path) -> Path:
    return rsvqa(root, "USGS", "Data", "1934m2", "test_phili")


def mmrs_1m(root: Path) -> Path:
    def dialogue(image: str, asked: str, said: str) -> dict[str, Any]:
        turns = [{"from": "human", "value": f"<image>\n{asked}"}, {"from": "gpt", "value": said}]
        return {"image": image, "conversations": turns}

    # 80 x 60 px padded to 80 x 80: ten rows above.
    ships = "There are <p>2 ships</p>[0.25,0.50,0.50,0.75;0.10,0.30,0.10,0.40]."
    detection = [dialogue("data/HRSID/P0001.jpg", "Detect all ships.", ships)]
    asked = "Describe [0.25,0.50,0.50,0.75] in the image."
    region = [dialogue("data/DIOR/00001.jpg", asked, "A grey ship")]
    write_json(root / "data" / "json" / "detection" / "HRSID.json", detection)
    write_json(root / "data" / "json" / "region_caption" / "DIOR_RSVG.json", region)
    picture(root / "data" / "HRSID" / "P0001.jpg", grey=True)
    picture(root / "data" / "DIOR" / "00001.jpg")
    return root


def rsvp(root: Path) -> Path:
    def sample(**marks: Any) -> dict[str, Any]:
        turns = [
            {"from": "human", "value": "<image>\nWhat is <Region 1>? And <Region 2>?"},
            {"from": "gpt", "value": "<Region 1>: ship\n<Region 2>: harbor"},
            {"from": "human", "value": "How do they lie?"},
            {"from": "gpt", "value": "<Region 1> lies in <Region 2>."},
        ]
        return {"image": "images/thermal_1.png", "conversations": turns, **marks}

    boxes = sample(bbox=[[10, 5, 20, 10], [0, 0, 40, 30]])
    points = sample(points=[[15, 8], [20, 20]])
    write_json(root / "rsvp.json", [boxes, points])
    picture(root / "images" / "thermal_1.png", grey=True)
    return root / "rsvp.json"


# ----------------------------------------------------------------------------------------- scenes


def scenes(root: Path, files: Sequence[str], side: int = 64) -> Path:
    for name in files:
        picture(root / name, (side, side))
    return root


def resisc45(root: Path) -> Path:
    files = ["airplane/airplane_001.jpg", "airplane/airplane_002.jpg"]
    return scenes(root / "NWPU-RESISC45", [*files, "dense_residential/dense_residential_001.jpg"])


def aid(root: Path) -> Path:
    return scenes(root, ["Airport/airport_1.jpg", "BaseballField/baseballfield_12.jpg"])


def eurosat(root: Path) -> Path:
    files = ["AnnualCrop/AnnualCrop_1.jpg", "SeaLake/SeaLake_1.jpg"]
    scenes(root / "2750", files)
    return root


def eurosat_ms(root: Path) -> Path:
    """The 13 bands of Sentinel-2, uint16."""
    for name in ("AnnualCrop", "SeaLake"):
        deep_picture(root / name / f"{name}_1.tif", 13, 64)
    return root


def ucmerced(root: Path) -> Path:
    files = ["agricultural/agricultural00.tif", "denseresidential/denseresidential07.tif"]
    scenes(root / "UCMerced_LandUse" / "Images", files)
    return root


def folders(root: Path) -> Path:
    return scenes(root, ["harbour/a.png", "harbour/b.jpg", "open_field/c.png"])


# -------------------------------------------------------------------------------------------- own


def jsonl(root: Path) -> Path:
    lines = [
        {
            "image": "pictures/harbour.png",
            "modality": "sar",
            "question": "what is <Region 1>?",
            "answer": "a ship",
            "marks": [[{"box": [10, 5, 30, 15]}, {"point": [20, 10]}]],
            "split": "train",
        },
        {
            "image": "pictures/harbour.png",
            "modality": "sar",
            "question": "segment the ship and box the pier.",
            "answer": "<p>the ship</p>[SEG] at <p>the pier</p>[BOX]",
            "masks": ["ship.png"],
            "boxes": [[[40, 10, 60, 50]]],
            "licence": "CC0-1.0",
            "gsd_m": 0.5,
            "group": "port",
            "task": "grounded",
        },
    ]
    write(root / "my.jsonl", "\n".join(json.dumps(line) for line in lines) + "\n\n")
    picture(root / "pictures" / "harbour.png", grey=True)
    mask_picture(root / "ship.png", np.s_[5:15, 10:30], (WIDTH, HEIGHT))
    return root / "my.jsonl"


SAMPLES: dict[str, Callable[[Path], Path]] = {
    "dior_rsvg": dior_rsvg,
    "rrsis_d": rrsis_d,
    "refsegrs": refsegrs,
    "rsicd": rsicd,
    "ucm_captions": ucm_captions,
    "sydney_captions": sydney_captions,
    "rsvqa_lr": rsvqa_lr,
    "rsvqa_hr": rsvqa_hr,
    "dior": dior,
    "dota": dota,
    "ssdd": ssdd,
    "msar": msar,
    "hit_uav": hit_uav,
    "hrsid": hrsid,
    "sardet_100k": sardet_100k,
    "coco": coco,
    "resisc45": resisc45,
    "aid": aid,
    "eurosat": eurosat,
    "ucmerced": ucmerced,
    "folders": folders,
    "mmrs_1m": mmrs_1m,
    "rsvp": rsvp,
    "jsonl": jsonl,
}
