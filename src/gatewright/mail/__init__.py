"""Mail: messages put into the outbox with the change they tell of, and sent after it."""
