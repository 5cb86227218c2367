"""``python -m woundseg.cli``: the same as the command ``woundseg``."""

from woundseg.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
