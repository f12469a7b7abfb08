"""``python -m labelwright`` is the command ``labelwright``."""

from labelwright.cli import main

if __name__ == "__main__":
    main()
