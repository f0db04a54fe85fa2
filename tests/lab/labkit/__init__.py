"""The lab's machinery: images, network, machines, databases, deployment, and what scenarios ask."""
