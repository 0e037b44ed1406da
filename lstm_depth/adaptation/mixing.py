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
Old and new weights averaged, and the share of the new ones that serves best.

WiSE-FT (Wortsman et al. 2022): between a network and what fine-tuning made of it, weights on
the straight line keep most of what the first knew and have most of what the second learnt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SHARES = (0.25, 0.5, 0.75, 1.0)
# Elsewhere the mean relative error may grow by this share, and that of pixels which are right to
# 25 % fall by as much; other frames would do that as well.
_WORSE_ELSEWHERE = 0.03
# What counts as better on the held-out part.
_BETTER = 0.98


@dataclass(frozen=True)
class Scores:
    """
    Metrics of one mixture: *here* on the held-out part, *elsewhere* by data set.

    *share*: of the new weights, 0 for the network as it was.
    """

    share: float
    here: Mapping[str, float]
    elsewhere: Mapping[str, Mapping[str, float]]


def mixed(old: Mapping[str, Tensor], new: Mapping[str, Tensor],
          share: float) -> dict[str, Tensor]:
    """Return the weights between *old* (share 0) and *new* (share 1)."""
    return {name: weight.lerp(new[name].to(weight), share) if weight.is_floating_point()
            else weight for name, weight in old.items()}


def choose(tried: Sequence[Scores]) -> tuple[Scores | None, str]:
    """
    Return the mixture to keep and why, the first of *tried* being the network as it was.

    Of those that are no worse elsewhere the one whose d1 on the held-out part is farthest above
    its abs_rel: labels that are wrong here and there move the one and not the other. None where
    that is no better than before.
    """
    before, *others = tried
    kept = [scores for scores in others if _worse(before, scores) <= _WORSE_ELSEWHERE]
    if not kept:
        least = min(others, key=lambda scores: scores.share)
        name = max(before.elsewhere, key=lambda name: _worse_at(before, least, name))
        old, new = before.elsewhere[name], least.elsewhere[name]
        return None, (f'it would be worse elsewhere: abs_rel {old["abs_rel"]:.3f} to '
                      f'{new["abs_rel"]:.3f}, d1 {old["d1"]:.3f} to {new["d1"]:.3f} on {name}, '
                      f'even with {least.share:.0%} of the new weights')
    better = [scores for scores in kept if _is_better(before, scores)]
    best = max(better or kept, key=lambda scores: scores.here['d1'] - scores.here['abs_rel'])
    if not better:
        return None, ('it would be no better on the held-out part of the recording: abs_rel '
                      f'{before.here["abs_rel"]:.3f} to {best.here["abs_rel"]:.3f}, d1 '
                      f'{before.here["d1"]:.3f} to {best.here["d1"]:.3f}')
    return best, f'{best.share:.0%} of the new weights'


def _is_better(before: Scores, after: Scores) -> bool:
    """Return whether *after* is worth keeping for the held-out part."""
    return (after.here['abs_rel'] <= _BETTER * before.here['abs_rel']
            and after.here['d1'] >= before.here['d1'])


def _worse(before: Scores, after: Scores) -> float:
    """Return by how much *after* is worse than *before*, where elsewhere it is worst."""
    return max((_worse_at(before, after, name) for name in before.elsewhere), default=0.0)


def _worse_at(before: Scores, after: Scores, name: str) -> float:
    """Return the share by which abs_rel grew on the data set *name*, or d1 fell, the larger."""
    old, new = before.elsewhere[name], after.elsewhere[name]
    return max(new['abs_rel'] / old['abs_rel'] - 1, old['d1'] - new['d1'])
