"""METEOR and SPICE, which are Java programs: run where they are installed, else said to be missing.

The extra ``java-metrics`` brings both (pycocoevalcap); they need ``java`` on the PATH, SPICE also
models that its package fetches by ``python -m pycocoevalcap.spice.get_stanford_models``. Nothing
stands in for either: NLTK's METEOR, for one, is another measure.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

Unavailable = dict[str, str]
_METEOR = ("-Xmx2G", "-jar", "meteor-1.5.jar", "-", "-", "-stdio", "-l", "en", "-norm")
_SPICE = ("-Xmx8G", "-jar", "spice-1.0.jar")
_PARSER = "lib/stanford-corenlp-3.6.0.jar"


class JavaMetricError(RuntimeError):
    """The program is not there or did not give scores; the message says why."""


def meteor(
    said: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> float | Unavailable:
    """METEOR 1.5 of the whole set (Denkowski and Lavie 2014), or why there is none.

    Args:
        said: words of each caption.
        references: words of the references of each.
    """
    lines = [
        " ||| ".join(["SCORE", *(" ".join(r) for r in group), " ".join(caption)])
        for caption, group in zip(said, references, strict=True)
    ]
    try:
        folder = _folder("meteor")
        statistics = _run(folder, _METEOR, lines)
        # The program answers with one score a caption and, last, that of all of them.
        answer = _run(folder, _METEOR, [" ||| ".join(["EVAL", *statistics])])
        return float(answer[-1])
    except (JavaMetricError, ValueError, IndexError) as error:
        return {"unavailable": str(error)}


def spice(
    said: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]
) -> float | Unavailable:
    """Mean F over scene-graph tuples (Anderson et al. 2016), or why there is none."""
    records = [
        {"image_id": number, "test": " ".join(caption), "refs": [" ".join(r) for r in group]}
        for number, (caption, group) in enumerate(zip(said, references, strict=True))
    ]
    try:
        folder = _folder("spice")
        if not (folder / _PARSER).exists():
            raise JavaMetricError("the models of SPICE's parser are not installed")
        with tempfile.TemporaryDirectory() as scratch:
            asked, told = Path(scratch, "asked.json"), Path(scratch, "told.json")
            asked.write_text(json.dumps(records))
            _run(folder, (*_SPICE, str(asked), "-out", str(told), "-subset", "-silent"), [])
            found = [float(one["scores"]["All"]["f"]) for one in json.loads(told.read_text())]
        return sum(found) / len(found)
    except (JavaMetricError, OSError, ValueError, KeyError, ZeroDivisionError) as error:
        return {"unavailable": str(error) or type(error).__name__}


def _folder(part: str) -> Path:
    package = find_spec("pycocoevalcap")
    if package is None or not package.submodule_search_locations:
        raise JavaMetricError('needs the extra "java-metrics"')
    if shutil.which("java") is None:
        raise JavaMetricError("needs java on the PATH")
    return Path(package.submodule_search_locations[0], part)


def _run(folder: Path, arguments: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Lines in, lines out; everything is handed over at once, so no pipe can fill up.

    Raises:
        JavaMetricError: the program failed or took longer than ten minutes.
    """
    try:
        done = subprocess.run(
            ["java", *arguments],
            cwd=folder,
            input="".join(f"{line}\n" for line in lines),
            capture_output=True,
            text=True,
            timeout=600,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
        raise JavaMetricError(f"{arguments[2]} failed: {last[-1]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JavaMetricError(f"{arguments[2]}: {error}") from error
    return done.stdout.splitlines()
