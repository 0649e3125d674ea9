"""The staff's side: campaigns, audience, launch, schedule, report, the command line and the composition root."""
