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
"""A node under test and a driver that talks to it over real DDS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import os
from pathlib import Path
import sys
from threading import Thread
import time
from typing import Any

import _have_ros  # noqa: F401
from lifecycle_msgs.srv import ChangeState
from lstm_depth.checkpoint import save_checkpoint
from lstm_depth.media.bag import BagReader
from lstm_depth.media.bag.common import TRANSFORMS, typestore
from lstm_depth.models import create_model
from lstm_depth.ros.conversion import byte_array
from lstm_depth.ros.depth_node import DepthNode
from lstm_depth.ros.qos import output_qos
from lstm_depth.ros.tf_topics import borrowed_type, TFMessage
from lstm_depth.ros.trial import reserve_domain
import numpy as np
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

# Nothing that is waited for takes that long, but for a machine that stands still for a while.
PATIENCE_S = 60.0
WIDTH, HEIGHT = 40, 32
OUTPUTS = {'image': Image, 'camera_info': CameraInfo, 'points': PointCloud2, 'colored': Image}


_DOMAINS: dict[str, tuple[int, Any]] = {}


def domain_id(module: str) -> int:
    """Return a DDS domain of this process and test module alone."""
    # No two modules of a process share one: a node that a test has killed stays in its domain
    # for as long as Fast DDS believes in it.
    if module not in _DOMAINS:
        _DOMAINS[module] = reserve_domain()
    return _DOMAINS[module][0]


def process_environment(domain: int) -> dict[str, str]:
    """Return the environment of a node process of the test."""
    root = str(Path(__file__).resolve().parents[1])
    return {**os.environ, 'ROS_DOMAIN_ID': str(domain), 'OMP_NUM_THREADS': '1',
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'PYTHONUNBUFFERED': '1',
            'PYTHONPATH': os.pathsep.join(filter(None, [root, os.environ.get('PYTHONPATH')]))}


def tiny_checkpoint(folder: Path) -> Path:
    """Return a real but very small checkpoint."""
    path = folder / 'tiny.safetensors'
    if not path.exists():
        save_checkpoint(path, create_model(
            'residual_lstm', input_height=32, input_width=40, hourglass_depth=1))
    return path


def wait_for(condition: Callable[[], Any], timeout_s: float = PATIENCE_S, what: str = '') -> Any:
    """Return what *condition* gives once it is true; fail after *timeout_s*."""
    end = time.monotonic() + timeout_s
    while not (result := condition()):
        if time.monotonic() > end:
            pytest.fail(f'waited {timeout_s} s in vain {what}')
        time.sleep(0.01)
    return result


class TransformPlayer:
    """Publish the /tf and /tf_static of a bag, as a player does."""

    def __init__(self, node: Node, bag: Path) -> None:
        """Publish what is static, and keep what moves."""
        kind = TFMessage or borrowed_type()
        latched = output_qos(100)
        latched.durability = DurabilityPolicy.TRANSIENT_LOCAL
        self._moving: list[tuple[int, bytes]] = []
        self._publisher = node.create_publisher(kind, '/tf', output_qos(100))
        self._static = node.create_publisher(kind, '/tf_static', latched)
        with BagReader(bag) as reader:
            for topic, time_ns, message in reader.messages('/tf', '/tf_static'):
                data = bytes(typestore().serialize_cdr(message, TRANSFORMS))
                if topic == '/tf':
                    self._moving.append((time_ns, data))
                else:
                    self._static.publish(data)

    def heard(self) -> bool:
        """Return whether anybody listens."""
        return bool(self._publisher.get_subscription_count()
                    and self._static.get_subscription_count())

    def play_until(self, stamp_ns: int) -> None:
        """Publish what moves, up to the first message that is not earlier than a stamp."""
        while self._moving:
            time_ns, data = self._moving.pop(0)
            self._publisher.publish(data)
            if time_ns >= stamp_ns:
                return


class Driver:
    """A context of its own in *domain*, and nodes each on a thread of their own."""

    def __init__(self, domain: int, name: str = 'driver') -> None:
        """Start the node ``driver``."""
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        self.domain = domain
        self.context = Context()
        self.context.init(args=[], domain_id=self.domain)
        self._threads: list[Thread] = []
        self._nodes: list[Node] = []
        self._executors: list[SingleThreadedExecutor] = []
        self.driver = self.spin(Node(name, context=self.context))

    def spin(self, node: Node) -> Node:
        """Serve *node* on a new thread."""
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(node)
        thread = Thread(target=self._serve, args=(executor,), daemon=True)
        thread.start()
        self._threads.append(thread)
        self._executors.append(executor)
        self._nodes.append(node)
        return node

    @staticmethod
    def _serve(executor: SingleThreadedExecutor) -> None:
        try:
            executor.spin()
        except ExternalShutdownException:
            pass

    def close(self) -> None:
        """Stop everything."""
        for executor in self._executors:
            executor.shutdown()
        for thread in self._threads:
            thread.join(5)
        for node in self._nodes:
            getattr(node, 'close', lambda: None)()
            node.destroy_node()
        self.context.try_shutdown()


class Rig(Driver):
    """A driver that publishes as a camera does, and depth nodes beside it."""

    def __init__(self, module: str, capfd: pytest.CaptureFixture[str],
                 use_sim_time: bool = False) -> None:
        """Start the driver; what nodes log is read from *capfd*."""
        super().__init__(domain_id(module))
        self.use_sim_time = use_sim_time
        self._capfd = capfd
        self._log = ''
        self.received: dict[str, list[Any]] = {name: [] for name in OUTPUTS}
        self.images = self.driver.create_publisher(Image, 'image', 10)
        self.jpegs = self.driver.create_publisher(CompressedImage, 'image/compressed', 10)
        self.infos = self.driver.create_publisher(CameraInfo, 'camera_info', 10)

    def depth_node(self, **parameters: Any) -> DepthNode:
        """Start a depth node with *parameters*."""
        # PyTorch, whose weights a test may change.
        parameters = {'diagnostics_period_s': 0.1, 'use_sim_time': self.use_sim_time,
                      'backend': 'torch', **parameters}
        return self.spin(DepthNode(context=self.context, parameter_overrides=[
            Parameter(name, value=value) for name, value in parameters.items()]))

    def active_node(self, checkpoint: Path, listen: tuple[str, ...] = ('image', 'camera_info'),
                    **parameters: Any) -> DepthNode:
        """Start a depth node, active, matched with the driver and heard on *listen*."""
        node = self.depth_node(autostart=True, checkpoint=str(checkpoint), **parameters)
        assert node.state_label == 'active'
        for name in listen:
            self.listen(name)
        compressed = parameters.get('image_transport') == 'compressed'
        images = self.jpegs if compressed else self.images
        wait_for(lambda: images.get_subscription_count() and self.infos.get_subscription_count(),
                 what='for the node to subscribe')
        wait_for(lambda: all(node.cameras[0].outputs.wanted(f'depth/{name}') for name in listen),
                 what='for the outputs to be matched')
        return node

    def listen(self, name: str, node: str = '/depth_node') -> None:
        """Collect the messages of one output of *node* in ``received``."""
        self.driver.create_subscription(
            OUTPUTS[name], f'{node}/depth/{name}', self.received[name].append, 200)

    def call(self, kind: type, service: str, request: Any, timeout_s: float = PATIENCE_S) -> Any:
        """Return the answer of a service."""
        end = time.monotonic() + timeout_s
        # A new client when one does not find its service soon: DDS misses a match now and then.
        while not (client := self.driver.create_client(kind, service)).wait_for_service(2.0):
            self.driver.destroy_client(client)
            assert time.monotonic() < end, f'no service {service}'
        future = client.call_async(request)
        wait_for(future.done, timeout_s, f'for {service} to answer')
        return future.result()

    def transition(self, number: int) -> bool:
        """Ask the depth node for a lifecycle transition."""
        request = ChangeState.Request()
        request.transition.id = number
        return self.call(ChangeState, '/depth_node/change_state', request).success

    def set_parameters(self, **values: Any) -> list[Any]:
        """Set parameters of the depth node by its service; return the results."""
        request = SetParameters.Request(parameters=[
            Parameter(name, value=value).to_parameter_msg() for name, value in values.items()])
        return self.call(SetParameters, '/depth_node/set_parameters', request).results

    def warnings(self, text: str) -> list[str]:
        """Return the logged warnings and errors that hold *text*."""
        # From stderr and not from /rosout, which serves one node of a name per process: an
        # earlier test's node that is not collected yet would keep it.
        self._log += self._capfd.readouterr().err
        return [line for line in self._log.splitlines()
                if line.startswith(('[WARN]', '[ERROR]')) and text in line]

    def log(self, text: str) -> str:
        """Return all that was logged if *text* is in it, else nothing."""
        captured = self._capfd.readouterr()
        self._log += captured.out + captured.err
        return self._log if text in self._log else ''

    def show(self, msg: Image | CompressedImage, info: CameraInfo | None = None) -> None:
        """Publish an image, after its camera_info."""
        if info is not None:
            self.infos.publish(info)
        (self.images if isinstance(msg, Image) else self.jpegs).publish(msg)

    def answered(self, count: int, name: str = 'image') -> list[Any]:
        """Wait for *count* messages of an output in all; return them."""
        wait_for(lambda: len(self.received[name]) >= count,
                 what=f'for {count} on {name}, have {len(self.received[name])}')
        return self.received[name]

    def close(self) -> None:
        """Stop everything."""
        super().close()
        # For pytest's report of a failure.
        sys.stderr.write(self._log)


@pytest.fixture(name='rig')
def rig_fixture(request: pytest.FixtureRequest,
                capfd: pytest.CaptureFixture[str]) -> Iterator[Rig]:
    """Return a fresh context with a driver, in a domain of the module's own."""
    rig = Rig(request.module.__name__, capfd)
    yield rig
    rig.close()


@pytest.fixture(name='checkpoint', scope='module')
def checkpoint_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tiny real checkpoint."""
    return tiny_checkpoint(tmp_path_factory.mktemp('checkpoint'))


def resets(node: DepthNode) -> dict[str, int]:
    """Return how often the hidden state was reset, by reason."""
    return node.cameras[0].processor.resets


def drops(node: DepthNode) -> dict[str, int]:
    """Return the frames dropped, by cause."""
    return dict(node.cameras[0].telemetry.snapshot().drops)


def image(stamp_s: float, *, frame_id: str = 'camera', width: int = WIDTH,
          height: int = HEIGHT, **fields: Any) -> Image:
    """Return an rgb8 image with a gradient; *fields* override what they name."""
    rgb = np.indices((height, width)).sum(0).astype(np.uint8)[..., None].repeat(3, 2)
    msg = Image(height=height, width=width, encoding='rgb8', step=3 * width,
                data=byte_array(np.ascontiguousarray(rgb).reshape(-1)))
    for name, value in fields.items():
        setattr(msg, name, value)
    return stamped(msg, stamp_s, frame_id)


def stamped(msg: Any, stamp_s: float, frame_id: str = 'camera') -> Any:
    """Set the header of *msg* and return it."""
    nanoseconds = round(stamp_s * 1e9)
    msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(nanoseconds, 10**9)
    msg.header.frame_id = frame_id
    return msg


def camera_info(width: int = WIDTH, height: int = HEIGHT, focal: float = 35.0) -> CameraInfo:
    """Return the camera_info of an undistorted camera; focal 0 is uncalibrated."""
    cx, cy = (width - 1) / 2, (height - 1) / 2
    one = 1.0 if focal else 0.0
    return stamped(CameraInfo(
        width=width, height=height, distortion_model='plumb_bob', d=[0.0] * 5,
        k=[focal, 0.0, cx * one, 0.0, focal, cy * one, 0.0, 0.0, one],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[focal, 0.0, cx * one, 0.0, 0.0, focal, cy * one, 0.0, 0.0, 0.0, one, 0.0]), 0.0)


def pixels(msg: Image) -> np.ndarray:
    """Return the (H, W) values of a depth image message."""
    dtype = {'32FC1': np.float32, '16UC1': np.uint16}[msg.encoding]
    return np.frombuffer(msg.data, dtype).reshape(msg.height, msg.width)
