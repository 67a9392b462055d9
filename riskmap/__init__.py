"""The service: deliveries in, releases out, and the pages that show them."""
