"""What an operator sees of the deployment itself."""
