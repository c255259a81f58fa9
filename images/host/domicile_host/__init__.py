"""The worker host's program: dispatcher, session gateway, egress policy and audit, each a process in a container of its own."""
