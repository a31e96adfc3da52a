"""What can be proved: restatements, other policies, quality, health, definitions, marts."""
