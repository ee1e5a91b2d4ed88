"""What is opened, by which driver, and what is refused by name."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.windows import Window

from earthgptx.imagery.errors import DamagedImage, ImageryError
from earthgptx.scenes.header import SceneLimits
from earthgptx.scenes.overview import look_over
from earthgptx.scenes.scene import open_scene
from tests.earthgptx.imagery.files import tiff
from tests.earthgptx.scenes.generated import UTM_HALF_METRE, write_scene

RNG = np.random.default_rng(5)
RGB = RNG.integers(1, 255, (3, 300, 400), dtype=np.uint8)


def refusal(path: Path, **how: object) -> ImageryError:
    with pytest.raises(ImageryError) as told, open_scene(path, **how) as scene:  # type: ignore[arg-type]
        look_over(scene)
    return told.value


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("plain.tif", {}),
        ("big.tif", {"BIGTIFF": "YES"}),
        ("jpeg2000.jp2", {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"}),
        ("scene.ntf", {"driver": "NITF"}),
        ("envi.dat", {"driver": "ENVI"}),
    ],
)
def test_formats_are_read_by_window(name: str, profile: dict[str, str], tmp_path: Path) -> None:
    # NITF knows no half metre in UTM, but degrees.
    place = UTM_HALF_METRE if "NITF" not in profile.values() else {}
    path = write_scene(tmp_path / name, RGB, **place, **profile)
    with open_scene(path) as scene:
        part = scene.read(Window(37, 41, 100, 60))
        assert np.array_equal(part.bands_CHW, RGB[:, 41:101, 37:137])
        assert part.valid_HW is None
        assert scene.header.gsd_m == (0.5 if place else 0.0)
        assert scene.header.crs == ("EPSG:32633" if place else "")


def test_a_cog_is_read_from_its_overviews(tmp_path: Path) -> None:
    path = write_scene(
        tmp_path / "cog.tif", RGB.repeat(4, 1).repeat(4, 2), driver="COG", **UTM_HALF_METRE
    )
    with open_scene(path) as scene:
        assert scene.header.overview_factors == (2, 4)
        assert look_over(scene, side_px=400).pixels_HWC.shape == (300, 400, 3)


@pytest.mark.parametrize("driver", ["VRT", "PNG", "GPKG"])
def test_other_drivers_are_not_asked_whatever_the_name(driver: str, tmp_path: Path) -> None:
    inside = write_scene(tmp_path / "inside.tif", RGB, **UTM_HALF_METRE)
    disguised = tmp_path / "scene.tif"
    rasterio.shutil.copy(inside, tmp_path / "other", driver=driver)
    (tmp_path / "other").rename(disguised)
    assert "no known format" in refusal(disguised).message


def test_nothing_is_fetched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        server.settimeout(0.3)
        for name in (f"/vsicurl/http://127.0.0.1:{port}/a.tif", f"http://127.0.0.1:{port}/a.tif"):
            assert "no file" in refusal(Path(name)).message
        vrt = tmp_path / "a.tif"
        vrt.write_text(f"<VRTDataset><SourceFilename>/vsicurl/http://127.0.0.1:{port}/b.tif")
        assert "no known format" in refusal(vrt).message
        with pytest.raises(TimeoutError):
            server.accept()


def test_sidecar_files_change_nothing(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "scene.tif", RGB)
    path.with_suffix(".tfw").write_text("10\n0\n0\n-10\n500000\n5400000\n")
    (tmp_path / "scene.tif.aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:32633</SRS><GeoTransform>5e5,10,0,54e5,0,-10</GeoTransform></PAMDataset>"
    )
    (tmp_path / "scene.tif.msk").write_bytes(path.read_bytes())
    with open_scene(path) as scene:
        assert scene.header.crs == "" and scene.header.transform is None
        assert scene.read(scene.whole).valid_HW is None


def test_a_scene_without_crs_is_in_pixels_and_says_so(tmp_path: Path) -> None:
    with open_scene(write_scene(tmp_path / "plain.tif", RGB)) as scene:
        assert scene.header.transform is None and scene.header.gsd_m == 0
        assert "no CRS: coordinates are pixels" in scene.header.notes[0]


def test_a_crs_that_is_not_of_the_earth_is_in_pixels_and_says_so(tmp_path: Path) -> None:
    local = 'LOCAL_CS["site",UNIT["metre",1],AXIS["X",EAST],AXIS["Y",NORTH]]'
    path = write_scene(tmp_path / "site.tif", RGB, crs=local, transform=Affine(1, 0, 5, 0, -1, 9))
    with open_scene(path) as scene:
        assert scene.header.crs == "" and "no place on the earth" in scene.header.notes[0]


@pytest.mark.parametrize(
    ("crs", "pixel", "told"),
    [
        ("EPSG:32633", 1e-7, "m on the ground"),
        ("EPSG:32633", 90_000, "m on the ground"),
        ("EPSG:4326", 10, "its transform is not in its CRS"),
    ],
)
def test_absurd_ground_sampling_is_refused(
    crs: str, pixel: float, told: str, tmp_path: Path
) -> None:
    place = Affine(pixel, 0, 500_000, 0, -pixel, 5_400_000)
    error = refusal(write_scene(tmp_path / "a.tif", RGB, crs=crs, transform=place))
    assert told in error.message and error.limit


def test_an_empty_file_and_no_file_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.tif"
    empty.write_bytes(b"")
    assert "is empty" in refusal(empty).message
    assert "no file" in refusal(tmp_path / "none.tif").message
    assert "no file" in refusal(tmp_path).message


def test_a_tiff_cut_short_is_refused_at_once(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "whole.tif", RGB)
    data = path.read_bytes()
    for share in (0.2, 0.7, 0.999):
        cut = tmp_path / f"cut{share}.tif"
        cut.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(DamagedImage, match=r"cut short|damaged"), open_scene(cut):
            pass


@pytest.mark.parametrize("driver", ["ENVI", "NITF", "JP2OpenJPEG"])
def test_other_formats_cut_short_are_refused_at_once(driver: str, tmp_path: Path) -> None:
    path = write_scene(tmp_path / "whole.dat", RGB, driver=driver)
    data = path.read_bytes()
    for share in (0.3, 0.98):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(DamagedImage), open_scene(path):
            pass


def half_written(path: Path, **profile: object) -> Path:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=1024,
        height=1024,
        count=1,
        dtype="uint8",
        tiled=True,
        SPARSE_OK=True,
        **UTM_HALF_METRE,
        **profile,
    ) as dataset:
        dataset.write(np.full((300, 1024), 9, np.uint8), 1, window=Window(0, 0, 1024, 300))
    return path


def test_a_tiff_whose_writer_stopped_is_refused_but_declared_gaps_are_gaps(tmp_path: Path) -> None:
    half = half_written(tmp_path / "half.tif")
    told = pytest.raises(DamagedImage, match="half written: 8 of 16 blocks")
    with told, open_scene(half):
        pass
    with open_scene(half_written(tmp_path / "sparse.tif", nodata=0)) as scene:
        valid_HW = scene.valid(scene.whole)
        assert valid_HW is not None and valid_HW.sum() == 300 * 1024


def test_all_nodata_is_refused_and_a_few_valid_pixels_are_found(tmp_path: Path) -> None:
    bands = np.zeros((1, 5000, 5000), np.uint16)
    empty = write_scene(tmp_path / "empty.tif", bands, nodata=0, compress="DEFLATE")
    assert "no valid pixel" in refusal(empty).message
    bands[0, 3001, 3001:3003] = (40, 90)
    path = write_scene(tmp_path / "nearly.tif", bands, nodata=0, compress="DEFLATE")
    with open_scene(path) as scene:
        (values,) = look_over(scene).stretch.ranges
        assert 40 <= values[0] <= values[1] <= 90


def test_many_bands_need_to_be_told_which_are_shown(tmp_path: Path) -> None:
    bands = np.repeat(RGB[:1, :64, :64], 200, axis=0)
    bands[149] = RGB[1, :64, :64]
    path = write_scene(tmp_path / "many.tif", bands, interleave="pixel")
    error = refusal(path)
    assert error.field == "bands" and "are 200" in error.message
    with open_scene(path, bands=(150, 1, 2)) as scene:
        pixels = look_over(scene).pixels_HWC
        assert np.array_equal(pixels[..., 0], RGB[1, :64, :64])
        assert "bands 150, 1, 2 of 200 shown, as was asked" in look_over(scene).note
    named = write_scene(tmp_path / "named.tif", bands, names=[*["x"] * 147, "Blue", "Green", "Red"])
    with open_scene(named) as scene:
        assert scene.channels.bands == (147, 148, 149)
    measured = tmp_path / "measured.tif"
    measured.write_bytes(tiff(bands, wavelengths_um=tuple(np.linspace(0.4, 1.0, 200).round(3))))
    with open_scene(measured) as scene:
        assert scene.channels.notes == ("bands 89, 54, 31 of 200 as red, green, blue",)
    for wrong in ((0, 1, 2), (1, 2, 201), (1, 2)):
        assert refusal(path, bands=wrong).field == "bands"


def test_undeclared_nan_is_an_error_and_declared_nan_a_gap(tmp_path: Path) -> None:
    bands = RNG.random((1, 300, 300), dtype=np.float32)
    bands[0, 100:120, 100:120] = np.nan
    undeclared = write_scene(tmp_path / "undeclared.tif", bands)
    assert "NaN" in refusal(undeclared).message
    with open_scene(write_scene(tmp_path / "declared.tif", bands, nodata=np.nan)) as scene:
        overview = look_over(scene)
        assert (overview.pixels_HWC[100:120, 100:120] == 0).all()
        assert "pixels without data are black" in overview.note


@pytest.mark.parametrize(
    ("dtype", "told"), [("complex64", "give its amplitude"), ("int32", "int32")]
)
def test_element_types_that_are_not_read_are_named(dtype: str, told: str, tmp_path: Path) -> None:
    assert told in refusal(write_scene(tmp_path / "a.tif", RGB[:1].astype(dtype))).message


def test_a_palette_is_shown_as_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "palette.tif"
    indices = RNG.integers(0, 3, (300, 300), dtype=np.uint8)
    with rasterio.open(
        path, "w", driver="GTiff", width=300, height=300, count=1, dtype="uint8", **UTM_HALF_METRE
    ) as dataset:
        dataset.write(indices, 1)
        dataset.write_colormap(1, {0: (1, 2, 3), 1: (90, 80, 70), 2: (200, 201, 202)})
    with open_scene(path) as scene:
        pixels = look_over(scene).pixels_HWC
        assert np.array_equal(pixels, np.array([(1, 2, 3), (90, 80, 70), (200, 201, 202)])[indices])
        assert "palette shown as its colours" in scene.header.notes


def test_a_scene_that_is_one_compressed_block_is_refused_with_advice(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "a.tif", RGB, tiled=False, blockysize=300, compress="DEFLATE")
    limits = SceneLimits(max_block_bytes=400 * 300 - 1)
    assert "blocks of 400 x 300 px" in refusal(path, limits=limits).message
    assert "gdal_translate -of COG" in refusal(path, limits=limits).message
    with open_scene(path, limits=SceneLimits(max_block_bytes=3 * 400 * 300)) as scene:
        assert scene.header.block_wh_px == (400, 300)


def test_radar_and_colour_do_not_go_together(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "colour.tif", RGB)
    with open_scene(path, "sar") as scene, pytest.raises(ImageryError, match="colour picture"):
        look_over(scene, "sar")


def test_a_lying_table_of_blocks_is_no_crash(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "lies.tif", RGB)
    data = bytearray(path.read_bytes())
    # The first tag of the table of offsets (324) points outside the file.
    at = data.find(struct.pack("<HH", 324, 4))
    assert at > 0
    data[at + 8 : at + 12] = struct.pack("<I", 0x7FFFFFF0)
    path.write_bytes(data)
    with pytest.raises(DamagedImage), open_scene(path) as scene:
        scene.read(scene.whole)
