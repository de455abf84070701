"""Generation: write prompts, send them to backends, and check the texts that come back."""
