"""Writes captions.json: what pycocoevalcap 1.2 says of the sentences below.

    pip install pycocoevalcap==1.2; python tests/earthgptx/evaluation/golden/make_captions.py

Needs Java for the tokeniser. METEOR is the 1.5 jar's; SPICE is left out (its parser's models are
no longer to be had where this was made).
"""

from __future__ import annotations

import json
from pathlib import Path

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

# (said, references): template captions, near misses, silence, too long, several references.
CAPTIONS: list[tuple[str, list[str]]] = [
    ("a red ship at the top left.", ["a red ship at the top left."]),
    ("a white ship at the top.", ["a red ship at the top left."]),
    (
        "an airport with 3 planes and 2 storage tanks.",
        ["an airport with 4 planes, 2 storage tanks and many cars."],
    ),
    ("", ["a small blue car in the centre of the image, next to a building."]),
    ("a car.", ["a small blue car in the centre of the image, next to a building."]),
    (
        "a harbour with many ships, a harbour with many ships, a harbour with many ships.",
        ["a harbour with many ships."],
    ),
    (
        "the image shows a bridge over water.",
        ["a bridge at the bottom right.", "a bridge crosses the water.", "a long grey bridge"],
    ),
    (
        "It's a ground track field (large).",
        ["a large ground track field.", "it is a ground track field!"],
    ),
    ("ship ship ship ship", ["a ship.", "one ship next to another ship"]),
    ("a tennis court in the centre.", ["a tennis court in the centre."]),
    (
        "this thermal image shows a car park. there are 9 cars.",
        ["this thermal image shows a car park. there are many cars. there is a tree at the left."],
    ),
    ("a storage_tank, don't know", ["a storage tank at the left."]),
]

SENTENCES = [
    "A red ship at the top left.",
    "It's the people's car; don't touch.",
    "I cannot see, gonna go!",
    "the U.S. base (north-west) 1/2 km and/or 3.5 m",
    "well-known 1,000 cars -- 20% of them... $5",
    "He said \"hello\" and 'bye'",
    "Region 1: storage_tank",
    "e.g. ships, i.e. boats, etc.",
    "mr. smith vs. dr. jones",
    "5-7 ships at 10:30 a.m.",
    "na\u00efve caf\u00e9 \u2013 long \u2014 dash\u2026",
    "<p>ship</p>[SEG]",
    "[0.1,0.2,0.3,0.4] {a}",
    "what?! a ship.a boat",
    "they're we'll i'd you've",
    "no. 5 approx. 4 km. U.S.",
    "a   b\tc",
    "T-72 BTR60 2S1 ZSU-23-4",
    "wanna lemme gimme 'tis 'twas",
    "http://a.b/c x@y.com",
    "3rd 1st 20th a,b 2,5 0.25 .5 1.",
    "at the top-left/right; 12:00",
]


def main() -> None:
    tokeniser = PTBTokenizer()
    lines = {str(i): [{"caption": s}] for i, s in enumerate(SENTENCES)}
    sentences = {s: tokeniser.tokenize(lines)[str(i)][0] for i, s in enumerate(SENTENCES)}
    said = tokeniser.tokenize({i: [{"caption": c}] for i, (c, _) in enumerate(CAPTIONS)})
    true = tokeniser.tokenize(
        {i: [{"caption": r} for r in group] for i, (_, group) in enumerate(CAPTIONS)}
    )
    scores = {}
    for name, scorer in (
        ("BLEU", Bleu(4)),
        ("ROUGE-L", Rouge()),
        ("CIDEr-D", Cider()),
        ("METEOR", Meteor()),
    ):
        corpus, each = scorer.compute_score(true, said)
        plain = [list(map(float, e)) if name == "BLEU" else float(e) for e in each]
        scores[name] = {"corpus": list(map(float, corpus)) if name == "BLEU" else float(corpus)}
        if name != "BLEU":
            scores[name]["each"] = plain
    written = {
        "made_by": "pycocoevalcap 1.2",
        "sentences": sentences,
        "captions": [{"said": c, "references": r} for c, r in CAPTIONS],
        "words": [{"said": said[i][0], "references": true[i]} for i in range(len(CAPTIONS))],
        "scores": scores,
    }
    path = Path(__file__).with_name("captions.json")
    path.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
