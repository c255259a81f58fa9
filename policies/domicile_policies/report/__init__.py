"""Findings for readers: a terminal, a code host (SARIF), a browser (HTML). Each module has `text(findings)`; JSON is `Findings` itself.

Called by `domicile check`. Renderers know no resource: what they say comes from `Findings`, whose messages hold no secret.
"""
