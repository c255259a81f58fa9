"""The program's side: Pulumi's own gRPC served to it, and its process."""
