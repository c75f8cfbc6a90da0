"""The ends that a machine can meet, by name, in the order in which they are measured."""

from . import faults, notices, orderly, overlap, power, rollout

# The one with the large state comes last: its state stays.
ALL = {
    **notices.ENDS,
    **faults.ENDS,
    **orderly.ENDS,
    **power.ENDS,
    "overlap": overlap.overlap,
    "rollout": rollout.rollout,
    "large": notices.large,
}
