"""`PYTHONPATH=test python -m lab.aws --port 4566`: the local AWS by itself, until it is interrupted."""

import argparse
import logging
import threading
from pathlib import Path

from .server import LocalAws


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.aws", description="A local AWS for this project's stack")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1, without TLS")
    parser.add_argument("--https", help="ADDRESS:PORT to serve with TLS as well")
    parser.add_argument("--certificate", type=Path, help="PEM file for --https")
    parser.add_argument("--key", type=Path, help="PEM file of the certificate's key")
    options = parser.parse_args()
    if bool(options.https) != bool(options.certificate and options.key):
        parser.error("--https needs --certificate and --key, and they need it")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    address, _, port = (options.https or "").rpartition(":")
    https = (address, int(port)) if options.https else None
    with LocalAws(
        http=("127.0.0.1", options.port), https=https, certificate=options.certificate, key=options.key
    ) as aws:
        print(f"the local AWS listens on {aws.url}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
