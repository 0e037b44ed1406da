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
"""A lifecycle node that outlives mistakes."""

from __future__ import annotations

from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn


class ForgivingLifecycleNode(LifecycleNode):
    """
    A lifecycle node that answers a transition its state does not allow.

    Up to Jazzy, rclpy lets the error of such a request (activate before
    configure, say) out of the executor, which ends the process.
    """

    def destroy_node(self) -> None:
        """
        Destroy the node and its state machine, which rclpy leaves to the garbage collector.

        The state machine holds on to the node, and with it the DDS participant, its threads
        and its files in /dev/shm.
        """
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def _LifecycleNodeMixin__change_state(self, transition_id: int) -> TransitionCallbackReturn:
        """Return ERROR, which the service answers as no success, and log why."""
        try:
            return super()._LifecycleNodeMixin__change_state(transition_id)
        except RuntimeError as error:
            self.get_logger().error(
                f'transition {transition_id} is not possible in state '
                f'"{self.state_label}": {error}')
            return TransitionCallbackReturn.ERROR

    @property
    def state_label(self) -> str:
        """Name of the lifecycle state: unconfigured, inactive, active, finalized..."""
        return self._state_machine.current_state[1]
