"""What more than one system is made of."""
