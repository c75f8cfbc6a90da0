"""A local AWS: moto in server mode, and what this project's stack and machine need beyond it.

It is a model. `cloudformation` makes, changes and deletes stacks of the resource types this project uses and refuses
any other; `policy` and `access` enforce IAM; `autoscaling` and `ec2` launch and replace instances, which are records
here (the lab boots a container for each). Everything else is moto's. Prices, quotas, eventual consistency, request
signatures and service limits are not modelled.
"""
