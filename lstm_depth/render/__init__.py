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
"""Procedural furnished rooms and a small ray caster: video with exact metric depth."""

from lstm_depth.render.config import ImageConfig, PathConfig, RoomConfig
from lstm_depth.render.footage import random_views, sample_frames
from lstm_depth.render.path import CameraPath
from lstm_depth.render.room import look, random_room, Room

__all__ = ['CameraPath', 'ImageConfig', 'look', 'PathConfig', 'random_room', 'random_views',
           'Room', 'RoomConfig', 'sample_frames']
