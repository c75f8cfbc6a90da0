"""botocore's session as our programs start it: in half of botocore's own time and memory."""

import gc
import os

# What botocore loads stays: to look through it for garbage again and again takes an eighth of a start.
gc.set_threshold(20_000)

from botocore.session import Session, get_session  # noqa: E402 (after the threshold)

# EC2 and Parameter Store by what is asked of them: botocore's own models take 30 MB and a quarter of a second to read.
MODELS = os.path.join(os.path.dirname(__file__), "models")


def new_session() -> Session:
    session = get_session()
    session.set_config_variable("data_path", MODELS)
    return session
