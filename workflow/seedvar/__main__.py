"""Runs the command line as `python -m seedvar`."""

import sys

from seedvar.cli.main import main

sys.exit(main())
