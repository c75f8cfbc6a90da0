"""Asks the local AWS's policy evaluator.

Reads `{"policy": …, "questions": [{"action", "resource", "context"}]}` on standard input, writes a JSON array with one
of `Allow`, `Deny` and `no decision` for each question.
"""

import json
import sys

from lab.aws.policy import Question, decide

given = json.load(sys.stdin)
questions = (
    Question(asked["action"], asked["resource"], {key.lower(): value for key, value in asked["context"].items()})
    for asked in given["questions"]
)
json.dump([decide([given["policy"]], question) for question in questions], sys.stdout)
