"""The state tables. Each decides on its own stream, and knows no other."""
