"""What a machine's own configuration lets through: its files (Ignition), its proxy (Envoy), its packet filter (nftables)."""
