"""Noise tiles, made once per process when first needed and cropped at random afterwards.

All tiles are periodic, so a crop may start anywhere and any size can be tiled together.
"""

from __future__ import annotations

from functools import cache
from random import Random

import cv2
import numpy as np
import numpy.typing as npt

PlaneF32 = npt.NDArray[np.float32]
TILE_PX = 768


def _smoothed(seed: int, sigma_x: float, sigma_y: float) -> PlaneF32:
    white = np.random.default_rng(seed).standard_normal((TILE_PX, TILE_PX))
    fx = np.fft.rfftfreq(TILE_PX)
    fy = np.fft.fftfreq(TILE_PX)[:, None]
    low_pass = np.exp(-2 * np.pi**2 * ((fx * sigma_x) ** 2 + (fy * sigma_y) ** 2))
    smooth = np.fft.irfft2(np.fft.rfft2(white) * low_pass, s=white.shape)
    return np.asarray(((smooth - smooth.mean()) / smooth.std()).clip(-3, 3), np.float32)


def _canopy() -> PlaneF32:
    """Tree crowns: bright round tops with dark gaps."""
    rng = np.random.default_rng(5)
    seeds = np.full((TILE_PX, TILE_PX), 255, np.uint8)
    points = rng.integers(0, TILE_PX, (TILE_PX * TILE_PX // 70, 2))
    seeds[points[:, 0], points[:, 1]] = 0
    wrapped = cv2.copyMakeBorder(seeds, 32, 32, 32, 32, cv2.BORDER_WRAP)
    distance = cv2.distanceTransform(wrapped, cv2.DIST_L2, 3)[32:-32, 32:-32]
    crowns = 1.0 - distance / 4.5
    lit = crowns - np.roll(crowns, (1, 1), (0, 1))
    out = crowns.clip(-1, 1) + 1.2 * lit
    return np.asarray(((out - out.mean()) / out.std()).clip(-2.5, 2.5), np.float32)


def _speckle(looks: int) -> PlaneF32:
    """Amplitude speckle: square root of unit-mean gamma intensity."""
    rng = np.random.default_rng(40 + looks)
    intensity = rng.gamma(looks, 1.0 / looks, (TILE_PX, TILE_PX))
    blurred = cv2.GaussianBlur(np.sqrt(intensity), (3, 3), 0.45, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred / np.mean(blurred), np.float32)


@cache
def tile(kind: str) -> PlaneF32:
    """The tile called ``kind``: zero mean and unit spread, speckle with unit mean.

    Kinds: fine, medium, coarse, cloud, wave, canopy, speckle1 to speckle9.
    """
    sigmas = {"fine": (0.5, 0.5), "medium": (2.0, 2.0), "cloud": (36.0, 36.0)}
    if kind in sigmas:
        return _smoothed(len(kind), *sigmas[kind])
    if kind == "coarse":
        octaves = [_smoothed(20 + k, sigma, sigma) for k, sigma in enumerate((1.2, 3.0, 7.0, 16.0))]
        mixed = octaves[0] + octaves[1] + 1.2 * octaves[2] + 1.2 * octaves[3]
        return np.asarray(mixed / mixed.std(), np.float32)
    if kind == "wave":
        return _smoothed(11, 1.2, 5.0)
    if kind == "canopy":
        return _canopy()
    return _speckle(int(kind.removeprefix("speckle")))


def crop(rng: Random, kind: str, size_px: int) -> PlaneF32:
    """A random ``size_px`` square of a tile, turned or flipped at random; do not write to it."""
    source = tile(kind)
    if size_px > TILE_PX:
        times = -(-size_px // TILE_PX) + 1
        source = np.tile(source, (times, times))
    room = source.shape[0] - size_px
    x, y = rng.randint(0, room), rng.randint(0, room)
    out = source[y : y + size_px, x : x + size_px]
    turn = rng.randrange(8)
    if turn & 1:
        out = out[::-1]
    if turn & 2:
        out = out[:, ::-1]
    return out.T if turn & 4 else out
