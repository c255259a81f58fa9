"""The control plane: Anthropic's own needs nothing here; the stand-in for trying and testing is provisioned by `local`."""
