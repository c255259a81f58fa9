"""What a stack is on disk: the file backend, its checkpoint, encryption and lock."""
