"""`python -m assistant` is `whichpapers`."""

from assistant.cli import main

main()
