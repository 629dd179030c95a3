"""Pictures of flows: what is drawn (`picture`), how it looks (`looks`), how it is written (`mermaid`, `svg`)."""
