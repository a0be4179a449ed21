"""``python -m nashpath``."""

from nashpath.cli import main

if __name__ == "__main__":
    main()
