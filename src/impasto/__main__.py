"""The program ``impasto``, also ``python -m impasto``."""

import sys


def main() -> int:
    """Run the command line and return its exit code; Ctrl-C is one line while it loads, too."""
    try:
        from impasto.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("impasto: interrupted, no picture written\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
