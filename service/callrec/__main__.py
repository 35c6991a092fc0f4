"""`python -m callrec` is `callrec`."""

from callrec.cli.app import main

if __name__ == "__main__":
    main()
