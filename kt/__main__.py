"""`python -m kt` is the same program as `kt`."""

from kt.cli import main

if __name__ == "__main__":
    main()
