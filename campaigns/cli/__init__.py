"""The command line: one module per subject, each importing what it needs only when it runs (``--help`` in 0.3 s).

Promises: exit codes of docs/commands.md (0 done, 1 the input is wrong, 2 usage, 3 stopped before the end and can be run
again). A person gets a sentence, never a stack trace of an expected error. With ``--json`` errors are JSON too.
"""

from campaigns.cli.main import main, run

__all__ = ["main", "run"]
