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
The report: one HTML file that a person can read, wherever it is sent.

Pictures and charts lie inside the file and it has no script, so that nothing is loaded
from anywhere and nothing in it can run.
"""

from __future__ import annotations

from pathlib import Path

from lstm_depth.evaluation.report.wording import milliseconds, number, percent
from lstm_depth.evaluation.results import Evaluation
from lstm_depth.extras import import_extra
from lstm_depth.files import write_text

FILE_NAME = 'report.html'


def require_packages() -> None:
    """Raise MissingPackage, before the work, where a report or chart could not be drawn."""
    for name in ('jinja2', 'matplotlib'):
        import_extra(name)


def write_report(evaluation: Evaluation, directory: str | Path) -> Path:
    """
    Write *evaluation* as ``report.html`` into *directory*, atomically; return its path.

    The file needs no other. Its size is bounded by the pictures of *evaluation*: long
    series are drawn by their means and extremes, long tables cut with a word about it.
    """
    path = Path(directory) / FILE_NAME
    # A file name that is not UTF-8 reaches us as lone surrogates, which no file can hold.
    text = report_html(evaluation).encode('utf-8', 'replace').decode('utf-8')
    write_text(path, text)
    return path


def report_html(evaluation: Evaluation) -> str:
    """Return *evaluation* as an HTML page; MissingPackage without the report extra."""
    jinja2 = import_extra('jinja2')
    from lstm_depth.evaluation.report.page import page_values

    templates = jinja2.Environment(
        loader=jinja2.PackageLoader('lstm_depth.evaluation.report'), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    templates.filters |= {'milliseconds': milliseconds, 'number': number, 'percent': percent}
    return templates.get_template('report.html').render(page_values(evaluation))
