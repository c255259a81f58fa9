"""How many worker hosts there are: the queue's numbers as metrics, the group scaled by them, and who is told when neither is right."""
