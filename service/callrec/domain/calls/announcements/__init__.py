"""What participants are told, by tones, prompts, beeps and device states, and who has heard it."""
