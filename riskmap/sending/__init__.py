"""What leaves the council: to which body, with which letter, and what came back."""
