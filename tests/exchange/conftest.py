"""The rows of the layers' shared tests are those that go through the exchange, too."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "layers"))
