import gc

# What botocore loads stays: to look through it for garbage again and again takes a quarter of a start.
gc.set_threshold(100_000)
# ruff: noqa: E402

from .cli import main

raise SystemExit(main())
