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
The DDS profile of our processes: shared memory that holds several camera images.

Fast DDS's default segment is smaller than one 640x480 image, so that best-effort images
are lost in the process that publishes them (ros2/rmw_fastrtps issue 739). The profile has
to be in the environment before ``rclpy.init``; a choice of the user's is never replaced.
Imports no ROS, so that launch files and the command line can use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import os
from pathlib import Path

# Fast DDS 2 (Humble, Jazzy) reads the first, Fast DDS 3 (Kilted) the second.
VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
# What else chooses a transport.
_OTHER_VARIABLES = ('FASTDDS_BUILTIN_TRANSPORTS',)
# Read by Fast DDS where it finds them in the working directory.
_LOCAL_FILES = ('DEFAULT_FASTRTPS_PROFILES.xml', 'DEFAULT_FASTDDS_PROFILES.xml')
# No name is the default of every distribution so far, rmw_fastrtps_cpp.
_FAST_DDS = ('', 'rmw_fastrtps_cpp', 'rmw_fastrtps_dynamic_cpp')
_HERE = Path(__file__).resolve().parent
# Largest first: (file, bytes of its segment).
PROFILES = ((_HERE / 'fastdds.xml', 32 << 20), (_HERE / 'fastdds_small.xml', 8 << 20))
_OURS = frozenset(str(path) for path, _ in PROFILES)
# A process takes its segment at once, and a robot runs several.
_PROCESSES = 4
SHARED_MEMORY = Path('/dev/shm')


@dataclass(frozen=True)
class Profile:
    """
    What a process is to do about its DDS profile.

    *variables*: environment variables to set, empty to leave things as they are.
    *reason*: a sentence for the log. *ours*: whether images get through by it, as far as
    it is up to us; False is worth a warning. *segment*: bytes of our segment, else 0.
    """

    variables: Mapping[str, str]
    reason: str
    ours: bool = True
    segment: int = 0


def choose_profile(environment: Mapping[str, str], folder: Path | None = None,
                   free: int | None = None) -> Profile:
    """
    Return the profile for a process with *environment* that starts in *folder*.

    *free*: bytes of shared memory that are free; those of this machine by default.
    """
    rmw = environment.get('RMW_IMPLEMENTATION', '')
    if rmw not in _FAST_DDS:
        return Profile({}, f'{rmw}, which our DDS profile is not for')
    if own := _users_choice(environment, folder or Path.cwd()):
        return Profile({}, f'Fast DDS as {own} says')
    if _bound_to_localhost(environment):
        # rmw_fastrtps of Humble adds its transports to those of a profile, whose UDP would
        # still be open to the network.
        return Profile({}, 'Fast DDS as ROS_LOCALHOST_ONLY says, with 0.5 MB of shared memory; '
                       'images from us may get lost on the way', ours=False)
    free = free_shared_memory() if free is None else free
    for path, segment in PROFILES:
        # Without room for the segment, Fast DDS goes without shared memory or does not start.
        if free >= segment * _PROCESSES:
            return Profile(dict.fromkeys(VARIABLES, str(path)),
                           f'Fast DDS with {segment >> 20} MB of shared memory ({path})',
                           segment=segment)
    return Profile({}, f'Fast DDS as it comes, because only {free / 2**20:.0f} MB of '
                   f'{SHARED_MEMORY} are free and our DDS profile needs '
                   f'{PROFILES[-1][1] * _PROCESSES >> 20}; images from us may get lost on the '
                   'way. Remove what is left over there ("lstm_depth doctor" lists it), or give '
                   'a container more (docker run --shm-size=512m)', ours=False)


def use_profile() -> Profile:
    """Choose the profile for this process, set it, and return it."""
    profile = choose_profile(os.environ)
    for name in VARIABLES:
        # Ours may be there already, from a launch file, and too large by now.
        if os.environ.get(name) in _OURS:
            del os.environ[name]
    os.environ.update(profile.variables)
    return profile


def free_shared_memory() -> int:
    """Return the bytes that are free in /dev/shm, 0 where there is none."""
    try:
        status = os.statvfs(SHARED_MEMORY)
    except OSError:
        return 0
    return status.f_bavail * status.f_frsize


def _users_choice(environment: Mapping[str, str], folder: Path) -> str:
    """Return what the user has chosen a transport by, empty for nothing."""
    for name in (*VARIABLES, *_OTHER_VARIABLES):
        if (value := environment.get(name, '')) and value not in _OURS:
            return f'{name}={value}'
    return next((str(folder / name) for name in _LOCAL_FILES if (folder / name).is_file()), '')


def _bound_to_localhost(environment: Mapping[str, str]) -> bool:
    """Tell whether this is Humble, bound to this machine."""
    return (environment.get('ROS_DISTRO') == 'humble'
            and environment.get('ROS_LOCALHOST_ONLY') == '1')
