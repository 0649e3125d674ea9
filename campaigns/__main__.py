"""``python -m campaigns`` and ``postiljon``: the command line."""

from campaigns.cli import main

if __name__ == "__main__":
    main()
