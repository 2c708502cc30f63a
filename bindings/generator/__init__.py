"""The generator of the bindings' raw layers: `api` reads the headers, each `emit_` module writes one language."""
