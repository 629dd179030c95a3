"""The pure model: flows, nodes, conditions, records. Standard library and pydantic only."""
