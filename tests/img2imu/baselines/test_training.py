import torch
from torch import nn

from img2imu.baselines.training import predicted_classes, seeded, train


def test_seeded_draws_the_same_and_leaves_no_trace():
    torch.manual_seed(1)
    undisturbed = torch.rand(3)
    torch.manual_seed(1)
    with seeded(7):
        first = torch.rand(3)
    torch.testing.assert_close(torch.rand(3), undisturbed, rtol=0, atol=0)
    with seeded(7):
        torch.testing.assert_close(torch.rand(3), first, rtol=0, atol=0)


def test_training_lowers_the_loss_and_ends_in_eval_mode():
    inputs = torch.cat([torch.full((5, 2), -1.0), torch.full((5, 2), 1.0)])
    classes = torch.arange(2).repeat_interleave(5)
    with seeded(0):
        network = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1))
        optimiser = torch.optim.AdamW(network.parameters(), 0.1)
        train(network, optimiser, inputs, classes, steps=50, batch=4)
    assert not network.training
    assert predicted_classes(network, inputs.repeat(20, 1)).tolist() == classes.repeat(20).tolist()
    assert nn.functional.cross_entropy(network(inputs), classes) < 0.1
