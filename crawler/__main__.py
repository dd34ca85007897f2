"""Let ``python -m crawler`` be the ``holdfast`` command."""

import sys

from crawler.commands import main

sys.exit(main())
