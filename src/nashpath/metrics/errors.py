"""What can be wrong with samples or features, as one family of errors that says what to do."""


class MetricError(ValueError):
    """Base of every refusal to return a number; catch this one around a measurement."""


class NotFiniteError(MetricError):
    """NaN or infinity among samples or features."""


class TooFewSamplesError(MetricError):
    """Fewer samples than the metric is defined for."""


class TooManySamplesError(MetricError):
    """More samples than an exact computation can hold."""


class ShapeError(MetricError):
    """Samples or features of a shape that the metric cannot use, or of two shapes that do not fit together."""


class ProtocolError(MetricError):
    """Numbers measured under different protocols, asked to be compared."""


class FeaturesError(MetricError):
    """A feature extractor that is missing, has the wrong weights, or lacks what the metric needs."""
