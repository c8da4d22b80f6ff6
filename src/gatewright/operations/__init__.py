"""What an operator sees of the deployment itself: its settings and its health."""
