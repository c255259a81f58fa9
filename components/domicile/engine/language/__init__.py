"""The program's side: the resource monitor served to it, and its process."""
