"""The chat of tests/chat.py, in which a protection may be off: `python -m tests.trust.payload_chat ...`."""

from __future__ import annotations

from tests.chat import main
from tests.trust.off import switch_off

if __name__ == "__main__":
    switch_off()
    main()
