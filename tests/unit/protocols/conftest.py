"""The hostile words of tests/faults are used here, too."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "faults"))
