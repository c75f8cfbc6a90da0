"""A place to run the machine without AWS: a local AWS, and containers that stand for EC2 instances.

Real: the CDK CLI and this repository's app, cloud-init, systemd, a Docker engine per machine, OpenClaw's release,
restic, the aws CLI, ECR's login and pull, the metadata service's version 2 with its hop limit, a role's own credentials
and what its policies deny, orderly ends, power cuts, reboots.

Stood in for: AWS (`lab.aws`), Amazon Linux by Debian, cfn-init, cfn-signal, dnf and the CloudWatch agent by small
programs in the machine image, Session Manager's port forward by the tunnel, the pinned downloads by Debian's builds.

Its switches (`lab.switches`): packages that cannot be had, an older CloudWatch agent. AWS's faults are the local AWS's
(`lab.aws.journal`).

Not modelled: EBS (a root volume is the container's own, Docker's data a volume; both end with the instance), the size
of an instance type, swap, the internet, SELinux, an instance that EC2 stops or fails to launch.
"""
