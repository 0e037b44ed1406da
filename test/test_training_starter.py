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
"""The starter's trainer: a step learns, and an interrupted run goes on where it was."""

from __future__ import annotations

from lstm_depth.checkpoint import load_model
from lstm_depth.data.clips import clip_from_still, ClipConfig
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import NYU_CAMERA
from lstm_depth.models import create_model
from lstm_depth.training import starter
import numpy as np
import pytest


@pytest.fixture
def batch():
    """Return one clip of a wall with a box in front of it."""
    depth = np.full((96, 128), 3.0, np.float32)
    depth[40:, 30:90] = 1.5
    rgb = np.repeat((255 - 60 * depth[..., None]).astype(np.uint8), 3, axis=2)
    frame = CameraFrame(rgb, 0, camera=NYU_CAMERA.resized(128, 96), depth=depth)
    config = ClipConfig(width=64, height=64, focal=starter.FOCAL)
    return [clip_from_still(frame, 2, config, np.random.default_rng(0))] * 2


@pytest.fixture
def stage():
    return starter.Stage(epochs=1, length=2, batch=2, max_zoom=1.5, learning_rate=3e-3,
                         temporal_weight=1.0)


def test_steps_lower_the_loss(tmp_path, batch, stage):
    trainer = starter.Trainer(tmp_path, False, seed=0)
    trainer.start_stage(stage, steps=12)
    trainer.model.train()
    losses = [trainer.train_step(batch) for _ in range(12)]
    assert np.isfinite(losses).all()
    assert min(losses[-3:]) < 0.7 * losses[0]


def test_an_interrupted_run_goes_on_where_it_was(tmp_path, batch, stage):
    trainer = starter.Trainer(tmp_path, False, seed=0)
    trainer.start_stage(stage, steps=4)
    trainer.model.train()
    trainer.train_step(batch)
    trainer.done = 1
    trainer.save(stage_over=False)
    resumed = starter.Trainer(tmp_path, False, seed=1)
    resumed.start_stage(stage, steps=4)
    resumed.model.train()
    assert (resumed.step, resumed.done) == (1, 1)
    assert resumed.train_step(batch) == pytest.approx(trainer.train_step(batch), rel=1e-3)
    assert resumed.scheduler.get_last_lr() == trainer.scheduler.get_last_lr()


def test_the_shipped_checkpoint_is_of_this_configuration():
    assert load_model().config == create_model('residual_lstm', **starter.MODEL).config
