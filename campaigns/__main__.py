"""``python -m campaigns`` and ``postiljon``: the command line."""

import gc
import sys

BETWEEN = 20_000  # objects between two garbage collections: imports make many objects, and hardly any garbage


def main() -> None:
    """Run a command; ``--version`` alone before anything is loaded."""
    if sys.argv[1:2] == ["--version"]:
        from campaigns.version import print_version

        sys.exit(print_version())
    gc.set_threshold(BETWEEN)
    from campaigns.cli import main as run

    run()


if __name__ == "__main__":
    main()
