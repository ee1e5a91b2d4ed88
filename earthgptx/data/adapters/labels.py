"""Class names of the datasets as plain words, lower case."""

from __future__ import annotations

import re

# What no capital, hyphen or underscore tells apart.
_GLUED = {
    "baseballdiamond": "baseball diamond",
    "baseballfield": "baseball field",
    "basketballcourt": "basketball court",
    "denseresidential": "dense residential",
    "golfcourse": "golf course",
    # DIOR's table says "golf course" for what its files call golffield.
    "golffield": "golf course",
    "groundtrackfield": "ground track field",
    "mediumresidential": "medium residential",
    "mobilehomepark": "mobile home park",
    "oiltank": "oil tank",
    "othervehicle": "other vehicle",
    "parkinglot": "parking lot",
    "sparseresidential": "sparse residential",
    "storagetank": "storage tank",
    "storagetanks": "storage tanks",
    "tenniscourt": "tennis court",
    "trainstation": "train station",
}
_BEFORE_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def label_words(name: str) -> str:
    """``Expressway-Service-area`` and ``OtherVehicle`` as words.

    Raises:
        ValueError: the name is empty.
    """
    spaced = _BEFORE_CAPITAL.sub(" ", name.strip()).replace("_", " ").replace("-", " ").lower()
    words = " ".join(spaced.split())
    if not words:
        raise ValueError("a class without a name")
    return _GLUED.get(words.replace(" ", ""), words)
