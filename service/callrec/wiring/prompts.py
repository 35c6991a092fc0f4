"""Constructs the use cases of own prompts, for the daemon and for commands."""

from callrec.adapters.disk.prompt_folder import DiskPrompts
from callrec.adapters.media.prompt_audio import to_samples
from callrec.app.asterisk.prompts import Prompts
from callrec.config import Settings


def prompts_of(settings: Settings) -> Prompts:
    """Those of these settings."""
    return Prompts(DiskPrompts(settings.prompts_dir), to_samples)
