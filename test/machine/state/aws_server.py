"""Runs the AWS CLI's own code in a fork per call, so that a test pays for loading it once.

Run by the Python that has awscli: aws_server.py SOCKET. A call's process joins its caller's process group and ends
with it.
"""

import array
import json
import os
import signal
import socket
import sys
import threading

import awscli.clidriver
import awscli.customizations.s3.subcommands

DRIVER = awscli.clidriver.create_clidriver()


def receive(connection: socket.socket) -> tuple:
    size, ancillary, _, _ = connection.recvmsg(4, socket.CMSG_SPACE(12))
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    left, parts = int.from_bytes(size, "big"), []
    while left:
        parts.append(connection.recv(left))
        left -= len(parts[-1])
    return descriptors, json.loads(b"".join(parts))


def serve(connection: socket.socket) -> None:
    descriptors, (arguments, environment, directory, group) = receive(connection)
    try:
        os.setpgid(0, group)
    except OSError:
        os._exit(137)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(directory)
    # awscli notes on import where its models are.
    data_path = os.environ["AWS_DATA_PATH"]
    os.environ.clear()
    os.environ.update(environment, AWS_DATA_PATH=data_path)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.argv = arguments
    threading.Thread(target=end_with, args=(connection.dup(),), daemon=True).start()
    code = DRIVER.main(arguments[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(bytes([code & 0xFF]))
    os._exit(code)


def end_with(connection: socket.socket) -> None:
    connection.recv(1)
    os._exit(143)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(16)
    for service in ("s3", "ssm", "ec2", "cloudwatch"):
        # Builds the service's client once: its models and rules then lie in the loader's memory.
        DRIVER.session.create_client(
            service, region_name="us-east-1", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="none"
        )
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                serve(connection)
            finally:
                os._exit(1)
        connection.close()


main()
