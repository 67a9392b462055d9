"""Commands as somebody types them, and what each ended with."""

import json

from riskmap import commands


class Answer:
    """What one command ended with; ``data`` is its last line, where that is JSON."""

    def __init__(self, status, captured):
        self.status = status
        self.out, self.err = captured.out, captured.err

    @property
    def data(self):
        return json.loads(self.out.strip().splitlines()[-1])


def typed(capsys, *arguments):
    """Run one command with nothing said before it."""
    capsys.readouterr()
    return Answer(commands.main([str(argument) for argument in arguments]), capsys.readouterr())
