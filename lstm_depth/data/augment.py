# Copyright 2026 The lstm_depth authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""
Random changes to a clip: one draw for all its frames, and the camera kept true.

What each change means for the geometry, in pixels from the top-left pixel's centre:

- **flip** mirrors the room: the principal point becomes ``W - 1 - cx``, and poses are
  mirrored on both sides, which keeps them rotations.
- **rotation** turns the camera about its optical axis, so about the principal point: depth
  and intrinsics stay, poses are turned.
- **crop** moves the principal point.
- **zoom** and every resize multiply the focal length and leave depth alone, as a longer
  lens does. With *focal* set, depth is then divided by how much longer the lens is than
  that one: a model that knows one focal length sees things twice as big at half the
  distance. Such a clip's points are stretched along z, so it has no poses.
- **colour** (brightness, contrast, saturation, hue, gamma) changes no geometry, and neither
  do blur and compression.
- **frame** hides the borders of the image, whose depth is then unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
import math

import cv2
from lstm_depth.data.clip import Clip
from lstm_depth.data.sequence import cropped
from lstm_depth.errors import ConfigError
from lstm_depth.geometry import Camera
import numpy as np
import torch
from torchvision.transforms.v2 import functional, InterpolationMode

_NO_CHANGE = (1.0, 1.0)
_WHITE_M = 10.0
# A white frame of undistorted images (NYU's is 1.4 % of the width), and a film's black bars.
_WHITE_FRAME = (0.005, 0.025)
_BLACK_BARS = 0.15


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """
    What is changed, and the size that comes out.

    *width*, *height*: of the output; None keeps the clip's. *flip*: probability.
    *rotation_deg*: largest angle. *crop*: (width, height) in pixels of the source, at a
    random place; None takes the largest window of the output's shape, or with *squeeze*
    everything, whatever its shape. *zoom*: range by which the window is smaller than that,
    *whole*: probability that it is not. *centred*: windows at the middle. *focal*: (fx /
    width, fy / height) that depth is made
    to fit, None to change the camera instead. The colour ranges are factors, *hue* a share
    of the colour circle, *gamma* an exponent. *cut_depth*: probability that a random
    rectangle of the image shows its true depth instead (CutDepth, Ishii and Yamashita 2021,
    against learning edges of colour by heart), *cut_share*: its largest share of the size.
    *frame*: probability that the image has a thin white frame or, half of the time, black
    bars on two sides, behind which depth is unknown. *blur*: largest sigma of a Gaussian in
    pixels, half of the clips are sharp. *jpeg*: lowest quality of compression, 0 for none.
    Different from frame to frame, as a camera's are: *flicker*, standard deviation of the
    logarithm of the exposure, and *noise*, of the grey values.
    """

    width: int | None = None
    height: int | None = None
    flip: float = 0.0
    rotation_deg: float = 0.0
    crop: tuple[int, int] | None = None
    squeeze: bool = False
    zoom: tuple[float, float] = _NO_CHANGE
    whole: float = 0.0
    centred: bool = False
    focal: tuple[float, float] | None = None
    brightness: tuple[float, float] = _NO_CHANGE
    contrast: tuple[float, float] = _NO_CHANGE
    saturation: tuple[float, float] = _NO_CHANGE
    hue: float = 0.0
    gamma: tuple[float, float] = _NO_CHANGE
    cut_depth: float = 0.0
    cut_share: float = 0.75
    frame: float = 0.0
    blur: float = 0.0
    jpeg: int = 0
    flicker: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        """Raise ConfigError for values that make no clip."""
        size = [value for value in (self.width, self.height) if value is not None]
        if len(size) == 1 or min(size, default=1) < 1:
            raise ConfigError(f'output of {self.width}x{self.height} pixels cannot be made')
        if not (0 <= self.flip <= 1 and 0 <= self.hue <= 0.5 and 0 <= self.rotation_deg <= 180):
            raise ConfigError('flip must be within 0 to 1, hue 0 to 0.5, rotation 0 to 180')
        if not (0 <= self.cut_depth <= 1 and 0 < self.cut_share <= 1):
            raise ConfigError('cut_depth and cut_share must be within 0 to 1, the share above 0')
        if not (0 <= self.whole <= 1 and 0 <= self.frame <= 1):
            raise ConfigError('whole and frame must be within 0 to 1')
        if not (0 <= self.blur <= 20 and 0 <= self.jpeg <= 100):
            raise ConfigError('blur must be within 0 to 20, jpeg 0 to 100')
        if not (0 <= self.flicker <= 1 and 0 <= self.noise <= 100):
            raise ConfigError('flicker must be within 0 to 1, noise 0 to 100')
        for name in ('zoom', 'brightness', 'contrast', 'saturation', 'gamma'):
            low, high = getattr(self, name)
            if not 0 <= low <= high < math.inf or (name in ('zoom', 'gamma') and low == 0):
                raise ConfigError(f'{name} must be a range of factors, not {low} to {high}')
        if self.zoom[0] < 1:
            raise ConfigError(f'zoom must be at least 1, not {self.zoom[0]}: there is no more '
                              'image than the whole')


# What data is looked at with; what a model is trained with stands in its file in config/train.
RECIPES = {
    'none': AugmentConfig(),
    'video': AugmentConfig(width=320, height=240, flip=0.5, rotation_deg=5, zoom=(1, 1.5),
                           brightness=(0.7, 1.3), contrast=(0.8, 1.2), saturation=(0.6, 1.4),
                           hue=0.03, gamma=(0.75, 1.35)),
}


def recipe(name: str, **changes: object) -> AugmentConfig:
    """Return a named recipe with *changes*; ConfigError for a name that is none."""
    if name not in RECIPES:
        raise ConfigError(f'{name!r} is no augmentation; choose one of {", ".join(RECIPES)}')
    return replace(RECIPES[name], **changes)


def augment(clip: Clip, config: AugmentConfig, rng: np.random.Generator) -> Clip:
    """
    Return the clip changed at random.

    The same number of draws is taken whatever is switched off, and none depends on the
    clip's length, so that clips of one path that share a seed look alike.
    """
    draws, cut, more = rng.uniform(size=10), rng.uniform(size=5), rng.uniform(size=9)
    if more[0] < config.whole:
        config = replace(config, zoom=_NO_CHANGE)
    if draws[0] < config.flip:
        clip = flipped(clip)
    if config.rotation_deg:
        clip = rotated(clip, (2 * draws[1] - 1) * config.rotation_deg)
    clip = _windowed(clip, config, draws[2:5])
    if config.focal:
        clip = fitted_to_focal(clip, config.focal)
    clip = replace(clip, frames=_recoloured(clip.frames, config, draws[5:]))
    if more[1] < config.frame:
        clip = framed(clip, more[2:7])
    if config.blur or config.jpeg:
        clip = replace(clip, frames=_degraded(clip.frames, config, more[7:]))
    if config.flicker or config.noise:
        clip = replace(clip, frames=_disturbed(clip.frames, config, rng))
    return cut_depth(clip, config.cut_share, cut[1:]) if cut[0] < config.cut_depth else clip


def flipped(clip: Clip) -> Clip:
    """Return the clip as a mirror shows it."""
    camera = clip.camera and replace(clip.camera, cx=clip.camera.width - 1 - clip.camera.cx)
    mirror = torch.diag(torch.tensor([-1.0, 1, 1, 1], dtype=torch.float64))
    poses = None if clip.poses is None else mirror @ clip.poses @ mirror
    return replace(clip, camera=camera, poses=poses, **{
        name: functional.horizontal_flip(getattr(clip, name))
        for name in ('frames', 'depth', 'valid')})


def rotated(clip: Clip, degrees: float) -> Clip:
    """
    Return the clip of a camera rolled so that the image turns counter-clockwise.

    What comes into view from outside the image is black and invalid.
    """
    camera, (height, width) = clip.camera, clip.frames.shape[-2:]
    centre = (camera.cx, camera.cy) if camera else ((width - 1) / 2, (height - 1) / 2)
    turn = cv2.getRotationMatrix2D(centre, degrees, 1.0)
    turned = {}
    for name, interpolation in (('frames', cv2.INTER_LINEAR), ('depth', cv2.INTER_NEAREST)):
        images = getattr(clip, name).permute(0, 2, 3, 1).contiguous().numpy()
        images = np.stack([cv2.warpAffine(image, turn, (width, height), flags=interpolation)
                           for image in images]).reshape(images.shape)
        turned[name] = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    poses = clip.poses
    if poses is not None:
        cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        roll = torch.eye(4, dtype=torch.float64)
        roll[:2, :2] = torch.tensor([[cosine, -sine], [sine, cosine]])
        poses = poses @ roll
    return replace(clip, poses=poses, valid=turned['depth'] > 0, **turned)


def windowed(clip: Clip, left: int, top: int, width: int, height: int,
             size: tuple[int, int]) -> Clip:
    """Return a window of the clip, resized to *size* (width, height)."""
    box = (top, left, height, width)
    frames = functional.resized_crop(clip.frames, *box, size[::-1], antialias=True)
    # Depth is picked, never averaged: a mean over an edge is a point in the air.
    depth = functional.resized_crop(clip.depth, *box, size[::-1],
                                    interpolation=InterpolationMode.NEAREST_EXACT)
    camera = clip.camera and cropped(clip.camera, left, top, width, height).resized(*size)
    return replace(clip, frames=frames, depth=depth, valid=depth > 0, camera=camera)


def fitted_to_focal(clip: Clip, focal: tuple[float, float]) -> Clip:
    """
    Return the clip with depth as the lens of *focal* (fx / width, fy / height) needs it.

    ConfigError where the clip's camera is not known.
    """
    camera = clip.camera
    if camera is None or not camera.calibrated:
        raise ConfigError(f'depth of {clip.name or "a clip"} cannot be fitted to a focal length: '
                          'its camera is not known')
    wanted = Camera(camera.width, camera.height, focal[0] * camera.width,
                    focal[1] * camera.height, camera.cx, camera.cy)
    longer = math.sqrt(camera.fx / wanted.fx * camera.fy / wanted.fy)
    return replace(clip, depth=clip.depth / longer, camera=wanted, poses=None)


def cut_depth(clip: Clip, share: float, draws: np.ndarray) -> Clip:
    """
    Return the clip with its depth as grey, 10 m white, in one rectangle of its images.

    *draws*: four numbers in [0, 1], for the rectangle's place and its size up to *share*.
    """
    height, width = clip.frames.shape[-2:]
    left, top = int(draws[0] * width), int(draws[1] * height)
    right = left + max(1, int((width - left) * draws[2] * share))
    bottom = top + max(1, int((height - top) * draws[3] * share))
    frames = clip.frames.clone()
    grey = (clip.depth[..., top:bottom, left:right] * (255 / _WHITE_M)).clamp(0, 255)
    frames[..., top:bottom, left:right] = grey.to(torch.uint8)
    return replace(clip, frames=frames)


def framed(clip: Clip, draws: np.ndarray) -> Clip:
    """
    Return the clip with a white frame or black bars, behind which nothing is known.

    *draws*: five numbers in [0, 1]: below 0.5 the first makes a frame, whose four sides the
    others give, else bars at top and bottom or, the second above 0.5, left and right.
    """
    height, width = clip.frames.shape[-2:]
    white = draws[0] < 0.5
    if white:
        low, high = _WHITE_FRAME
        sides = [max(1, round(width * (low + (high - low) * float(draw)))) for draw in draws[1:]]
    else:
        bar = float(draws[2]) * _BLACK_BARS
        sides = [round(height * bar)] * 2 + [0, 0]
        if draws[1] > 0.5:
            sides = [0, 0] + [round(width * bar)] * 2
    top, bottom, left, right = sides
    inside = torch.zeros(height, width, dtype=torch.bool)
    inside[top:height - bottom, left:width - right] = True
    return replace(clip, frames=torch.where(inside, clip.frames, 255 if white else 0),
                   depth=torch.where(inside, clip.depth, 0.0), valid=clip.valid & inside)


def _windowed(clip: Clip, config: AugmentConfig, draws: np.ndarray) -> Clip:
    """Return the random window that *config* asks for."""
    full_height, full_width = clip.frames.shape[-2:]
    size = (config.width or full_width, config.height or full_height)
    width, height = config.crop or (full_width, full_height)
    width, height = min(width, full_width), min(height, full_height)
    if not config.squeeze and config.crop is None:
        scale = min(full_width / size[0], full_height / size[1])
        width, height = size[0] * scale, size[1] * scale
    zoom = config.zoom[0] + (config.zoom[1] - config.zoom[0]) * draws[0]
    width, height = max(1, round(width / zoom)), max(1, round(height / zoom))
    place = (0.5, 0.5) if config.centred else draws[1:3]
    left, top = round((full_width - width) * place[0]), round((full_height - height) * place[1])
    if (left, top, width, height) == (0, 0, *size) and size == (full_width, full_height):
        return clip
    return windowed(clip, left, top, width, height, size)


def _recoloured(frames: torch.Tensor, config: AugmentConfig, draws: np.ndarray) -> torch.Tensor:
    """Return (T, 3, H, W) uint8 frames in other colours."""
    changes = ((config.brightness, functional.adjust_brightness),
               (config.contrast, functional.adjust_contrast),
               (config.saturation, functional.adjust_saturation),
               (config.gamma, functional.adjust_gamma))
    for draw, ((low, high), change) in zip(draws, changes):
        if (low, high) != _NO_CHANGE:
            frames = change(frames, low + (high - low) * float(draw))
    if config.hue:
        frames = functional.adjust_hue(frames, (2 * float(draws[4]) - 1) * config.hue)
    return frames


def _degraded(frames: torch.Tensor, config: AugmentConfig, draws: np.ndarray) -> torch.Tensor:
    """Return (T, 3, H, W) uint8 frames as a worse lens and a compressed stream show them."""
    sigma = config.blur * max(0.0, 2 * float(draws[0]) - 1)
    quality = round(100 - (100 - config.jpeg) * float(draws[1]))
    images = []
    for image in frames.permute(0, 2, 3, 1).contiguous().numpy():
        if sigma > 0.1:
            image = cv2.GaussianBlur(image, (0, 0), sigma)
        if config.jpeg:
            # Red and blue change places, which only the weights of luma would notice.
            coded = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            image = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        images.append(image)
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def _disturbed(frames: torch.Tensor, config: AugmentConfig,
               rng: np.random.Generator) -> torch.Tensor:
    """Return (T, 3, H, W) uint8 frames with another exposure and other noise in each."""
    gain = np.exp(rng.normal(0, config.flicker, len(frames))).astype(np.float32)
    values = frames.float() * torch.from_numpy(gain).view(-1, 1, 1, 1)
    if config.noise:
        values += torch.from_numpy(
            rng.standard_normal(frames.shape, np.float32) * np.float32(config.noise))
    return values.round().clamp(0, 255).to(torch.uint8)
