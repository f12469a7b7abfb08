"""Augmentation in a project: the policy that is learned or chosen, and the copies that the end model trains on."""
