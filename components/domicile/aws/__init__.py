"""What the rooms of an AWS region share: names, policies, machines, alarms; and `region`, which puts the rooms together."""
