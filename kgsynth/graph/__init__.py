"""The graph room: the managed server, the session, facts, decisions, derived layers, checks and provenance."""
