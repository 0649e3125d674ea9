"""``python -m campaigns`` and ``postiljon``: the command line."""

import sys


def main() -> None:
    """Run a command; ``--version`` alone before anything is loaded."""
    if sys.argv[1:2] == ["--version"]:
        from campaigns.version import print_version

        sys.exit(print_version())
    from campaigns.cli import main as run

    run()


if __name__ == "__main__":
    main()
