"""Mail sending: delivers one letter to one address. It knows no campaign, no topic and no console."""
