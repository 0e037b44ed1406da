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
"""The services that set parameters, with an answer to whatever is asked."""

from __future__ import annotations

from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter
from rclpy.parameter_service import ParameterService

_LONGEST_REASON = 500


class CheckedParameterService(ParameterService):
    """
    Refuse, with a reason, what rclpy's own service lets end the node.

    To be created by a node that was made with ``start_parameter_services=False``.
    """

    def _set_parameters_callback(
            self, request: SetParameters.Request, response: SetParameters.Response
    ) -> SetParameters.Response:
        """Set one after the other; each has a result of its own."""
        response.results = [self._set([parameter]) for parameter in request.parameters]
        return response

    def _set_parameters_atomically_callback(
            self, request: SetParametersAtomically.Request,
            response: SetParametersAtomically.Response) -> SetParametersAtomically.Response:
        """Set all or none."""
        response.result = self._set(request.parameters)
        return response

    def _set(self, parameters: list[ParameterMsg]) -> SetParametersResult:
        """Return how setting them together went."""
        try:
            result = self._get_node().set_parameters_atomically(
                [Parameter.from_parameter_msg(parameter) for parameter in parameters])
        except Exception as error:
            # An unknown type of value, a name that no parameter can have, one that is not
            # declared: rclpy raises something else for each.
            result = SetParametersResult(successful=False, reason=str(error) or repr(error))
        if len(result.reason) > _LONGEST_REASON:
            result.reason = result.reason[:_LONGEST_REASON] + '...'
        return result
