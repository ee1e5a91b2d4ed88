"""What the processes of the suite tell each other through the broker: JSON, versioned, small."""
