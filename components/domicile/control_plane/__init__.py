"""The control plane: what a stack keeps there (an environment, a tunnel), by the operator's credential; `local` provisions the stand-in."""
