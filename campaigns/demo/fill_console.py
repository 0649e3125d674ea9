"""``python -m campaigns.demo.fill_console LANGUAGE``: adds users and campaigns to the demo in the working directory."""

from __future__ import annotations

import sys
from contextlib import closing

from campaigns.context import open_context
from campaigns.demo.console import fill

if __name__ == "__main__":
    with closing(open_context()) as opened:
        fill(opened, sys.argv[1])
