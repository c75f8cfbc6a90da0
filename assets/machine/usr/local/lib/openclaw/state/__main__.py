import gc

# What botocore loads stays: to look through it for garbage again and again takes an eighth of a start.
gc.set_threshold(20_000)
# ruff: noqa: E402

from .cli import main

raise SystemExit(main())
