"""Things of one machine as Pulumi resources: folders, files, namespaces, links, the container engine, images, containers.

The rooms' `local.py` files put these together. Each resource creates, reads, updates and deletes idempotently, so an `up` that was
killed anywhere converges when it is run again, and `refresh` shows what was changed by hand.
"""
