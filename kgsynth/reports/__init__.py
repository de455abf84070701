"""What a graph holds, what walks used of it, and what came of that: figures, and the page that shows them."""
