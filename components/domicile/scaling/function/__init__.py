"""The code of this room's functions. It runs in AWS Lambda with the standard library and the runtime's own botocore, nothing else."""
