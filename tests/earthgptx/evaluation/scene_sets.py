"""Generated scenes in the layouts of public datasets: what trained weights can be asked about."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from earthgptx.data.instructions import plain
from earthgptx.data.instructions.describe import brief_caption
from earthgptx.data.instructions.facts import gather_facts
from earthgptx.data.labelled_image import LabelledImage, LabelledObject
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.evaluation.samples import rng_for
from tests.earthgptx.data.adapters.samples import coco_image, write, write_json

SCENES, SIDE = 8, 256


def scenes() -> list[LabelledImage]:
    """Seeds that training never draws."""
    return [generate_scene(70 + number, SIDE).labelled("optical") for number in range(SCENES)]


def save(image: LabelledImage, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.load_pixels()).save(path)


def resisc45(root: Path) -> Path:
    for number, image in enumerate(scenes(), 1):
        name = str(image.scene).replace(" ", "_")
        save(image, root / name / f"{name}_{number:03d}.jpg")
    return root


def rsvqa_lr(root: Path) -> Path:
    """Two questions of each kind about every scene; the last two are the test."""
    files: dict[str, tuple[list[Any], list[Any]]] = {"train": ([], []), "test": ([], [])}
    for number, image in enumerate(scenes()):
        save(image, root / "Images_LR" / f"{number}.tif")
        questions, answers = files["test" if number >= SCENES - 2 else "train"]
        for kind, make in (("presence", plain.presence), ("count", plain.count)):
            for place in range(4):
                made = make(gather_facts(image), rng_for(f"{kind}{place}{number}"))
                if made is None:
                    continue
                told = {"id": f"{number}{kind}{place}", "active": True}
                asked = {"img_id": number, "type": kind, "question": made.question}
                questions.append({**told, **asked, "answers_ids": [told["id"]]})
                answers.append({**told, "question_id": told["id"], "answer": made.answer})
    for split, (questions, answers) in files.items():
        write_json(root / f"LR_split_{split}_questions.json", {"questions": questions})
        write_json(root / f"LR_split_{split}_answers.json", {"answers": answers})
    return root


def rsicd(root: Path) -> Path:
    images = []
    for number, image in enumerate(scenes()):
        save(image, root / "RSICD_images" / f"{number}.jpg")
        said = (f"a {image.scene} .", brief_caption(gather_facts(image)))
        sentences = [{"raw": raw, "tokens": raw.split()} for raw in said]
        split = "test" if number >= SCENES // 2 else "train"
        told = {"filename": f"{number}.jpg", "imgid": number, "split": split}
        images.append({**told, "sentences": sentences})
    write_json(root / "dataset_rsicd.json", {"images": images, "dataset": "rsicd"})
    return root


def single_things(image: LabelledImage) -> Iterator[LabelledObject]:
    """Things that are the only ones of their kind, not small."""
    for indices in gather_facts(image).things.values():
        thing = image.objects[indices[0]]
        x0, y0, x1, y1 = thing.box_xyxy_px
        if len(indices) == 1 and thing.mask and min(x1 - x0, y1 - y0) > SIDE / 16:
            yield thing


def rrsis_d(root: Path) -> Path:
    names: list[str] = []
    content: dict[str, list[Any]] = {"images": [], "annotations": [], "categories": []}
    references = []
    for number, image in enumerate(scenes()):
        file_name = f"{number:05d}.jpg"
        save(image, root / "images" / "rrsisd" / "JPEGImages" / file_name)
        sized = {"width": SIDE, "height": SIDE}
        content["images"].append({**coco_image(number, file_name), **sized})
        for thing in single_things(image):
            names += [thing.label] if thing.label not in names else []
            place = len(references)
            annotation = {"bbox": list(thing.box_xyxy_px), "segmentation": [thing.mask]}
            ids = {"image_id": number, "categories_id": names.index(thing.label)}
            content["annotations"].append({"id": place, **annotation, **ids})
            text = f"The {thing.label}"
            sentence = {"raw": text, "sent": text.lower(), "sent_id": place, "tokens": text.split()}
            told = {"ref_id": place, "ann_id": place, "image_id": number, "split": "test"}
            references.append({**told, "sentences": [sentence]})
    content["categories"] = [{"id": place, "name": name} for place, name in enumerate(names)]
    write_json(root / "rrsisd" / "instances.json", content)
    (root / "rrsisd" / "refs(unc).p").write_bytes(pickle.dumps(references, protocol=3))
    return root


def dior_rsvg(root: Path) -> Path:
    count = 0
    for number, image in enumerate(scenes()):
        save(image, root / "JPEGImages" / f"{number:05d}.jpg")
        objects = []
        for thing in single_things(image):
            x0, y0, x1, y1 = (round(v) for v in thing.box_xyxy_px)
            box = f"<xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
            told = f"<description>The {thing.label}</description>"
            objects.append(
                f"<object><name>{thing.label}</name><bndbox>{box}</bndbox>{told}</object>"
            )
        count += len(objects)
        head = f"<filename>{number:05d}.jpg</filename><size><width>{SIDE}</width>"
        head += f"<height>{SIDE}</height><depth>3</depth></size>"
        text = f"<annotation>{head}{''.join(objects)}</annotation>"
        write(root / "Annotations" / f"{number:05d}.xml", text)
    for split, numbers in (("train", range(0)), ("val", range(0)), ("test", range(count))):
        write(root / f"{split}.txt", "".join(f"{place}\n" for place in numbers))
    return root
