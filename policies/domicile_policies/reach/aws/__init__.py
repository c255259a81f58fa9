"""How packets go in a VPC, one module a mechanism. Sources are AWS's own guides; each module names what it takes from them."""
