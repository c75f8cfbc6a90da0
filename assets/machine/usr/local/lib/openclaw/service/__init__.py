"""What openclaw.service needs before it starts: its image and its secrets."""
