"""The one exception that a user is meant to read."""


class InputError(Exception):
    """Bad input: config, audio, manifest, checkpoint, or a download that is not what it should be.

    The message is one line that names the file or key, what is wrong, and the mend. The command
    line prints it without a traceback and exits with status 2.
    """

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).split()))
