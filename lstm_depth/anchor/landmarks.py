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
Points in space from the rays that saw them.

A ray from centre c in direction d says that the point x lies on it: the residual is
(I - d d^T)(x - c). Sums of these 3x3 equations are all that is kept of a landmark's
history, so that any number of observations costs the same (midpoint triangulation in
information form). Their inverse is the point's covariance, which tells a depth that
parallax has fixed from one that it has not.
"""

from __future__ import annotations

import numpy as np

# What is known of a new landmark: it is somewhere on its ray.
_ALONG_RAY_SIGMA = 3.0
_STRIKES = 2
# Standard deviations of a landmark's place that a ray may pass it by.
_GATE = 2.0


class Landmarks:
    """
    Landmarks in one frame of reference, each the history of one track.

    *points*: (N, 3) metres. *seen*: (N,) how many rays each is made of.
    """

    def __init__(self, pixel_sigma: float, max_residual_px: float) -> None:
        """Start without a landmark."""
        self._pixel_sigma = pixel_sigma
        self._max_residual_px = max_residual_px
        self.reset()

    def reset(self) -> None:
        """Forget every landmark."""
        self.noise_px = self._pixel_sigma
        self.points = np.empty((0, 3))
        self.seen = np.empty(0, np.intp)
        self._strikes = np.empty(0, np.intp)
        self._information = np.empty((0, 3, 3))
        self._covariance = np.empty((0, 3, 3))
        self._vector = np.empty((0, 3))
        self._origins = np.empty((0, 3))

    def __len__(self) -> int:
        """Return how many landmarks there are."""
        return len(self.points)

    def keep(self, kept: np.ndarray) -> None:
        """Go on with the landmarks at the places *kept* (K,) only."""
        for name in ('points', 'seen', '_strikes', '_information', '_covariance', '_vector',
                     '_origins'):
            setattr(self, name, getattr(self, name)[kept])

    def rescale(self, factor: float, centre: np.ndarray) -> None:
        """Move all landmarks and all they were seen from to *factor* times as far off."""
        self._information /= factor ** 2
        self._covariance *= factor ** 2
        self._vector = (self._vector / factor
                        + (1 - factor) * np.einsum('nij,j->ni', self._information, centre))
        self.points = centre + factor * (self.points - centre)
        self._origins = centre + factor * (self._origins - centre)

    def fade(self, share: float) -> None:
        """Let what was seen so far count only *share* as much."""
        self._information *= share
        self._covariance /= share
        self._vector *= share

    def observe(self, centre: np.ndarray, rays: np.ndarray, depth: np.ndarray,
                focal: float) -> None:
        """
        Take one more ray of every landmark; more rays than landmarks begin new ones.

        *centre*: (3,) metres, *rays*: (N, 3) unit vectors, both in the frame of reference.
        *depth*: (N,) the distance along the ray where nothing better is known. *focal*: in
        pixels. A ray that passes its landmark too far off is left out, and after two in a
        row the landmark begins anew: the track has slipped, or what it is on has moved.
        """
        old = len(self)
        reach = np.maximum(np.linalg.norm(self.points - centre, axis=1), 0.05)
        off = self._off(centre, rays[:old], reach / focal)
        self._strikes = np.where(off, self._strikes + 1, 0)
        lost = self._strikes >= _STRIKES
        self._add(np.flatnonzero(~off), centre, rays, reach, focal)
        fresh = np.concatenate([np.flatnonzero(lost), np.arange(old, len(rays))])
        self._begin(fresh, centre, rays, depth, focal)
        self._covariance = np.linalg.inv(self._information)
        self.points = np.einsum('nij,nj->ni', self._covariance, self._vector)

    def sigma(self, centre: np.ndarray, focal: float) -> np.ndarray:
        """
        Return (N,) the standard deviation of each landmark's log distance to *centre*.

        Half of it is what the equations say, which take the error of every ray as
        independent; the other half is the error of two rays as far apart as the camera has
        been, for errors of the camera's pose, which many rays share.
        """
        offset = self.points - centre
        reach = np.maximum(np.linalg.norm(offset, axis=1, keepdims=True), 1e-6)
        along = offset / reach
        spread = self._spread(along)
        base = centre - self._origins
        base = np.linalg.norm(base - np.einsum('ni,ni->n', base, along)[:, None] * along, axis=1)
        two_rays = self.noise_px / focal * reach[:, 0] / np.maximum(base, 1e-6)
        return np.hypot(np.sqrt(np.maximum(spread, 0)) / reach[:, 0], two_rays)

    def _off(self, centre: np.ndarray, rays: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        """
        Return (N,) which rays pass their landmark farther off than is to be expected.

        *pixel*: (N,) the metres that are one pixel at the landmark. What is to be expected
        is the noise, and how far the landmark may be from where it is thought to be.
        """
        offset = self.points - centre
        miss = offset - np.einsum('ni,ni->n', rays, offset)[:, None] * rays
        limit = max(self._max_residual_px, 2 * self.noise_px) * pixel
        square = np.einsum('ni,ni->n', miss, miss)
        # The variance of the landmark in the direction in which the ray misses it.
        there = self._spread(miss) / np.maximum(square, 1e-18)
        spread = np.trace(self._covariance, axis1=1, axis2=2) - self._spread(rays)
        sure = (self.seen >= 3) & (spread < limit ** 2)
        self._learn_noise(np.sqrt(square[sure]) / pixel[sure])
        return square > _GATE ** 2 * there + limit ** 2

    def _spread(self, along: np.ndarray) -> np.ndarray:
        """Return (N,) the variance of each landmark along its (N, 3) vector, times its square."""
        return np.einsum('nij,ni,nj->n', self._covariance, along, along)

    def _learn_noise(self, miss_px: np.ndarray) -> None:
        """Follow how far rays pass landmarks: the error of tracks and of camera poses."""
        if len(miss_px) < 10:
            return
        found = min(float(np.median(miss_px)) / 0.674, 2 * self.noise_px)
        self.noise_px = max(self._pixel_sigma, 0.8 * self.noise_px + 0.2 * found)

    def _add(self, which: np.ndarray, centre: np.ndarray, rays: np.ndarray, reach: np.ndarray,
             focal: float) -> None:
        """Add the equations of the rays of *which* landmarks."""
        across = np.eye(3) - rays[which, :, None] * rays[which, None, :]
        weight = (focal / (self.noise_px * reach[which])) ** 2
        information = weight[:, None, None] * across
        self._information[which] += information
        self._vector[which] += information @ centre
        self.seen[which] += 1

    def _begin(self, which: np.ndarray, centre: np.ndarray, rays: np.ndarray,
               depth: np.ndarray, focal: float) -> None:
        """Begin the landmarks at the places *which*, the last of them new."""
        grow = len(rays) - len(self)
        self._information = np.concatenate([self._information, np.zeros((grow, 3, 3))])
        self._vector = np.concatenate([self._vector, np.zeros((grow, 3))])
        self.points, self._origins = (
            np.concatenate([values, np.zeros((grow, 3))])
            for values in (self.points, self._origins))
        self._origins[which] = centre
        self.seen, self._strikes = (
            np.concatenate([values, np.zeros(grow, np.intp)])
            for values in (self.seen, self._strikes))
        along = rays[which, :, None] * rays[which, None, :] / _ALONG_RAY_SIGMA ** 2
        self._information[which] = along
        self._vector[which] = np.einsum(
            'nij,nj->ni', along, centre + rays[which] * depth[which, None])
        self.seen[which] = self._strikes[which] = 0
        self._add(which, centre, rays, _scattered(depth, which, len(rays)), focal)


def _scattered(values: np.ndarray, which: np.ndarray, size: int) -> np.ndarray:
    """Return (size,) with *values* at *which* places, 1 elsewhere."""
    result = np.ones(size)
    result[which] = values[which]
    return result
