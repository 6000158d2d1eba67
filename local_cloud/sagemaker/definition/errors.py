"""What is wrong with a definition."""


class DefinitionError(ValueError):
    """The pipeline definition cannot be executed; the text names what is wrong."""


class Unparsable(DefinitionError):
    """The document has the wrong shape; CreatePipeline says so in front of the reason."""

    def __str__(self) -> str:
        return f"Unable to parse pipeline definition. {super().__str__()}"
