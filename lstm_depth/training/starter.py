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
Train the starter checkpoint: stills first, then clips.

Stage 1 learns depth from single stills; stage 2 teaches the recurrent core with
clips drawn from the stills and from rendered rooms. Run it as
``python -m lstm_depth.training.starter STILLS OUT --pretrained WEIGHTS``; a run
that was interrupted goes on where its last epoch ended.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
import copy
from dataclasses import asdict, dataclass
import json
from pathlib import Path

import cv2
from lstm_depth.checkpoint import save_checkpoint
from lstm_depth.data.clip import Clip
from lstm_depth.data.clips import clip_from_frames, clip_from_still, ClipConfig
from lstm_depth.data.stills import list_stills, read_still, split_by_scene
from lstm_depth.files import atomic_path
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import NYU_CAMERA
from lstm_depth.losses import DepthLoss
from lstm_depth.metrics import depth_metrics, MetricsMean
from lstm_depth.models import create_model, DepthModel
from lstm_depth.render import sample_frames
from lstm_depth.stream import DepthStream
import numpy as np
import torch
from torch import nn
from tqdm import tqdm

FOCAL = (NYU_CAMERA.fx / NYU_CAMERA.width, NYU_CAMERA.fy / NYU_CAMERA.height)
# NYU's official scoring window (Eigen et al. 2014) and its white frame.
EIGEN_CROP = (slice(45, 471), slice(41, 601))
BORDER = 10


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One part of the schedule: clips of *length* frames, *batch* of them a step."""

    epochs: int
    length: int
    max_zoom: float
    batch: int
    learning_rate: float
    rooms: int = 0
    room_share: float = 0.0
    temporal_weight: float = 0.0


STAGES = (
    Stage(epochs=45, length=1, batch=8, max_zoom=1.5, learning_rate=1e-3),
    # Robots look at things from nearer than NYU's photographer did.
    Stage(epochs=3, length=6, batch=2, max_zoom=2.5, learning_rate=3e-4, rooms=24,
          room_share=0.3, temporal_weight=1.0),
)
MODEL = {
    'encoder': 'mobilenetv2_100', 'filters': 64, 'norm': True, 'dropout': 0.0,
    'input_height': 192, 'input_width': 256, 'output': 'log', 'focal': FOCAL,
    'hourglass_depth': 2, 'hourglass_blocks': 1,
    'temporal': 'conv_lstm', 'temporal_residual': True,
}


class Trainer:
    """Own the model, its averaged copy (EMA), the optimiser and the place to resume at."""

    def __init__(self, output: Path, pretrained: bool | str, seed: int) -> None:
        """Build the model; go on from ``output/last.pt`` where there is one."""
        torch.manual_seed(seed)
        self.output, self.seed = output, seed
        # Channels last is a third faster for these convolutions on a CPU.
        self.model = create_model('residual_lstm', pretrained=pretrained, **MODEL).to(
            memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.model).eval()
        self.step = 0
        self.done = 0
        self.optimizer: torch.optim.Optimizer | None = None
        self.scheduler: torch.optim.lr_scheduler.OneCycleLR | None = None
        self.saved = None
        if (output / 'last.pt').exists():
            self.saved = torch.load(output / 'last.pt', weights_only=True)
            self.model.load_state_dict(self.saved['model'])
            self.average.load_state_dict(self.saved['average'])
            self.step, self.done = self.saved['step'], self.saved['done']

    def start_stage(self, stage: Stage, steps: int) -> None:
        """Make the optimiser and one-cycle schedule of a stage, or restore them."""
        backbone = list(self.model.encoder.backbone.parameters())
        known = {id(parameter) for parameter in backbone}
        rest = [p for p in self.model.parameters() if id(p) not in known]
        rates = [0.3 * stage.learning_rate, stage.learning_rate]
        self.optimizer = torch.optim.AdamW(
            [{'params': backbone}, {'params': rest}], lr=rates[1], weight_decay=1e-2)
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, max_lr=rates, total_steps=steps, pct_start=0.15)
        if self.saved and self.saved['optimizer']:
            self.optimizer.load_state_dict(self.saved['optimizer'])
            self.scheduler.load_state_dict(self.saved['scheduler'])
        self.saved = None
        self.loss = DepthLoss({'silog': 1.0, 'gradient': 1.0, 'l1': 0.1,
                               'temporal': stage.temporal_weight})

    def train_step(self, batch: list[Clip]) -> float:
        """Take one optimiser step on a batch of clips; return its loss."""
        clip = torch.stack([clip.frames for clip in batch]).float() / 255   # (B, T, 3, H, W)
        target = torch.stack([clip.depth for clip in batch])                # (B, T, 1, H, W)
        valid = (target > 0.1) & (target < 10)
        with torch.autocast('cpu', torch.bfloat16):
            prediction, _ = self.model.forward_clip(clip)
        loss, _ = self.loss(prediction, target, valid)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.scheduler.step()
        self.step += 1
        self._update_average()
        return loss.item()

    @torch.no_grad()
    def _update_average(self) -> None:
        """Move the averaged weights towards the trained ones, faster at the start."""
        decay = min(0.999, (1 + self.step) / (10 + self.step))
        for mine, theirs in zip(self.average.state_dict().values(),
                                self.model.state_dict().values()):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)

    def save(self, stage_over: bool) -> None:
        """Write what is needed to go on after this epoch."""
        with atomic_path(self.output / 'last.pt') as partial:
            torch.save({'model': self.model.state_dict(), 'average': self.average.state_dict(),
                        'optimizer': None if stage_over else self.optimizer.state_dict(),
                        'scheduler': None if stage_over else self.scheduler.state_dict(),
                        'step': self.step, 'done': self.done}, partial)


def batches(stills: list[CameraFrame], rooms: list[list[CameraFrame]], stage: Stage,
            rng: np.random.Generator) -> Iterator[list[Clip]]:
    """Yield an epoch of batches: every still once, some clips exchanged for rooms'."""
    config = ClipConfig(width=MODEL['input_width'], height=MODEL['input_height'], focal=FOCAL,
                        max_zoom=stage.max_zoom)

    def draw(index: int) -> Clip:
        if rooms and rng.random() < stage.room_share:
            room = rooms[rng.integers(len(rooms))]
            start = rng.integers(len(room) - stage.length + 1)
            return clip_from_frames(room[start:start + stage.length], config, rng)
        return clip_from_still(stills[index], stage.length, config, rng)

    order = rng.permutation(len(stills))
    groups = [order[i:i + stage.batch] for i in range(0, len(order), stage.batch)]
    groups = [group for group in groups if len(group) == stage.batch]
    # The next batch is made while the network works on this one.
    with ThreadPoolExecutor(1) as pool:
        ready = pool.submit(lambda group: [draw(i) for i in group], groups[0])
        for group in groups[1:]:
            current = ready.result()
            ready = pool.submit(lambda group: [draw(i) for i in group], group)
            yield current
        yield ready.result()


def evaluate_stills(model: DepthModel, root: Path, names: list[str]) -> dict[str, float]:
    """Return the NYU protocol's metrics (filled ground truth, Eigen crop, no alignment)."""
    mean = MetricsMean()
    stream = DepthStream(model, device='cpu')
    for name in names:
        still = read_still(root, name)
        stream.reset()
        depth = stream.push(still.rgb, 0.0, camera=still.camera).depth
        depth = cv2.resize(depth, (640, 480), interpolation=cv2.INTER_LINEAR)
        mean.add(depth_metrics(depth[EIGEN_CROP], still.depth[EIGEN_CROP]))
    return mean.mean()


def render_rooms(count: int, seed: int) -> list[list[CameraFrame]]:
    """Return clips of *count* rendered rooms, 16 frames each, for stage 2."""
    size = {'width': MODEL['input_width'], 'height': MODEL['input_height'], 'rate_hz': 15.0}
    return [list(sample_frames(16, seed + index, **size))
            for index in tqdm(range(count), desc='rendering rooms')]


def train(root: Path, output: Path, pretrained: bool | str, seed: int = 0) -> None:
    """Run both stages and write ``output/residual_lstm.safetensors`` with its numbers."""
    output.mkdir(parents=True, exist_ok=True)
    names, held_out = split_by_scene(list_stills(root))
    stills = [read_still(root, name, border=BORDER, width=400)
              for name in tqdm(names, desc='reading stills')]
    trainer = Trainer(output, pretrained, seed)
    before = 0
    for stage in STAGES:
        steps = stage.epochs * (len(stills) // stage.batch)
        if trainer.done < before + stage.epochs:
            trainer.start_stage(stage, steps)
            rooms = render_rooms(stage.rooms, seed=10_000) if stage.rooms else []
        while trainer.done < before + stage.epochs:
            rng = np.random.default_rng([seed, trainer.done])
            trainer.model.train()
            bar = tqdm(batches(stills, rooms, stage, rng), total=len(stills) // stage.batch,
                       desc=f'epoch {trainer.done + 1}', mininterval=5)
            losses = []
            for batch in bar:
                losses.append(trainer.train_step(batch))
                bar.set_postfix(loss=f'{np.mean(losses[-50:]):.3f}')
            trainer.done += 1
            stage_over = trainer.done == before + stage.epochs
            trainer.save(stage_over)
            if trainer.done % 5 == 0 or stage_over:
                write_results(trainer, root, names, held_out, float(np.mean(losses)))
        before += stage.epochs


def write_results(trainer: Trainer, root: Path, names: list[str], held_out: list[str],
                  loss: float) -> None:
    """Score the averaged weights on the held-out scenes; write the checkpoint and a log line."""
    metrics = evaluate_stills(trainer.average, root, held_out)
    tqdm.write(f'after epoch {trainer.done}: loss {loss:.3f}, held out '
               + ', '.join(f'{key} {value:.3f}' for key, value in metrics.items()))
    with (trainer.output / 'log.jsonl').open('a', encoding='utf-8') as log:
        log.write(json.dumps({'epoch': trainer.done, 'loss': loss} | metrics) + '\n')
    training = {
        'data': f'{len(names)} labelled NYU Depth V2 training frames as stills and clips, and '
                f'{STAGES[-1].rooms} rendered rooms',
        'held_out': f'{len(held_out)} labelled training frames of other scenes',
        'stages': [asdict(stage) for stage in STAGES],
        'epochs_done': trainer.done, 'seed': trainer.seed,
    }
    save_checkpoint(trainer.output / 'residual_lstm.safetensors', trainer.average,
                    training=training, dtype=torch.float16,
                    metrics={'protocol': 'NYU, filled ground truth, Eigen crop, cap 10 m, no '
                                         'alignment, no flip averaging, float32 weights',
                             'held_out': metrics})


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('stills', type=Path, help='folder with rgb/NAME.jpg and depth/NAME.png')
    parser.add_argument('output', type=Path, help='folder for checkpoints and logs')
    parser.add_argument('--pretrained', help="ImageNet weights file (default: timm's own)")
    parser.add_argument('--seed', type=int, default=0, help='random seed (default: 0)')
    args = parser.parse_args()
    train(args.stills, args.output, args.pretrained or True, args.seed)


if __name__ == '__main__':
    main()
