"""What S3 can answer instead of what was asked for, and which requests are meant."""

FAULTS = {
    "500": {"status": 500},
    "503 SlowDown": {"status": 503},
    "403": {"status": 403},
    "no answer": {"hang_seconds": 30},
}
KEEP_FEW = {f"BACKUP_KEEP_{period}": "1" for period in ("HOURLY", "DAILY", "WEEKLY")}


def request(method, path, body=b""):
    return lambda asked: asked.method == method and path in asked.path and body in asked.body
