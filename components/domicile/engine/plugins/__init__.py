"""Provider plugins as processes, spoken to over gRPC."""
