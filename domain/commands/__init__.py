"""What can be asked, in the imperative."""
