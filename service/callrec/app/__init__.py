"""The use cases. They import the domain and the ports, never an adapter."""
