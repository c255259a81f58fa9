"""What happens to each resource, and in which order: goal states, decisions, steps."""
