"""The loss of a slice-aware network: of its answer, of the head for everybody, of indicators and of experts."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from .loss import soft_cross_entropy
from .slice_network import SliceOutput

__all__ = ["slice_loss"]


def slice_loss(
    output: SliceOutput, probs: torch.Tensor, member: torch.Tensor, weight: torch.Tensor, shares: torch.Tensor
) -> torch.Tensor:
    """Return the loss of each example: of the answer, of the head for everybody, of indicators and of experts.

    Parameters
    ----------
    output : SliceOutput
    probs : torch.Tensor, shape (batch, k)
        Soft labels.
    member : torch.Tensor of float, shape (batch, s)
        1 where the example belongs to the slice: an expert learns from its members alone.
    weight : torch.Tensor, shape (batch,)
    shares : torch.Tensor, shape (s,)
        Share of all examples that belong to each slice.

    Returns
    -------
    torch.Tensor, shape (batch,)

    Notes
    -----
    Summed over a batch, the experts of small slices would hardly be heard by the trunk that they share: a slice of 6 %
    would have 6 % of a say, and neither its rule nor its border would be among the features. As means over their
    members, all heads would have an equal say, and slices would crowd out everybody. An expert's loss is divided by the
    square root of its share, half way between the two. An indicator learns from members and others alike: its loss is
    the mean of both means. Slices together count as one.

    Examples
    --------
    >>> from labelwright.endmodels.torch.slice_network import SliceNetwork
    >>> shares = torch.tensor([0.4])
    >>> network = SliceNetwork(torch.nn.Linear(4, 8), 8, classes=2, shares=[0.4])
    >>> output = network.outputs(torch.zeros(5, 4))
    >>> slice_loss(output, torch.full((5, 2), 0.5), torch.ones(5, 1), torch.ones(5), shares).shape
    torch.Size([5])
    """
    answer = soft_cross_entropy(output.logits, probs, reduction="none")
    heads = output.heads.flatten(0, 1)
    each = soft_cross_entropy(heads, probs.repeat_interleave(output.heads.shape[1], dim=0), reduction="none")
    everybody, experts = each.view(len(probs), -1).tensor_split([1], dim=1)
    alike = 0.5 * (member / shares + (1 - member) / (1 - shares))
    # What it learned with as many members as others: without the log-odds that the network adds.
    evidence = output.indicators - torch.logit(shares)
    belongs = binary_cross_entropy_with_logits(evidence, member, alike, reduction="none")
    taught = experts * member / shares.sqrt()
    return weight * (answer + everybody[:, 0] + taught.mean(dim=1) + belongs.mean(dim=1))
