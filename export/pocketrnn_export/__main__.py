"""`python -m pocketrnn_export` is the command `pocketrnn-export`."""

import sys

from .cli import main

sys.exit(main())
