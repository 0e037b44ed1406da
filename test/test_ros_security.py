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
"""The SROS 2 policy allows what the nodes do, and nothing else."""

from __future__ import annotations

from pathlib import Path
import re
from xml.etree import ElementTree

from _ros import checkpoint_fixture, Rig, rig_fixture, wait_for  # noqa: F401
from lstm_depth.ros.camera_node import CameraNode
from lstm_depth.ros.evaluation_node import EvaluationNode
from lstm_depth.scoring.metrics import METRIC_NAMES
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter

POLICY = Path(__file__).resolve().parents[1] / 'config' / 'sros2_policy.xml'
# Subscribed to with use_sim_time only.
CLOCK = '/clock'
# Since Jazzy.
TYPES = 'get_type_description'


def allowed(name: str) -> dict[str, set[str]]:
    """Return what the policy lets node *name* do: resolved names by publish, subscribe, reply."""
    tree = ElementTree.parse(POLICY)
    profile, = tree.findall(f"./enclaves/enclave[@path='/lstm_depth/{name}']/profiles/profile")
    assert profile.attrib == {'ns': '/', 'node': name}
    result: dict[str, set[str]] = {}
    for group in profile:
        (right, value), = group.attrib.items()
        assert value == 'ALLOW'
        result[right] = {each.text if each.text.startswith('/')
                         else re.sub('^~', f'/{name}', each.text) if each.text.startswith('~')
                         else f'/{each.text}' for each in group}
    return result


def used(node: Node) -> dict[str, set[str]]:
    """Return what *node* does, in the same form."""
    where = node.get_name(), node.get_namespace()
    lists = {'publish': node.get_publisher_names_and_types_by_node(*where),
             'subscribe': node.get_subscriber_names_and_types_by_node(*where),
             'reply': node.get_service_names_and_types_by_node(*where)}
    assert node.get_client_names_and_types_by_node(*where) == []
    return {right: {name for name, _ in names} for right, names in lists.items()}


def check(node: Node) -> None:
    """Fail unless the policy and *node* agree."""
    policy = allowed(node.get_name())
    wait_for(lambda: used(node)['publish'] >= policy['publish'] - {'/rosout'})
    found = used(node)
    for right, names in policy.items():
        spare = {name for name in names - found[right]
                 if name != CLOCK and not name.endswith(TYPES)}
        assert found[right] - names == set(), f'{right} is not allowed'
        assert spare == set(), right


def test_depth_node(rig: Rig, checkpoint):
    pytest.importorskip('nav_msgs.msg', reason='needs nav_msgs, for the anchor')
    check(rig.active_node(checkpoint, listen=(), anchor='auto', points_type='range'))


def test_camera_node(rig: Rig, tmp_path):
    cv2 = pytest.importorskip('cv2')
    np = pytest.importorskip('numpy')
    cv2.imwrite(str(tmp_path / '1.png'), np.zeros((24, 32, 3), np.uint8))
    check(rig.spin(CameraNode(context=rig.context, parameter_overrides=[
        Parameter('source', value=str(tmp_path)), Parameter('wait_for_subscribers', value=9),
        Parameter('publish_depth', value=True), Parameter('image_transport', value='both')])))


def test_evaluation_node(rig: Rig):
    assert len(METRIC_NAMES) > 5
    check(rig.spin(EvaluationNode(context=rig.context)))


def test_what_is_not_in_the_policy_is_noticed(rig: Rig):
    node = rig.spin(EvaluationNode(context=rig.context))
    from std_msgs.msg import Float64
    node.create_publisher(Float64, '~/spare', 1)
    with pytest.raises(AssertionError, match='publish is not allowed'):
        check(node)
