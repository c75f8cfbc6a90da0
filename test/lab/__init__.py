"""A place to run the machine without AWS: a local AWS, and containers that stand for EC2 instances."""
