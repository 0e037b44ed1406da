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
"""``python -m lstm_depth.ros NODE``: run a node from the sources, without an installation."""

import sys

from lstm_depth.ros.start import start

NODES = ('depth_node', 'camera_node', 'evaluation_node')

if __name__ == '__main__':
    if sys.argv[1:2] and sys.argv[1] in NODES:
        node = sys.argv.pop(1)
        start(node)
    sys.exit(f'give one of: {", ".join(NODES)}')
