"""`python -m pocketrnn_train` is the command `pocketrnn-train`."""

import sys

from .cli import main

sys.exit(main())
