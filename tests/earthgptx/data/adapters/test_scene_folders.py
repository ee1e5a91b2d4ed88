from pathlib import Path

import numpy as np
import pytest

from earthgptx.data.adapters.registry import open_dataset
from tests.earthgptx.data.adapters import samples


@pytest.mark.parametrize(
    ("write", "found"),
    [
        (samples.resisc45, {"airplane", "dense residential"}),
        (samples.aid, {"airport", "baseball field"}),
        (samples.eurosat, {"annual crop", "sea lake"}),
        (samples.ucmerced, {"agricultural", "dense residential"}),
        (samples.folders, {"harbour", "open field"}),
    ],
)
def test_the_folder_is_the_scene_in_words(write: object, found: set[str], tmp_path: Path) -> None:
    images = list(open_dataset(write(tmp_path)).images())  # type: ignore[operator]
    assert {image.scene for image in images} == found
    assert len({image.image_id for image in images}) == len(images)


def test_eurosat_of_13_bands_shows_red_green_and_blue(tmp_path: Path) -> None:
    dataset = open_dataset(samples.eurosat_ms(tmp_path))
    image = next(dataset.images())
    pixels_HWC = image.load_pixels()
    assert dataset.format_name == "eurosat" and pixels_HWC.shape == (64, 64, 3)
    # Band k rises k times as steeply: of B4, B3, B2 red is brightest, blue darkest.
    middle = pixels_HWC[32, 32].astype(int)
    assert middle[0] > middle[1] > middle[2]
    assert pixels_HWC.dtype == np.uint8 and pixels_HWC.max() == 255


def test_a_file_that_is_not_named_like_the_sets_is_told(tmp_path: Path) -> None:
    path = samples.ucmerced(tmp_path)
    folder = path / "UCMerced_LandUse" / "Images" / "agricultural"
    (folder / "agricultural00.tif").rename(folder / "zzz.tif")
    with pytest.raises(ValueError, match=r"zzz\.tif: its name: is not like those of UC-Merced"):
        list(open_dataset(path, "ucmerced").images())
