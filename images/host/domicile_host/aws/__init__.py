"""What services on a machine in an AWS region share: the role's credentials and signed calls. Nothing here is imported elsewhere."""
