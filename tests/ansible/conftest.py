"""The tests of the Ansible half run from their own directory, with the harness of the others."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import scratch  # noqa: E402

scratch.end_on_signals()
