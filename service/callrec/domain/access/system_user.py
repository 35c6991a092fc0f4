"""Who runs a command on this machine, as the audit log names them."""

from dataclasses import dataclass

from callrec.domain.access.audit import Actor, ActorKind

MOST_NAME = 64


@dataclass(frozen=True, slots=True)
class SystemUser:
    """A user of this machine. The number is what the kernel says; the names are for people, and are no proof: who has become
    root can set them."""

    number: int
    name: str = ""
    sudo_user: str = ""
    """Who has become this user by sudo; empty when it is not said."""

    @property
    def actor(self) -> Actor:
        """As an entry has it for ever."""
        return Actor(ActorKind.MACHINE, str(self.number))

    @property
    def place(self) -> str:
        """What an entry has in place of an IP address, as a text that can be erased: `this machine: root, by sudo of ann`."""
        names = [_plain(self.name) or f"user {self.number}"]
        names += [f"by sudo of {_plain(self.sudo_user)}"] if self.sudo_user else []
        return f"this machine: {', '.join(names)}"


def _plain(name: str) -> str:
    return "".join(one for one in name if one.isprintable())[:MOST_NAME]
