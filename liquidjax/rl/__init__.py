"""Reinforcement learning."""

from liquidjax.rl.actors import ContinuousActor as ContinuousActor
from liquidjax.rl.actors import DiscreteActor as DiscreteActor
from liquidjax.rl.agent import for_environment as for_environment
from liquidjax.rl.critic import Critic as Critic
from liquidjax.rl.sac import SAC as SAC
from liquidjax.rl.training import train as train
