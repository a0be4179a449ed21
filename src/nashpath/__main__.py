"""``python -m nashpath``, and the ``nashpath`` command: it answers Ctrl-C from its first moment on."""

import gc
import os
import signal
import sys


def entry() -> None:
    """The console entry point. Until the rooms are imported there is nothing to save, so Ctrl-C leaves at once."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # not where a shell had it ignored
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))
    from nashpath.cli import main

    signal.signal(signal.SIGINT, before)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        if "triton._C.libtriton" not in sys.modules:  # it prints, line after line, what of its own is not collected
            gc.freeze()  # or leaving walks all that PyTorch has made, for a second and more


if __name__ == "__main__":
    entry()
