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
"""Metric depth anchored by what a robot knows: its own motion, sparse points, its height."""

from lstm_depth.anchor import camera_height, odometry, points, visual  # noqa: F401
from lstm_depth.anchor.confidence import confidence_of
from lstm_depth.anchor.config import AnchorConfig
from lstm_depth.anchor.source import source_names
from lstm_depth.anchor.stage import AnchoredDepth, AnchorStage

__all__ = ['AnchorConfig', 'AnchorStage', 'AnchoredDepth', 'confidence_of', 'source_names']
