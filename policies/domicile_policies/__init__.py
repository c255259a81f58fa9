"""Domicile's policy pack: what may not be in a stack, one module a concern. It knows neither clouds' SDKs nor the components."""
