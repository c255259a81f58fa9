"""The MCP tunnel: private MCP servers that agents reach through Anthropic, over a connection that goes out and none that comes in."""
