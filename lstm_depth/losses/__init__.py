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
Training losses on clips of metric depth, masked where the ground truth is invalid.

A recipe names its terms and their weights: ``DepthLoss({'mse': 1, 'std': 0.1})``.
"""

from lstm_depth.losses.combined import DepthLoss, LOSS_NAMES, TEMPORAL_NAMES
from lstm_depth.losses.perceptual import PerceptualLoss

__all__ = ['LOSS_NAMES', 'TEMPORAL_NAMES', 'DepthLoss', 'PerceptualLoss']
